#include "cli/locate.h"

#include "base/json.h"

namespace sluice::cli {
namespace {

// Walks the text once, down the pointer's steps, and skips everything beside them. The text was
// parsed before (its problems have pointers), so this only has to tell structure from strings.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  std::optional<std::size_t> find(std::string_view pointer) {
    space();
    std::size_t best = at_;
    while (!pointer.empty() && pointer.front() == '/') {
      pointer.remove_prefix(1);
      const std::string_view step = pointer.substr(0, pointer.find('/'));
      pointer.remove_prefix(step.size());
      std::optional<std::size_t> next;
      if (peek() == '{')
        next = into_object(step);
      else if (peek() == '[')
        next = into_array(step);
      if (!next) break;
      best = *next;
    }
    if (best >= text_.size()) return std::nullopt;
    return best;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  void skip_string() {
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2U : 1U;
    ++at_;
  }
  void skip_value() {
    int depth = 0;
    do {
      space();
      const char c = peek();
      if (c == '\0') return;
      if (c == '"')
        skip_string();
      else if (c == '{' || c == '[')
        ++depth, ++at_;
      else if (c == '}' || c == ']')
        --depth, ++at_;
      else if (c == ',' || c == ':')
        ++at_;
      else
        while (at_ < text_.size() &&
               std::string_view(",:]} \t\r\n").find(text_[at_]) == std::string_view::npos)
          ++at_;
    } while (depth > 0 && at_ < text_.size());
  }

  // On success at_ is at the member's value; the answer is its name's place.
  std::optional<std::size_t> into_object(std::string_view step) {
    ++at_;
    while (true) {
      space();
      if (peek() != '"') return std::nullopt;
      const std::size_t name = at_;
      skip_string();
      const auto decoded = parse_json(text_.substr(name, std::min(at_, text_.size()) - name));
      space();
      if (peek() != ':') return std::nullopt;
      ++at_;
      space();
      if (decoded && decoded->is_string() &&
          pointer_token(decoded->get_ref<const std::string&>()) == step)
        return name;
      skip_value();
      space();
      if (peek() != ',') return std::nullopt;
      ++at_;
    }
  }
  std::optional<std::size_t> into_array(std::string_view step) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
    if (error != std::errc() || end != step.data() + step.size()) return std::nullopt;
    ++at_;
    for (std::size_t i = 0;; ++i) {
      space();
      if (peek() == ']' || peek() == '\0') return std::nullopt;
      if (i == index) return at_;
      skip_value();
      space();
      if (peek() != ',') return std::nullopt;
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<TextPlace> locate(std::string_view text, std::string_view pointer) {
  const auto offset = Walker(text).find(pointer);
  if (!offset) return std::nullopt;
  TextPlace place;
  for (const char c : text.substr(0, *offset)) {
    if (c == '\n')
      ++place.line, place.column = 1;
    else
      ++place.column;
  }
  return place;
}

}  // namespace sluice::cli
