#include "base/json.h"

#include <fmt/core.h>

#include <charconv>
#include <vector>

#include "base/json_scan.h"

namespace sluice {
namespace {

// Builds the tree from what the scanner meets. Pointers into open containers stay valid, because
// only the innermost one grows.
class Builder {
 public:
  Builder(std::string_view text, bool refuse_duplicates)
      : text_(text), refuse_duplicates_(refuse_duplicates) {}

  void null() { place(nullptr); }
  void boolean(bool value) { place(value); }
  void string(std::string_view slice, bool escaped) { place(plain(slice, escaped)); }
  void number(std::string_view slice, bool integer) {
    const char* const from = slice.data();
    const char* const to = from + slice.size();
    if (integer && *from == '-') {
      std::int64_t value = 0;
      if (std::from_chars(from, to, value).ec == std::errc{}) return place(value);
    } else if (integer) {
      std::uint64_t value = 0;
      if (std::from_chars(from, to, value).ec == std::errc{}) return place(value);
    }
    // Too long for an integer, or a real; what is too small for a double stays the zero it is set
    // to.
    double value = *from == '-' ? -0.0 : 0.0;
    (void)std::from_chars(from, to, value);
    place(value);
  }
  void begin_object() { open(Json::value_t::object); }
  void begin_array() { open(Json::value_t::array); }
  void end_object() { stack_.pop_back(); }
  void end_array() { stack_.pop_back(); }
  void element() {}
  void key(std::string_view slice, bool escaped) {
    Level& level = stack_.back();
    auto& object = *level.container->get_ptr<Json::object_t*>();
    const auto [member, added] = object.emplace(plain(slice, escaped), nullptr);
    level.member = static_cast<std::size_t>(member - object.begin());
    level.slot = &member->second;
    if (!added && refuse_duplicates_) report(member->first, slice);
  }

  Json take() { return std::move(root_); }
  std::size_t duplicate_count() const { return duplicate_count_; }
  std::vector<Problem> take_problems() { return std::move(problems_); }

 private:
  struct Level {
    Json* container;
    std::size_t member = 0;  // objects: which member is being read
    Json* slot = nullptr;    // and where its value goes
  };

  static std::string plain(std::string_view slice, bool escaped) {
    return escaped ? json_scan::unescape(slice) : std::string(slice.substr(1, slice.size() - 2));
  }

  template <class Value>
  Json* put(Value&& value) {
    if (stack_.empty()) {
      root_ = Json(std::forward<Value>(value));
      return &root_;
    }
    const Level& level = stack_.back();
    if (level.slot != nullptr) {
      *level.slot = Json(std::forward<Value>(value));
      return level.slot;
    }
    auto& array = *level.container->get_ptr<Json::array_t*>();
    return &array.emplace_back(std::forward<Value>(value));
  }
  template <class Value>
  void place(Value&& value) {
    (void)put(std::forward<Value>(value));
  }
  void open(Json::value_t kind) {
    Json* const container = put(kind);
    stack_.push_back({container});
  }

  void report(const std::string& name, std::string_view slice) {
    // A hostile text holds any number of them; a person reads a few.
    constexpr std::size_t listed_max = 100;
    if (++duplicate_count_ > listed_max) return;
    std::string pointer;
    for (const Level& level : stack_) {
      pointer += '/';
      if (const auto* object = level.container->get_ptr<const Json::object_t*>())
        pointer +=
            pointer_token((object->begin() + static_cast<std::ptrdiff_t>(level.member))->first);
      else
        pointer += std::to_string(level.container->size() - 1);
    }
    const auto offset = static_cast<std::size_t>(slice.data() - text_.data());
    problems_.push_back(
        {std::move(pointer),
         fmt::format("expected each name once in an object, found \"{}\" again at {}",
                     json_scan::shortened(name), json_scan::place(text_, offset))});
  }

  std::string_view text_;
  bool refuse_duplicates_;
  Json root_;
  std::vector<Level> stack_;
  std::vector<Problem> problems_;
  std::size_t duplicate_count_ = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  json_scan::Scanner scanner(text, limits.depth_max);
  Builder builder(text, limits.refuse_duplicate_keys);
  if (!scanner.document(builder)) return json_scan::to_error(scanner, text);
  if (const std::size_t count = builder.duplicate_count(); count > 0) {
    Error error = make_error(
        Errc::invalid_argument,
        fmt::format("the JSON text repeats {} in an object; keep one of each",
                    count == 1 ? std::string("a name") : fmt::format("{} names", count)));
    error.problems = builder.take_problems();
    return error;
  }
  return builder.take();
}

std::string to_text(const Json& value) {
  // `replace` instead of throwing, should a string have been made with bytes that are not UTF-8.
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string pointer_token(std::string_view key) {
  std::string token;
  token.reserve(key.size());
  for (const char c : key) {
    if (c == '~')
      token += "~0";
    else if (c == '/')
      token += "~1";
    else
      token += c;
  }
  return token;
}

}  // namespace sluice
