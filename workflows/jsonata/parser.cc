// A top-down operator precedence parser (Pratt 1973): each sign has a binding power to its left,
// and what follows an operand is taken as long as it binds more tightly than what asked for it.
#include <algorithm>

#include "workflows/jsonata/ast.h"
#include "workflows/jsonata/failure.h"
#include "workflows/jsonata/lexer.h"

namespace sluice::workflows::jsonata {
namespace {

struct Sign {
  std::string_view text;
  int power;
  Op op;
};

constexpr int step_power = 80;
constexpr int assign_power = 10;

constexpr Sign infix_signs[] = {
    {".", 75, Op::map},
    {"[", step_power, Op::filter},
    {"(", step_power, Op::none},
    {"@", step_power, Op::focus},
    {"#", step_power, Op::index},
    {"{", 70, Op::group},
    {"*", 60, Op::multiply},
    {"/", 60, Op::divide},
    {"%", 60, Op::remainder},
    {"+", 50, Op::add},
    {"-", 50, Op::subtract},
    {"&", 50, Op::concatenate},
    {"=", 40, Op::equal},
    {"!=", 40, Op::unequal},
    {"<", 40, Op::less},
    {"<=", 40, Op::less_equal},
    {">", 40, Op::greater},
    {">=", 40, Op::greater_equal},
    {"^", 40, Op::order},
    {"~>", 40, Op::chain},
    {"?:", 40, Op::none},
    {"??", 40, Op::none},
    {"in", 40, Op::in},
    {"and", 30, Op::logical_and},
    {"or", 25, Op::logical_or},
    {"?", 20, Op::none},
    {":=", assign_power, Op::assign},
};

class Parser {
 public:
  Parser(Program& program, std::string_view text) : program_(program), lexer_(text) {}

  Node* parse() {
    advance(false);
    Node* root = expression(0);
    if (token_.type != TokenType::end)
      fail("S0201", {.position = token_.position, .token = token_.text});
    return root;
  }

 private:
  bool is(std::string_view sign) const {
    return token_.type == TokenType::operator_sign && token_.text == sign;
  }
  void advance(bool infix) { token_ = lexer_.next(infix); }
  void expect(std::string_view sign, bool infix = false) {
    if (!is(sign)) {
      if (token_.type == TokenType::end)
        fail("S0203", {.position = lexer_.size(), .value = json_text(sign)});
      fail("S0202", {.position = token_.position, .token = token_.text, .value = json_text(sign)});
    }
    advance(infix);
  }
  bool take(std::string_view sign) {
    if (!is(sign)) return false;
    advance(false);
    return true;
  }

  const Sign* infix_sign() const {
    if (token_.type != TokenType::operator_sign) return nullptr;
    const auto* found = std::find_if(std::begin(infix_signs), std::end(infix_signs),
                                     [&](const Sign& sign) { return sign.text == token_.text; });
    return found == std::end(infix_signs) ? nullptr : found;
  }

  Node* make(Kind kind, const Token& token) {
    Node& node = program_.nodes.emplace_back();
    node.kind = kind;
    node.position = token.position;
    if (!token.text.empty()) node.text = program_.texts.emplace_back(token.text);
    return &node;
  }
  // Keeps trees shallow enough for everything that walks them; chains are deep to the left without
  // any recursion here.
  void deepen(Node* node, const Node* child) {
    node->depth = std::max(node->depth, child->depth + 1);
    if (node->depth > expression_depth_max)
      fail("U1001", {.position = node->position, .text = "The expression nests too deeply"});
  }
  Node* child(Node* node, Node* part) {
    deepen(node, part);
    return part;
  }

  Node* expression(int power) {
    if (++depth_ > expression_depth_max)
      fail("U1001", {.position = token_.position, .text = "The expression nests too deeply"});
    Token token = std::move(token_);
    advance(true);
    Node* left = operand(token);
    for (const Sign* sign = infix_sign(); sign != nullptr && power < sign->power;
         sign = infix_sign()) {
      token = std::move(token_);
      advance(false);
      left = operation(*sign, token, left);
    }
    --depth_;
    return left;
  }

  Node* operand(const Token& token) {
    switch (token.type) {
      case TokenType::end:
        return make(Kind::end, token);
      case TokenType::name:
        return make(Kind::name, token);
      case TokenType::variable: {
        Node* node = make(Kind::variable, token);
        // The context item itself has no name.
        if (!token.text.empty()) node->symbol = program_.names.number(token.text);
        return node;
      }
      case TokenType::string: {
        Node* node = make(Kind::string, token);
        node->value = Value(node->text);
        return node;
      }
      case TokenType::number: {
        Node* node = make(Kind::number, token);
        node->value = Value(token.number);
        return node;
      }
      case TokenType::constant: {
        Node* node = make(Kind::constant, token);
        node->value = token.text == "null" ? Value::null() : Value::boolean(token.text == "true");
        return node;
      }
      case TokenType::regex: {
        Node* node = make(Kind::regex, token);
        node->regex = token.regex;
        return node;
      }
      case TokenType::operator_sign:
        break;
    }
    const std::string& sign = token.text;
    if (sign == "and" || sign == "or" || sign == "in") return make(Kind::operator_name, token);
    if (sign == "*") return make(Kind::wildcard, token);
    if (sign == "**") return make(Kind::descendant, token);
    if (sign == "%") return make(Kind::parent, token);
    if (sign == "-") {
      Node* node = make(Kind::negate, token);
      node->lhs = child(node, expression(70));
      return node;
    }
    if (sign == "(") return block(token);
    if (sign == "[") return array(token);
    if (sign == "{") return object(token, nullptr);
    if (sign == "|") return transform(token);
    if (sign == "!" || sign == "~") fail("S0204", {.position = token.position, .token = sign});
    fail("S0211", {.position = token.position, .token = sign});
  }

