// A JSON file, or one with a value per line, cut into items while it is read.
#include <charconv>

#include "base/json_scan.h"
#include "base/json_text.h"
#include "orchestrator/item_source_impl.h"

namespace sluice::orchestrator {
namespace {

using workflows::Evaluated;
using workflows::Failure;

// Checks what was cut out; the cutting itself only looks for where it ends.
std::optional<Failure> malformed(const std::string& text, const std::string& where) {
  const Status status = check_json(text);
  if (status) return std::nullopt;
  return reader_failure(fmt::format("{}: {}", where, status.error().detail));
}

class JsonSource final : public ItemSource {
 public:
  JsonSource(OpenedFile file, std::string pointer)
      : ItemSource("S3://" + file.place, file.items_max),
        file_(std::move(file)),
        pointer_(std::move(pointer)) {}

  // Goes to the array or object.
  std::optional<Failure> enter() {
    for (std::size_t from = 0; from < pointer_.size();) {
      const std::size_t slash = std::min(pointer_.find('/', from + 1), pointer_.size());
      if (auto failure = descend(token(from + 1, slash), pointer_.substr(0, slash))) return failure;
      from = slash;
    }
    const int c = after_space();
    object_ = c == '{';
    if (c == '[' || (object_ && !pointer_.empty())) {
      file_.reader.get();
      return std::nullopt;
    }
    if (c == FileReader::end) return unexpected("a JSON value");
    if (pointer_.empty())
      return reader_failure(
          fmt::format("Attempting to map over non-iterable node. File \"{}\" holds {}: expected "
                      "an array, or an ItemsPointer to one inside it",
                      file_.place, object_ ? "an object" : "neither an array nor an object"));
    return reader_failure(
        fmt::format("Attempting to map over non-iterable node. What ItemsPointer \"{}\" selects "
                    "in file \"{}\" is neither an array nor an object",
                    pointer_, file_.place));
  }

 private:
  Evaluated<bool> take(SourceItem& item) override {
    const char close = object_ ? '}' : ']';
    int c = after_space();
    if (c == close) return closed();
    if (!first_) {
      if (c != ',') return unexpected(object_ ? "',' or '}'" : "',' or ']'");
      file_.reader.get();
      c = after_space();
    }
    first_ = false;
    if (object_) {
      std::string name;
      if (auto failure = member_name(name)) return *std::move(failure);
      item.key = std::move(name);
    }
    if (auto failure = value(&item.text)) return *std::move(failure);
    if (auto failure =
            malformed(item.text, fmt::format("file \"{}\", item {}", file_.place, item.index)))
      return *std::move(failure);
    return true;
  }

  Evaluated<bool> closed() {
    file_.reader.get();
    if (pointer_.empty() && after_space() != FileReader::end)
      return unexpected("the end of the file");
    if (file_.reader.failed()) return unexpected("the end of the file");
    return false;
  }

  int after_space() {
    for (;;) {
      const int c = file_.reader.peek();
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return c;
      file_.reader.get();
    }
  }

  Failure unexpected(std::string_view expected) {
    const int c = file_.reader.peek();
    if (file_.reader.failed())
      return reader_failure(
          fmt::format("file \"{}\" cannot be read: {}", file_.place, file_.reader.reason()));
    std::string found = "the end of the file";
    if (c != FileReader::end)
      found = c > 0x20 && c < 0x7F ? fmt::format("'{}'", static_cast<char>(c))
                                   : fmt::format("byte 0x{:02x}", c);
    return reader_failure(fmt::format("file \"{}\" is not JSON: line {}: expected {}, found {}",
                                      file_.place, file_.reader.line(), expected, found));
  }

