// From text to tokens. Internal. Not thread-safe, caller serialises.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "workflows/jsonata/regex.h"

namespace sluice::workflows::jsonata {

enum class TokenType { operator_sign, name, variable, string, number, constant, regex, end };

struct Token {
  TokenType type = TokenType::end;
  std::string text;  // escapes resolved; of operators, the sign
  double number = 0;
  std::shared_ptr<const Regex> regex;
  std::size_t position = 0;  // behind it
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  // `infix`: an operator may stand here, so a slash divides; otherwise it opens a regular
  // expression. Throws Failure (S01…, S03…).
  Token next(bool infix);
  std::size_t size() const { return text_.size(); }

 private:
  char at(std::size_t position) const { return position < text_.size() ? text_[position] : '\0'; }
  Token made(TokenType type, std::string text) const {
    return {type, std::move(text), 0, nullptr, position_};
  }
  void skip_space();
  Token read_regex();
  Token read_string(char quote);
  std::optional<Token> read_number();
  Token read_name();

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace sluice::workflows::jsonata
