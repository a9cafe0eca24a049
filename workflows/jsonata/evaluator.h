// One evaluation of one program. Internal.
//
// evaluate() walks the tree; each concern has its file: evaluate.cc (dispatch, literals, blocks),
// evaluate_path.cc (steps, filters, tuples), evaluate_operators.cc, evaluate_group.cc (objects,
// sorting, transforms), evaluate_call.cc (functions, partial application, tail calls). What the
// language offers as functions is in functions_*.cc, a table each.
//
// Invariants: depth_ is the number of evaluations inside one another and never exceeds the limit,
// which bounds the C++ stack; every loop over items, every call and every text that is made spends
// steps. A function's name and position are noted before it is called, so that a failure inside it
// can say where it was.
//
// Not thread-safe: made, used and dropped by one call of Expression::evaluate.
#pragma once

#include <functional>
#include <span>

#include "base/random.h"
#include "workflows/jsonata/ast.h"
#include "workflows/jsonata/failure.h"
#include "workflows/jsonata/value.h"

namespace sluice::workflows::jsonata {

class Evaluator;
struct Frame;

// What a function is called with. Absent arguments are undefined.
struct Call {
  std::span<Value> arguments;
  Value input;
  Frame* frame;
  Value operator[](std::size_t n) const { return n < arguments.size() ? arguments[n] : Value(); }
};

struct Builtin {
  std::string_view name;
  std::string_view signature;
  std::uint8_t arity;  // how many arguments a higher-order function passes to it
  Value (*apply)(Evaluator& evaluator, const Call& call);
};

// The functions of a dialect, in the order of their symbols from first_builtin_symbol on.
struct Library {
  struct Entry {
    const Builtin* builtin;
    Signature signature;
  };
  std::vector<Entry> entries;
  Names names;
};
inline constexpr std::uint32_t first_builtin_symbol = 2;
const Library& library(Dialect dialect);

std::span<const Builtin> string_functions();
std::span<const Builtin> pattern_functions();
std::span<const Builtin> encoding_functions();
std::span<const Builtin> numeric_functions();
std::span<const Builtin> array_functions();
std::span<const Builtin> object_functions();
std::span<const Builtin> higher_order_functions();
std::span<const Builtin> datetime_functions();
std::span<const Builtin> standard_only_functions();
std::span<const Builtin> states_functions();

struct Function {
  enum class Kind : std::uint8_t { builtin, lambda, partial, regex, next_match, transform, chain };
  Kind kind;
  const Library::Entry* builtin = nullptr;
  const Node* node = nullptr;    // of a lambda or a transform
  Frame* frame = nullptr;        // where that was made
  Value input = {};              // and its context item
  Function* target = nullptr;    // of a partial application or a chain
  Function* then = nullptr;      // of a chain
  std::span<Value> bound = {};   // arguments of a partial application
  std::span<bool> open = {};     // and which of them are still to come
  const Regex* regex = nullptr;  // of a regular expression and its next match
  std::string_view subject = {};
  std::size_t from = 0;
};

// Variables. A tuple's frame borrows the tuple's slots until something else is bound in it.
struct Frame {
  Frame* parent = nullptr;
  Slot* slots = nullptr;
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;  // 0 while borrowed
};

struct RegexMatch {
  std::string_view match;
  std::size_t start = 0, end = 0;  // bytes
  std::vector<Value> groups;
  Value next;  // a function; undefined for a regular expression's, which goes on from `end`
};

class Evaluator {
 public:
  Evaluator(const Program& program, const Environment& environment);

  // Throws Failure.
  Value run();
  Error describe(const Failure& failure) const;
  std::int64_t steps_used() const { return limits_.steps_max - steps_left_; }

  // For functions.
  Heap& heap() { return heap_; }
  Random& random() { return random_; }
  std::int64_t now_ms() const { return environment_.now_ms; }
  void spend(std::int64_t steps) {
    if ((steps_left_ -= steps) < 0) fail_bound("steps");
  }
  // For text of this length that was looked at or made.
  void spend_text(std::size_t bytes) { spend(1 + static_cast<std::int64_t>(bytes / 64)); }