  // One value, into `out` unless it is null. Its brackets are counted, no more; whoever keeps it
  // has it checked.
  std::optional<Failure> value(std::string* out) {
    int c = after_space();
    const bool nested = c == '{' || c == '[';
    const bool quoted = c == '"';
    std::size_t depth = 0;
    std::size_t bytes = 0;
    bool in_string = false;
    for (;; c = file_.reader.peek()) {
      const bool ends_scalar = c == FileReader::end || c == ',' || c == ']' || c == '}' ||
                               c == ' ' || c == '\n' || c == '\r' || c == '\t';
      if (!nested && !quoted && ends_scalar) {
        if (bytes == 0) return unexpected("a JSON value");
        return std::nullopt;
      }
      if (c == FileReader::end) return unexpected("the end of a value that has begun");
      file_.reader.get();
      if (out != nullptr) {
        out->push_back(static_cast<char>(c));
        if (++bytes > file_.item_bytes_max)
          return reader_failure(fmt::format(
              "file \"{}\", line {}: expected items of at most {} bytes (the payload limit), "
              "found a larger one",
              file_.place, file_.reader.line(), file_.item_bytes_max));
      } else {
        bytes = 1;
      }
      if (in_string) {
        if (c == '\\') {
          const int escaped = file_.reader.get();
          if (escaped == FileReader::end) return unexpected("an escaped character after '\\'");
          if (out != nullptr) out->push_back(static_cast<char>(escaped));
        } else if (c == '"') {
          in_string = false;
          if (quoted) return std::nullopt;
        }
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if ((c == '}' || c == ']') && --depth == 0) {
        return std::nullopt;
      }
    }
  }

  std::optional<Failure> member_name(std::string& name) {
    if (after_space() != '"') return unexpected("a member's name in double quotes");
    std::string slice;
    if (auto failure = value(&slice)) return failure;
    if (auto failure =
            malformed(slice, fmt::format("file \"{}\", line {}", file_.place, file_.reader.line())))
      return failure;
    name = json_scan::unescape(slice);
    if (after_space() != ':') return unexpected("':' after the member's name");
    file_.reader.get();
    return std::nullopt;
  }

  // One step of the pointer, unescaped.
  std::string token(std::size_t from, std::size_t to) const {
    std::string out;
    for (std::size_t i = from; i < to; ++i) {
      if (pointer_[i] == '~' && i + 1 < to) {
        out += pointer_[++i] == '1' ? '/' : '~';
      } else {
        out += pointer_[i];
      }
    }
    return out;
  }

  // From the container that follows to where its member or element `step` begins.
  std::optional<Failure> descend(const std::string& step, const std::string& so_far) {
    const auto missing = [&] {
      return reader_failure(
          fmt::format("ItemsPointer \"{}\" selects nothing in file \"{}\": there "
                      "is no \"{}\"",
                      pointer_, file_.place, so_far));
    };
    const int open = after_space();
    if (open == FileReader::end) return unexpected("a JSON value");
    if (open != '{' && open != '[') return missing();
    file_.reader.get();
    const char close = open == '{' ? '}' : ']';
    std::int64_t wanted = -1;
    if (open == '[') {
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), wanted);
      if (error != std::errc{} || end != step.data() + step.size() || wanted < 0) return missing();
    }
    for (std::int64_t n = 0;; ++n) {
      if (after_space() == close) return missing();
      if (n > 0) {
        if (file_.reader.peek() != ',') return unexpected("','");
        file_.reader.get();
      }
      if (open == '{') {
        std::string name;
        if (after_space() != '"') return unexpected("a member's name in double quotes");
        if (auto failure = member_name(name)) return failure;
        if (name == step) return std::nullopt;
      } else if (n == wanted) {
        return std::nullopt;
      }
      if (auto failure = value(nullptr)) return failure;
    }
  }

  OpenedFile file_;
  const std::string pointer_;
  bool object_ = false;
  bool first_ = true;
};

class LineSource final : public ItemSource {
 public:
  explicit LineSource(OpenedFile file)
      : ItemSource("S3://" + file.place, file.items_max), file_(std::move(file)) {}

 private:
  Evaluated<bool> take(SourceItem& item) override {
    for (;;) {
      const std::int64_t line = file_.reader.line();
      const auto where = [&] { return fmt::format("file \"{}\", line {}", file_.place, line); };
      int c = file_.reader.get();
      if (c == FileReader::end) {
        if (file_.reader.failed())
          return reader_failure(
              fmt::format("file \"{}\" cannot be read: {}", file_.place, file_.reader.reason()));
        return false;
      }
      item.text.clear();
      bool blank = true;
      for (; c != FileReader::end && c != '\n'; c = file_.reader.get()) {
        const bool space = c == ' ' || c == '\t' || c == '\r';
        if (blank && space) continue;
        blank = false;
        item.text.push_back(static_cast<char>(c));
        if (item.text.size() > file_.item_bytes_max)
          return reader_failure(
              fmt::format("{}: expected items of at most {} bytes (the payload limit), found a "
                          "larger one",
                          where(), file_.item_bytes_max));
      }
      if (blank) continue;
      while (item.text.back() == ' ' || item.text.back() == '\t' || item.text.back() == '\r')
        item.text.pop_back();
      if (auto failure = malformed(item.text, where())) return *std::move(failure);
      return true;
    }
  }

  OpenedFile file_;
};

}  // namespace

Evaluated<std::unique_ptr<ItemSource>> items_of_json(OpenedFile file, std::string pointer) {
  auto source = std::make_unique<JsonSource>(std::move(file), std::move(pointer));
  if (auto failure = source->enter()) return *std::move(failure);
  return std::unique_ptr<ItemSource>(std::move(source));
}

std::unique_ptr<ItemSource> items_of_lines(OpenedFile file) {
  return std::make_unique<LineSource>(std::move(file));
}

}  // namespace sluice::orchestrator
