// The tree of an expression. Internal.
//
// The parser makes a tree of operators (Kind::binary with `op`); resolve() turns it into the tree
// that is evaluated, in which paths are flat lists of steps, `%` knows which step it means, and
// calls at the end of a function's body are marked as tail calls. Nodes belong to the Program and
// do not change after that; variables are numbers (symbols) that index Program::names.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "workflows/jsonata/jsonata.h"
#include "workflows/jsonata/regex.h"
#include "workflows/jsonata/signature.h"
#include "workflows/jsonata/value.h"

namespace sluice::workflows::jsonata {

enum class Kind : std::uint8_t {
  end,
  name,
  string,
  number,
  constant,  // true, false, null
  regex,
  variable,
  operator_name,  // "and", "or", "in" where a name may stand
  placeholder,    // "?" among the arguments of a partial application
  wildcard,
  descendant,
  parent,
  binary,
  negate,
  array,
  object,
  function,
  partial,
  lambda,
  thunk,  // a tail call: what it calls is called by whoever called the function
  condition,
  coalesce,  // ??
  elvis,     // ?:
  block,
  transform,
  path,
  bind,
  apply,
  sort,
};

enum class Op : std::uint8_t {
  none,
  map,     // .
  filter,  // [ ]
  group,   // { }
  order,   // ^( )
  assign,  // :=
  focus,   // @
  index,   // #
  chain,   // ~>
  add,
  subtract,
  multiply,
  divide,
  remainder,
  equal,
  unequal,
  less,
  less_equal,
  greater,
  greater_equal,
  concatenate,
  range,
  in,
  logical_and,
  logical_or,
};

struct Node;

// Where the parent that a `%` means will be found: under the name `symbol`.
struct AncestorSlot {
  std::uint32_t symbol;
  int level = 1;
};

struct Pair {
  Node* key;
  Node* value;
};
struct Group {
  std::vector<Pair> pairs;
  std::size_t position;
};
struct Term {  // of an order
  Node* expression;
  bool descending;
};
struct Stage {   // of a step: a filter, or the binding of a position
  Node* filter;  // null for a binding
  std::uint32_t symbol;
};

struct Node {
  Kind kind;
  Op op = Op::none;
  bool keep_array = false;            // written with []
  bool keep_singleton_array = false;  // a path of which some step was
  bool cons_array = false;
  bool tuple = false;
  std::size_t position = 0;
  std::uint32_t depth = 1;

  std::string_view text;     // of names and strings; the operator's own text
  Value value;               // of literals
  std::uint32_t symbol = 0;  // of variables

  Node* lhs = nullptr;        // also: condition, procedure, pattern, body
  Node* rhs = nullptr;        // also: then, update
  Node* otherwise = nullptr;  // else, delete
  std::vector<Node*> items;   // arguments, expressions, steps, parameters
  std::vector<Pair> pairs;    // of an object
  std::vector<Term> terms;    // of a sort

  std::vector<Stage> predicates;
  std::vector<Stage> stages;
  std::unique_ptr<Group> group;
  std::uint32_t focus = 0;  // symbols; 0 is none
  std::uint32_t index = 0;
  AncestorSlot* ancestor = nullptr;  // of a step: what to remember its context as
  AncestorSlot* slot = nullptr;      // of a parent
  std::vector<AncestorSlot*> seeking;

  std::shared_ptr<const Signature> signature;
  std::shared_ptr<const Regex> regex;
};

// The names of variables, numbered. 0 is the item of a tuple, 1 is "$$"; the functions follow.
struct Names {
  std::deque<std::string> names;
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  Names() = default;
  Names(const Names& other) : names(other.names) {
    for (std::uint32_t i = 0; i < names.size(); ++i) numbers.emplace(names[i], i);
  }
  Names& operator=(const Names&) = delete;

  std::uint32_t number(std::string_view name) {
    if (const auto found = numbers.find(name); found != numbers.end()) return found->second;
    names.emplace_back(name);
    const auto made = static_cast<std::uint32_t>(names.size() - 1);
    numbers.emplace(names.back(), made);
    return made;
  }
};
inline constexpr std::uint32_t item_symbol = 0;
inline constexpr std::uint32_t root_symbol = 1;

struct Program {
  explicit Program(Dialect program_dialect, const Names& known)
      : dialect(program_dialect), names(known) {}
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  Dialect dialect;
  Names names;
  const Node* root = nullptr;
  std::deque<Node> nodes;
  std::deque<AncestorSlot> slots;
  std::deque<std::string> texts;  // what views in nodes point to
};

// How deep the tree of an expression may be, and nest what the parser recurses on.
inline constexpr std::uint32_t expression_depth_max = 500;

// Parses and resolves `text`. `known` are the names that are numbered already; throws Failure.
std::unique_ptr<Program> make_program(std::string_view text, Dialect dialect, const Names& known);

// Turns the parser's tree into the one that is evaluated; throws Failure.
Node* resolve(Program& program, Node* parsed);

// The tree of operators; throws Failure.
Node* parse(Program& program, std::string_view text);

}  // namespace sluice::workflows::jsonata