  Value evaluate(const Node& node, Value input, Frame* frame);
  Value apply(Value function, std::span<Value> arguments, Value input, Frame* frame);
  // As a higher-order function calls it: with as many arguments as it has parameters.
  Value apply_item(Value function, Value first, Value second, Value third, Frame* frame);
  std::size_t arity(Value function) const;
  bool to_boolean(Value value);  // false for undefined
  bool equal(Value a, Value b);
  // Throws D1001 for a number that is not finite.
  static bool is_number(Value value);
  std::string_view stringify(Value value, bool pretty = false);
  std::string excerpt(Value value);  // JSON text, cut, for a message
  Value append(Value first, Value second);
  Value lookup(Value input, std::string_view key);
  Value clone(Value value);
  // A document that is kept until the evaluation ends.
  Value import(Json document) {
    return heap_.import(*documents_.emplace_back(std::make_unique<Json>(std::move(document))));
  }
  // A merge sort, stable; `behind` says that its first argument belongs behind its second.
  Array* sort(std::span<Value> items, const std::function<bool(Value, Value)>& behind);
  // What a function that finds (a regular expression, or the expression's own) makes of `text`.
  std::optional<RegexMatch> find(Value matcher, std::string_view text, std::size_t from);
  std::optional<RegexMatch> find_next(Value matcher, std::string_view text,
                                      const RegexMatch& previous);
  Value evaluate_text(std::string_view text, Value input, Frame* frame);  // $eval

  // Inside, the evaluation is one deeper.
  class Deeper {
   public:
    explicit Deeper(Evaluator& evaluator) : evaluator_(evaluator) {
      if (++evaluator_.depth_ > evaluator_.limits_.depth_max) fail_bound("depth");
    }
    ~Deeper() { --evaluator_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Evaluator& evaluator_;
  };

 private:
  // evaluate.cc
  Value dispatch(const Node& node, Value input, Frame* frame);
  Value settle(const Node& node, Value result);
  Value evaluate_array(const Node& node, Value input, Frame* frame);
  Value evaluate_wildcard(Value input);
  Value evaluate_descendants(Value input);
  void descend(Value input, Array* results);
  void flatten(Value value, Array* results);
  Frame* new_frame(Frame* parent, std::uint32_t capacity = 4);
  Frame* tuple_frame(Frame* parent, Tuple* tuple);
  void bind(Frame* frame, std::uint32_t symbol, Value value);
  Value variable(std::uint32_t symbol, Frame* frame) const;
  Value import(const Binding& binding);
  void bind_environment(std::uint32_t first_symbol);

  // evaluate_path.cc
  Value evaluate_path(const Node& node, Value input, Frame* frame);
  Value evaluate_step(const Node& step, Array* input, Frame* frame, bool last);
  Value step_item(const Node& step, Value item, Frame* frame);
  Array* evaluate_tuple_step(const Node& step, Array* input, bool are_tuples, Frame* frame);
  Value run_stages(const std::vector<Stage>& stages, Value result, Frame* frame);
  Value filter(const Node& predicate, Value input, Frame* frame);
  Array* as_sequence(Value value);

  // evaluate_operators.cc
  Value evaluate_binary(const Node& node, Value input, Frame* frame);
  Value arithmetic(const Node& node, Value a, Value b);
  Value comparison(const Node& node, Value a, Value b);
  Value concatenate(Value a, Value b);
  Value range(const Node& node, Value a, Value b);
  bool includes(Value item, Value list);

  // evaluate_group.cc
  Value evaluate_group(const std::vector<Pair>& pairs, std::size_t position, Value input,
                       Frame* frame);
  Value evaluate_sort(const Node& node, Value input, Frame* frame);
  Value transform(const Function& function, Value subject);
  Tuple* reduce_tuples(Value data);

  // evaluate_call.cc
  Value evaluate_call(const Node& node, Value input, Frame* frame, const Value* applied_to);
  Value evaluate_apply(const Node& node, Value input, Frame* frame);
  Value evaluate_partial(const Node& node, Value input, Frame* frame);
  Value apply_once(Value function, std::span<Value> arguments, Value input, Frame* frame);
  Value call_lambda(const Function& function, std::span<Value> arguments);
  Value match_object(const RegexMatch& match, const Function& regex, std::string_view text);
  RegexMatch read_match(Value result, std::string_view text);
  bool is_known_utf8(std::string_view text);
  bool names_variable(const Node& procedure, Frame* frame) const;

  struct Place {  // of the innermost call
    std::size_t position = 0;
    std::string_view name;
    bool known = false;
  };
  struct TailCall {
    const Node* call = nullptr;
    Value input;
    Frame* frame = nullptr;
  };

  const Program& program_;
  const Environment& environment_;
  const Limits limits_;
  const Library& library_;
  std::int64_t steps_left_;
  int depth_ = 0;
  Heap heap_;
  Random random_;
  Frame* root_ = nullptr;
  std::vector<Function*> builtins_;  // made when first mentioned
  Function tail_marker_;
  TailCall tail_;
  Place place_;
  Regex::Scratch scratch_;
  std::string_view searched_;  // by a regular expression, last
  bool searched_is_utf8_ = true;
  std::vector<std::unique_ptr<Program>> evaluated_;  // by $eval
  std::vector<std::unique_ptr<Json>> documents_;     // by $parse
};

}  // namespace sluice::workflows::jsonata
