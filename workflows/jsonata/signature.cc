#include "workflows/jsonata/signature.h"

#include <algorithm>

#include "workflows/jsonata/failure.h"

namespace sluice::workflows::jsonata {
namespace {

std::uint8_t bit(Type type) {
  // What streams are made of is never an argument, so its bit is free for nothing else.
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(type));
}

std::uint8_t bits_of(std::string_view letters) {
  std::uint8_t bits = bit(Type::undefined);
  for (const char letter : letters) {
    switch (letter) {
      case 's':
        bits |= bit(Type::string);
        break;
      case 'n':
        bits |= bit(Type::number);
        break;
      case 'b':
        bits |= bit(Type::boolean);
        break;
      case 'l':
        bits |= bit(Type::null);
        break;
      case 'a':
        bits |= bit(Type::array);
        break;
      case 'f':
        bits |= bit(Type::function);
        break;
      case 'o':
        bits |= bit(Type::object);
        break;
      default:
        break;
    }
  }
  return bits;
}

std::string_view plural(std::string_view item) {
  switch (item.empty() ? ' ' : item.front()) {
    case 'a':
      return "arrays";
    case 'b':
      return "booleans";
    case 'f':
      return "functions";
    case 'n':
      return "numbers";
    case 'o':
      return "objects";
    case 's':
      return "strings";
    default:
      return "values";
  }
}

// Where the bracket that opens at `open` is closed, or the end.
std::size_t closing(std::string_view text, std::size_t open, char opener, char closer) {
  int depth = 1;
  std::size_t at = open + 1;
  for (; at < text.size(); ++at) {
    if (text[at] == closer && --depth == 0) break;
    if (text[at] == opener) ++depth;
  }
  return at;
}

}  // namespace

Signature::Signature(std::string_view text, std::size_t position) {
  for (std::size_t at = 1; at < text.size() && text[at] != ':'; ++at) {
    const char symbol = text[at];
    Parameter* last = parameters_.empty() ? nullptr : &parameters_.back();
    const auto add = [&](std::uint8_t types) {
      parameters_.push_back({types, symbol, false, false, false, {}});
    };
    switch (symbol) {
      case 's':
      case 'n':
      case 'b':
      case 'l':
      case 'o':
        add(bits_of({&symbol, 1}));
        break;
      case 'a':
      case 'x':
        add(bits_of("asnblfo"));
        break;
      case 'f':
        add(bit(Type::function));
        break;
      case 'j':
        add(bits_of("asnblo"));
        break;
      case '-':
        if (last != nullptr) last->context = last->optional = true;
        break;
      case '?':
        if (last != nullptr) last->optional = true;
        break;
      case '+':
        if (last != nullptr) last->many = true;
        break;
      case '(': {
        const std::size_t end = closing(text, at, '(', ')');
        const std::string_view choice = text.substr(at + 1, end - at - 1);
        if (choice.find('<') != choice.npos)
          fail("S0402", {.position = position + at, .value = json_text(choice)});
        add(bits_of(choice));
        parameters_.back().letter = 0;
        at = end;
        break;
      }
      case '<': {
        if (last == nullptr || (last->letter != 'a' && last->letter != 'f'))
          fail("S0401", {.position = position + at});
        const std::size_t end = closing(text, at, '<', '>');
        last->item = text.substr(at + 1, end - at - 1);
        at = end;
        break;
      }
      default:
        break;
    }
  }
}

bool Signature::match(std::span<Value> supplied, std::size_t parameter, std::size_t at,
                      std::vector<std::size_t>& counts) const {
  if (parameter == parameters_.size()) return at == supplied.size();
  const Parameter& wanted = parameters_[parameter];
  std::size_t most = 0;
  while (at + most < supplied.size() && (wanted.many || most < 1) &&
         (wanted.types & bit(supplied[at + most].type())) != 0)
    ++most;
  // As many as it can, then fewer: the parameters behind it must have theirs.
  for (std::size_t count = most;; --count) {
    if (count == 0 && !wanted.optional) return false;
    counts[parameter] = count;
    if (match(supplied, parameter + 1, at + count, counts)) return true;
    if (count == 0) return false;
  }
}

Value Signature::as_array(Heap& heap, const Parameter& wanted, Value value,
                          std::size_t argument) const {
  bool fits = true;
  if (!wanted.item.empty()) {
    if (!value.is_array()) {
      fits = wanted.item.size() == 1 && (bits_of(wanted.item) & bit(value.type())) != 0;
    } else if (const auto items = heap.items(value.as_array()); !items.empty()) {
      const std::uint8_t first = bits_of({wanted.item.data(), 1});
      fits = std::all_of(items.begin(), items.end(), [&](Value item) {
        return !item.is_undefined() && (first & bit(item.type())) != 0;
      });
    }
  }
  if (!fits)
    fail("T0412",
         {.value2 = std::string(plural(wanted.item)), .index = static_cast<int>(argument) + 1});
  if (value.is_array()) return value;
  Array* wrapped = heap.new_array(1);
  heap.push(wrapped, value);
  return Value(wrapped);
}

std::span<Value> Signature::validate(Heap& heap, std::span<Value> supplied, Value context) const {
  if (supplied.size() == parameters_.size()) {
    // An argument for each parameter: the common case, in which nothing moves.
    bool each = true;
    for (std::size_t i = 0; i < supplied.size() && each; ++i)
      each = (parameters_[i].types & bit(supplied[i].type())) != 0;
    if (each) {
      for (std::size_t i = 0; i < supplied.size(); ++i)
        if (parameters_[i].letter == 'a' && !supplied[i].is_undefined())
          supplied[i] = as_array(heap, parameters_[i], supplied[i], i);
      return supplied;
    }
  }
  std::vector<std::size_t> counts(parameters_.size());
  if (!match(supplied, 0, 0, counts)) {
    // The first argument that no beginning of the signature takes.
    std::size_t good = 0;
    for (std::size_t last = 1; last <= parameters_.size(); ++last) {
      std::size_t at = 0;
      bool fits = true;
      for (std::size_t i = 0; i < last && fits; ++i) {
        const Parameter& wanted = parameters_[i];
        std::size_t count = 0;
        while (at < supplied.size() && (wanted.many || count < 1) &&
               (wanted.types & bit(supplied[at].type())) != 0) {
          ++at;
          ++count;
        }
        fits = count > 0 || wanted.optional;
      }
      if (!fits) break;
      good = at;
    }
    fail("T0410", {.index = static_cast<int>(good) + 1});
  }
  const std::span<Value> taken{heap.arena.make_array<Value>(supplied.size() + parameters_.size()),
                               supplied.size() + parameters_.size()};
  std::size_t size = 0, at = 0;
  const auto argument = [&](std::size_t i) { return i < supplied.size() ? supplied[i] : Value(); };
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& wanted = parameters_[i];
    if (counts[i] == 0) {
      if (wanted.context && !context.is_tuple()) {
        if ((wanted.types & bit(context.type())) == 0)
          fail("T0411", {.index = static_cast<int>(at) + 1});
        taken[size++] = context;
      } else {
        taken[size++] = argument(at++);
      }
      continue;
    }
    for (std::size_t n = 0; n < counts[i]; ++n, ++at) {
      Value value = argument(at);
      if (wanted.letter == 'a' && !value.is_undefined()) value = as_array(heap, wanted, value, at);
      taken[size++] = value;
    }
  }
  return taken.first(size);
}

}  // namespace sluice::workflows::jsonata
