// JSONata: a query and transformation language for JSON, complete (2.x), of its own and usable
// alone.
//
//   auto compiled = jsonata::compile("Account.Order[Price > 10].{'id': ID}");
//   if (auto* expression = std::get_if<jsonata::Expression>(&compiled))
//     jsonata::Answer answer = expression->evaluate({.input = &document, .now_ms = now});
//
// An expression is parsed once, to an immutable tree, and evaluated any number of times. What an
// evaluation depends on is in its Environment and nowhere else: the time, chance and the bounds are
// parameters, so the same environment gives the same answer on every machine.
//
// Bounded: an evaluation that passes its steps, depth or memory ends with the error U1001, and has
// no other effect. Values live in a region of memory that goes when the evaluation ends; documents
// that come in are read where they stand, and only what is touched is looked at.
//
// The language is that of the reference implementation, its error codes included (S… from the
// parser, T… for types, D… for values). What differs, in both dialects: an object keeps the order
// in which its members were written, also where their names are numbers; regular expressions are
// PCRE2's (docs/decisions/0008-regular-expressions-by-pcre2.md).
//
// Dialect::states is the language inside the States Language: $eval is absent; $partition, $range,
// $hash, $random(seed), $uuid and $parse are there; a number that is not finite is the text
// "Infinity", "-Infinity" or "NaN" in an answer instead of the error D1001.
//
// Threads: an Expression is immutable and thread-safe; one evaluation runs on the caller's thread.
// It needs up to 2 KB of stack for each unit of Limits::depth_max.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace sluice::workflows::jsonata {

struct Program;

enum class Dialect { standard, states };

struct Error {
  std::string code;          // "S0202", "T2001", "D3030", "U1001", …
  std::string message;       // for people, without the code
  std::size_t position = 0;  // in bytes from the start of the text, just behind what is at fault
};

struct Limits {
  std::int64_t steps_max = 5'000'000;  // a node evaluated, an item visited, 64 bytes of text
  int depth_max = 1'000;               // evaluations inside one another
  std::size_t memory_bytes_max = 64 << 20;
};

// A variable, without its dollar sign: the document that `value` points to, or else an object of
// `members`, so that nobody has to copy documents to put them side by side.
struct Binding {
  std::string_view name;
  const Json* value = nullptr;
  std::vector<Binding> members = {};
};

struct Environment {
  const Json* input = nullptr;  // "$"; null is undefined
  std::vector<Binding> bindings = {};
  std::int64_t now_ms = 0;  // $now(), $millis(), since 1970
  std::uint64_t seed = 0;   // $random(), $shuffle(), $uuid()
  Limits limits = {};
};

// What an expression came to: a document; nothing at all, which is not null; or a function, which
// no document can hold. Functions inside of something are left out, as JSON.stringify does.
struct Undefined {};
struct NoDocument {};
using Answer = std::variant<Json, Undefined, NoDocument, Error>;

// Where an expression looks at its context item ("$", "$$" or a bare name) at its top level, which
// the States Language refuses since there is none.
struct ContextReference {
  std::string name;
  std::size_t position = 0;
};

class Expression {
 public:
  // The steps that were used are added to `steps_used` if it is not null.
  Answer evaluate(const Environment& environment, std::int64_t* steps_used = nullptr) const;

  // Variables that the expression mentions and does not bind as parameters, each once, and the
  // member that is asked of them where it is known ("" otherwise): ("states", "input").
  struct Mention {
    std::string variable;
    std::string member;
    bool operator==(const Mention&) const = default;
  };
  std::vector<Mention> mentions() const;
  std::optional<ContextReference> first_context_reference() const;

  explicit Expression(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

 private:
  std::shared_ptr<const Program> program_;
};

// The parsed expression, or the first error in `text`. REQUIRES: valid UTF-8. Never recursive
// beyond a fixed depth.
std::variant<Expression, Error> compile(std::string_view text, Dialect dialect = Dialect::standard);

}  // namespace sluice::workflows::jsonata