  Node* block(const Token& token) {
    Node* node = make(Kind::block, token);
    while (!is(")")) {
      node->items.push_back(child(node, expression(0)));
      if (!take(";")) break;
    }
    expect(")", true);
    return node;
  }

  Node* array(const Token& token) {
    Node* node = make(Kind::array, token);
    if (!is("]")) {
      do {
        Node* item = expression(0);
        if (is("..")) {
          Node* range = make(Kind::binary, token_);
          range->op = Op::range;
          advance(false);
          range->lhs = child(range, item);
          range->rhs = child(range, expression(0));
          item = range;
        }
        node->items.push_back(child(node, item));
      } while (take(","));
    }
    expect("]", true);
    return node;
  }

  Node* object(const Token& token, Node* left) {
    Node* node = make(left == nullptr ? Kind::object : Kind::binary, token);
    if (left != nullptr) {
      node->op = Op::group;
      node->lhs = child(node, left);
    }
    if (!is("}")) {
      do {
        Node* key = child(node, expression(0));
        expect(":");
        node->pairs.push_back({key, child(node, expression(0))});
      } while (take(","));
    }
    expect("}", true);
    return node;
  }

  Node* transform(const Token& token) {
    Node* node = make(Kind::transform, token);
    node->lhs = child(node, expression(0));
    expect("|");
    node->rhs = child(node, expression(0));
    if (take(",")) node->otherwise = child(node, expression(0));
    expect("|");
    return node;
  }

  Node* operation(const Sign& sign, const Token& token, Node* left) {
    if (sign.text == "(") return call(token, left);
    if (sign.text == "[") return filter(token, left);
    if (sign.text == "{") return object(token, left);
    if (sign.text == "^") return order(token, left);
    if (sign.text == "?" || sign.text == "??" || sign.text == "?:") {
      Node* node = make(sign.text == "?"    ? Kind::condition
                        : sign.text == "??" ? Kind::coalesce
                                            : Kind::elvis,
                        token);
      node->lhs = child(node, left);
      if (sign.text == "?") {
        node->rhs = child(node, expression(0));
        if (take(":")) node->otherwise = child(node, expression(0));
      } else {
        node->otherwise = child(node, expression(0));
      }
      return node;
    }
    Node* node = make(Kind::binary, token);
    node->op = sign.op;
    node->lhs = child(node, left);
    if (sign.op == Op::assign && left->kind != Kind::variable)
      fail("S0212", {.position = left->position, .token = std::string(left->text)});
    // What is assigned may be an assignment.
    node->rhs = child(node, expression(sign.op == Op::assign ? sign.power - 1 : sign.power));
    if ((sign.op == Op::focus || sign.op == Op::index) && node->rhs->kind != Kind::variable)
      fail("S0214", {.position = node->rhs->position, .token = std::string(sign.text)});
    return node;
  }

  Node* filter(const Token& token, Node* left) {
    if (is("]")) {
      Node* step = left;
      while (step->kind == Kind::binary && step->op == Op::filter) step = step->lhs;
      step->keep_array = true;
      advance(true);
      return left;
    }
    Node* node = make(Kind::binary, token);
    node->op = Op::filter;
    node->lhs = child(node, left);
    node->rhs = child(node, expression(0));
    expect("]", true);
    return node;
  }

  Node* order(const Token& token, Node* left) {
    Node* node = make(Kind::binary, token);
    node->op = Op::order;
    node->lhs = child(node, left);
    expect("(");
    do {
      const bool descending = is(">");
      if (descending || is("<")) advance(false);
      node->terms.push_back({child(node, expression(0)), descending});
    } while (take(","));
    expect(")", true);
    return node;
  }

  Node* call(const Token& token, Node* left) {
    Node* node = make(Kind::function, token);
    node->lhs = child(node, left);
    if (!is(")")) {
      do {
        if (is("?")) {
          node->kind = Kind::partial;
          node->items.push_back(make(Kind::placeholder, token_));
          advance(false);
        } else {
          node->items.push_back(child(node, expression(0)));
        }
      } while (take(","));
    }
    expect(")", true);
    if (left->kind == Kind::name && (left->text == "function" || left->text == "\u03BB"))
      lambda(node);
    return node;
  }

  void lambda(Node* node) {
    node->kind = Kind::lambda;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
      if (node->items[i]->kind == Kind::variable) continue;
      fail("S0208", {.position = node->items[i]->position,
                     .token = std::string(node->items[i]->text),
                     .value = std::to_string(i + 1)});
    }
    if (is("<")) {
      const std::size_t start = token_.position;
      std::string written = "<";
      for (int depth = 1; depth > 0 && !is("{") && token_.type != TokenType::end;) {
        advance(false);
        if (is(">")) --depth;
        if (is("<")) ++depth;
        written += token_.text;
      }
      expect(">");
      node->signature = std::make_shared<Signature>(written, start);
    }
    expect("{");
    node->lhs = child(node, expression(0));
    expect("}", true);
  }

  Program& program_;
  Lexer lexer_;
  Token token_;
  std::uint32_t depth_ = 0;
};

}  // namespace

Node* parse(Program& program, std::string_view text) { return Parser(program, text).parse(); }

std::unique_ptr<Program> make_program(std::string_view text, Dialect dialect, const Names& known) {
  auto program = std::make_unique<Program>(dialect, known);
  program->root = resolve(*program, parse(*program, text));
  return program;
}

}  // namespace sluice::workflows::jsonata
