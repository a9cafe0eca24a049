// $string: JSON text of values, as the language writes it.
#include <cmath>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

class Writer {
 public:
  Writer(Evaluator& evaluator, bool pretty)
      : evaluator_(evaluator), out_(evaluator.heap().arena), pretty_(pretty) {}

  void write(Value value) {
    evaluator_.spend(1);
    switch (value.type()) {
      case Type::undefined:
      case Type::null:
        out_.append("null");
        return;
      case Type::boolean:
        out_.append(value.as_boolean() ? "true" : "false");
        return;
      case Type::number: {
        const double number = value.as_number();
        if (!Evaluator::is_number(value)) {
          out_.append("null");
          return;
        }
        out_.append(number_text(number == std::floor(number) ? number : at_fifteen_digits(number)));
        return;
      }
      case Type::string:
        evaluator_.spend_text(value.as_string().size());
        append_json_string(out_, value.as_string());
        return;
      case Type::function:
        out_.append("\"\"");
        return;
      case Type::tuple:
        write(Heap::get(value.as_tuple(), item_symbol));
        return;
      case Type::array: {
        const Evaluator::Deeper deeper(evaluator_);
        bool first = true;
        out_.append('[');
        ++level_;
        for (const Value item : evaluator_.heap().items(value.as_array())) {
          separate(first);
          write(item);
        }
        --level_;
        if (!first) line();
        out_.append(']');
        return;
      }
      case Type::object: {
        const Evaluator::Deeper deeper(evaluator_);
        bool first = true;
        out_.append('{');
        ++level_;
        for (const Member& member : evaluator_.heap().members(value.as_object())) {
          if (member.value.is_undefined()) continue;
          separate(first);
          append_json_string(out_, member.key);
          out_.append(pretty_ ? ": " : ":");
          write(member.value);
        }
        --level_;
        if (!first) line();
        out_.append('}');
        return;
      }
    }
  }
  std::string_view finish() { return out_.finish(); }

 private:
  void line() {
    if (!pretty_) return;
    out_.append('\n');
    for (int i = 0; i < level_; ++i) out_.append("  ");
  }
  void separate(bool& first) {
    if (!first) out_.append(',');
    first = false;
    line();
  }

  Evaluator& evaluator_;
  TextBuilder out_;
  const bool pretty_;
  int level_ = 0;
};

}  // namespace

std::string_view Evaluator::stringify(Value value, bool pretty) {
  if (value.is_string()) return value.as_string();
  if (value.is_function()) return {};
  if (value.is_number() && !std::isfinite(value.as_number())) fail("D3001", {.value = "null"});
  if (value.is_array() && value.as_array()->is_outer) value = heap_.item(value.as_array(), 0);
  Writer writer(*this, pretty);
  writer.write(value);
  return writer.finish();
}

std::string Evaluator::excerpt(Value value) {
  constexpr std::size_t shown_max = 200;
  // Far more than is shown is not written either.
  if (value.is_array() && value.as_array()->size > shown_max) return "[…]";
  if (value.is_object() && value.as_object()->size > shown_max) return "{…}";
  if (value.is_number() && !std::isfinite(value.as_number())) return "null";
  if (value.is_string())
    return json_text(value.as_string().substr(0, offset_of(value.as_string(), shown_max)));
  const std::string text(stringify(value));
  if (value.is_undefined() || value.is_function()) return "undefined";
  return text.substr(0, offset_of(text, shown_max));
}

}  // namespace sluice::workflows::jsonata
