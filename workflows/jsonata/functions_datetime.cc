// Functions on times. The time is the environment's.
#include <cmath>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/pictures.h"

namespace sluice::workflows::jsonata {
namespace {

using std::string_view;

// "+0130": 130.
double zone_offset(Value zone) {
  if (!zone.is_string()) return 0;
  string_view text = zone.as_string();
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto offset = read_decimal(text.substr(0, digits));
  if (!offset || digits > 4) fail("D3134");
  return negative ? -*offset : *offset;
}

Value formatted(Evaluator& evaluator, double millis, Value picture, Value zone) {
  std::optional<string_view> given;
  if (picture.is_string()) given = picture.as_string();
  evaluator.spend_text(given ? given->size() * 16 : 64);
  return evaluator.heap().text(format_time(millis, given, zone_offset(zone)));
}

Value now(Evaluator& evaluator, const Call& call) {
  return formatted(evaluator, static_cast<double>(evaluator.now_ms()), call[0], call[1]);
}

Value millis(Evaluator& evaluator, const Call&) {
  return Value(static_cast<double>(evaluator.now_ms()));
}

Value from_millis(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  return formatted(evaluator, call[0].as_number(), call[1], call[2]);
}

Value to_millis(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  evaluator.spend_text(text.size() * 16);
  if (call[1].is_string()) {
    evaluator.spend_text(call[1].as_string().size() * 64);
    const auto read = read_time(text, call[1].as_string(), static_cast<double>(evaluator.now_ms()));
    return read ? Value(*read) : Value();
  }
  const auto read = read_iso_time(text);
  if (!read) fail("D3110", {.value = evaluator.excerpt(call[0])});
  return Value(*read);
}

constexpr Builtin functions[] = {
    {"now", "<s?s?:s>", 2, now},
    {"millis", "<:n>", 0, millis},
    {"fromMillis", "<n-s?s?:s>", 3, from_millis},
    {"toMillis", "<s-s?:n>", 2, to_millis},
};

}  // namespace

std::span<const Builtin> datetime_functions() { return functions; }

}  // namespace sluice::workflows::jsonata
