#include "workflows/jsonata/lexer.h"

#include <algorithm>

#include "workflows/jsonata/failure.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

constexpr std::string_view spaces = " \t\n\r\v";
constexpr std::string_view signs = ".[]{}(),@#;:?+-*/%|=<>^&!~";
constexpr std::string_view double_signs[] = {"..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void Lexer::skip_space() {
  for (;;) {
    while (position_ < text_.size() && spaces.find(text_[position_]) != spaces.npos) ++position_;
    if (at(position_) != '/' || at(position_ + 1) != '*') return;
    const std::size_t end = text_.find("*/", position_ + 2);
    if (end == text_.npos) fail("S0106", {.position = position_});
    position_ = end + 2;
  }
}

Token Lexer::next(bool infix) {
  skip_space();
  if (position_ >= text_.size()) return made(TokenType::end, "");
  const char current = text_[position_];
  if (!infix && current == '/') return read_regex();
  const std::string_view left = text_.substr(position_);
  for (const std::string_view sign : double_signs) {
    if (!left.starts_with(sign)) continue;
    position_ += 2;
    return made(TokenType::operator_sign, std::string(sign));
  }
  if (signs.find(current) != signs.npos) {
    ++position_;
    return made(TokenType::operator_sign, std::string(1, current));
  }
  if (current == '"' || current == '\'') return read_string(current);
  if (auto number = read_number()) return *number;
  if (current == '`') {
    const std::size_t end = text_.find('`', position_ + 1);
    if (end == text_.npos) fail("S0105", {.position = text_.size()});
    const std::string name(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return made(TokenType::name, name);
  }
  return read_name();
}

// A slash inside brackets does not end the expression, nor does one behind a backslash.
Token Lexer::read_regex() {
  const std::size_t start = ++position_;
  int depth = 0;
  for (; position_ < text_.size(); ++position_) {
    const char current = text_[position_];
    std::size_t backslashes = 0;
    while (backslashes < position_ - start && text_[position_ - backslashes - 1] == '\\')
      ++backslashes;
    if (current == '/' && depth == 0 && backslashes % 2 == 0) {
      const std::string_view pattern = text_.substr(start, position_ - start);
      if (pattern.empty()) fail("S0301", {.position = position_});
      const std::size_t flags = ++position_;
      while (at(position_) == 'i' || at(position_) == 'm') ++position_;
      Token token = made(TokenType::regex, std::string(pattern));
      token.regex = std::make_shared<Regex>(pattern, text_.substr(flags, position_ - flags), start);
      return token;
    }
    if (backslashes > 0) continue;
    if (current == '(' || current == '[' || current == '{') ++depth;
    if (current == ')' || current == ']' || current == '}') --depth;
  }
  fail("S0302", {.position = position_});
}

Token Lexer::read_string(char quote) {
  std::string out;
  char32_t high = 0;  // the first half of a pair, waiting for the second
  const auto flush = [&] {
    if (high != 0) append_utf8(out, high);
    high = 0;
  };
  for (++position_; position_ < text_.size(); ++position_) {
    char current = text_[position_];
    if (current == quote) {
      flush();
      ++position_;
      return made(TokenType::string, out);
    }
    if (current != '\\') {
      flush();
      out += current;
      continue;
    }
    current = at(++position_);
    const std::string_view escapes = "\"\\/bfnrt";
    if (const auto found = escapes.find(current); found != escapes.npos && current != '\0') {
      flush();
      out += "\"\\/\b\f\n\r\t"[found];
      continue;
    }
    if (current != 'u') {
      std::size_t end = position_;
      const std::string_view shown =
          position_ < text_.size()
              ? (next_code_point(text_, end), text_.substr(position_, end - position_))
              : std::string_view();
      fail("S0103", {.position = position_, .token = std::string(shown)});
    }
    char32_t code = 0;
    for (std::size_t i = 1; i <= 4; ++i) {
      const int digit = hex_digit(at(position_ + i));
      if (digit < 0) fail("S0104", {.position = position_});
      code = code << 4 | static_cast<char32_t>(digit);
    }
    position_ += 4;
    if (high != 0 && code >= 0xDC00 && code < 0xE000) {
      append_utf8(out, 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00));
      high = 0;
    } else {
      flush();
      if (code >= 0xD800 && code < 0xDC00)
        high = code;
      else
        append_utf8(out, code);
    }
  }
  fail("S0101", {.position = position_});
}

std::optional<Token> Lexer::read_number() {
  std::size_t end = position_;
  if (!is_digit(at(end))) return std::nullopt;
  if (at(end) == '0')
    ++end;
  else
    while (is_digit(at(end))) ++end;
  if (at(end) == '.' && is_digit(at(end + 1)))
    for (++end; is_digit(at(end));) ++end;
  if (at(end) == 'e' || at(end) == 'E') {
    std::size_t exponent = end + 1;
    if (at(exponent) == '+' || at(exponent) == '-') ++exponent;
    if (is_digit(at(exponent))) {
      while (is_digit(at(exponent))) ++exponent;
      end = exponent;
    }
  }
  const std::string written(text_.substr(position_, end - position_));
  const double number = read_decimal(written).value_or(0);
  if (number > 1.7976931348623157e308) fail("S0102", {.position = position_, .token = written});
  position_ = end;
  Token token = made(TokenType::number, written);
  token.number = number;
  return token;
}

Token Lexer::read_name() {
  const std::size_t start = position_;
  while (position_ < text_.size() && spaces.find(text_[position_]) == spaces.npos &&
         signs.find(text_[position_]) == signs.npos)
    ++position_;
  const std::string name(text_.substr(start, position_ - start));
  if (name.front() == '$') return made(TokenType::variable, name.substr(1));
  if (name == "or" || name == "in" || name == "and") return made(TokenType::operator_sign, name);
  if (name == "true" || name == "false" || name == "null") return made(TokenType::constant, name);
  return made(TokenType::name, name);
}

}  // namespace sluice::workflows::jsonata
