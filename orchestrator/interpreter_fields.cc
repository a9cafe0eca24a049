// Single fields of a state that are written down, read by a path, or computed by an expression:
// what they come to, and what is said of a value that will not do.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "orchestrator/walk.h"

namespace sluice::orchestrator {

using workflows::excerpt;
using workflows::Failure;
using workflows::Path;
using workflows::QueryLanguage;
using workflows::Value;
using workflows::WholeNumber;

namespace {

constexpr std::int64_t time_limit_seconds_max = 99'999'999;
constexpr std::int64_t count_max = 1'000'000'000'000;  // more than there are items of anything

// A whole number, if it can be told: 5, 5.0. Numbers past the range are held to it.
std::optional<std::int64_t> whole(const Json& value) {
  constexpr double bound = 9e18;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(bound))
    return static_cast<std::int64_t>(bound);
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (std::floor(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(std::clamp(number, -bound, bound));
}

// The text that a string holds, or the value's own.
std::string shown(const Json& value) {
  return value.is_string() ? value.get<std::string>() : excerpt(value, 200);
}

template <class Number>
std::optional<Number> number_in(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

template <class Field>
Walk::Evaluated<Json> Walk::read(const Field& from, std::string_view field, const Doc& input) {
  if (const auto* value = std::get_if<Value>(&from))
    return evaluate(*value, {input, {}, {}}, field);
  if (const auto* path = std::get_if<Path>(&from))
    return path->evaluate(scope(path->needs(), {input, {}, {}}));
  return Json(std::get<0>(from));
}

// What a state's data made a field come to and it cannot be: in JSONata an error like any other.
Failure Walk::refused(std::string cause) const {
  return {in_jsonata() ? "States.QueryEvaluationError" : "States.Runtime", std::move(cause)};
}

Failure Walk::wrong_type(const Value& from, std::string_view field, std::string_view expected,
                         const Json& found) const {
  std::string what = fmt::format("The field '{}' has", field);
  if (const std::string* expression = from.expression())
    what = fmt::format("The JSONata expression '{}' specified for the field '{}' returned",
                       *expression, field);
  Failure failure =
      refused(fmt::format("{} an unexpected result type. Expected '{}', but was '{}' for value: {}",
                          what, expected, found.type_name(), excerpt(found, 200)));
  failure.location = field;
  return failure;
}

Walk::Evaluated<std::int64_t> Walk::whole_seconds(const workflows::Seconds& from,
                                                  std::string_view field, const Doc& input) {
  auto value = read(from, field, input);
  if (!value) return std::move(value.failure());
  const std::optional<std::int64_t> count = whole(*value);
  if (const auto* path = std::get_if<Path>(&from)) {
    const auto refuse = [&](std::string_view what) {
      return refused(fmt::format("The {}Path parameter {}: {} == {}", field, what, path->text(),
                                 excerpt(*value, 200)));
    };
    if (!count) return refuse("cannot be parsed as a long value");
    if (*count < 0) return refuse("references a negative value");
  } else if (const auto* computed = std::get_if<Value>(&from)) {
    if (!count) return wrong_type(*computed, field, "integer", *value);
    if (*count < 0)
      return refused(fmt::format("The {} field must not be negative, but was: {}", field, *count));
  }
  return count.value_or(0);
}

Walk::Evaluated<std::optional<Duration>> Walk::time_limit(
    const std::optional<workflows::Seconds>& limit, std::string_view field, const Doc& input) {
  if (!limit) return std::optional<Duration>();
  auto count = whole_seconds(*limit, field, input);
  if (!count) return std::move(count.failure());
  if (!std::holds_alternative<std::int64_t>(*limit) &&
      (*count < 1 || *count > time_limit_seconds_max)) {
    if (const auto* path = std::get_if<Path>(&*limit))
      return refused(
          fmt::format("The {}Path parameter must reference a value from 1 to {}: {} == {}", field,
                      time_limit_seconds_max, path->text(), *count));
    return refused(fmt::format("The {} field must be a value from 1 to {}, but was: {}", field,
                               time_limit_seconds_max, *count));
  }
  return std::optional(seconds(*count));
}

Walk::Evaluated<Walk::Headers> Walk::own_headers(const workflows::TaskState& body,
                                                 const Doc& input) {
  if (!body.headers_computed) return body.headers;
  auto made = evaluate(*body.headers_computed, {input, {}, {}}, "Headers");
  if (!made) return std::move(made.failure());
  if (!made->is_object()) return wrong_type(*body.headers_computed, "Headers", "object", *made);
  Headers out;
  for (const auto& [name, value] : made->items()) {
    if (!value.is_string())
      return refused(fmt::format("The header \"{}\" must be a string, but was: {}", name,
                                 excerpt(value, 200)));
    out.emplace_back(name, value.get<std::string>());
  }
  return out;
}

Walk::Evaluated<std::optional<int>> Walk::priority(const std::optional<WholeNumber>& from,
                                                   const Doc& input) {
  if (!from) return std::optional<int>();
  auto value = read(*from, "Priority", input);
  if (!value) return std::move(value.failure());
  const std::int64_t priority = whole(*value).value_or(-1);
  if (priority >= 0 && priority <= 9) return std::optional(static_cast<int>(priority));
  std::string_view text = "Priority";
  if (const auto* path = std::get_if<Path>(&*from)) text = path->text();
  if (const auto* computed = std::get_if<Value>(&*from); computed && computed->expression())
    text = *computed->expression();
  return refused(fmt::format("Priority must be a whole number from 0 to 9: {} == {}", text,
                             excerpt(*value, 200)));
}

Walk::Evaluated<std::string> Walk::order_key(const std::optional<Value>& from, const Doc& input) {
  if (!from) return std::string();
  auto made = evaluate(*from, {input, {}, {}}, in_jsonata() ? "OrderKey" : "");
  if (!made) return std::move(made.failure());
  // In JSONPath it was read as the one member of an object.
  const Json value = in_jsonata() ? *std::move(made) : std::move((*made)["OrderKey"]);
  if (!value.is_string() && !value.is_number())
    return refused(
        fmt::format("OrderKey must be a string or a number, but was: {}", excerpt(value, 200)));
  std::string key = value.is_string() ? value.get<std::string>() : to_text(value);
  if (key.empty() || key.size() > workflows::order_key_bytes_max)
    return refused(fmt::format("OrderKey must have 1 to {} bytes, but was: {}",
                               workflows::order_key_bytes_max, excerpt(value, 200)));
  return key;
}

Walk::Evaluated<std::int64_t> Walk::count(const std::optional<WholeNumber>& from,
                                          std::string_view place, std::string_view field,
                                          const Doc& input) {
  if (!from) return std::int64_t{0};
  auto value = read(*from, fmt::format("{}{}", place, field), input);
  if (!value) return std::move(value.failure());
  std::optional<std::int64_t> number = whole(*value);
  if (const auto* path = std::get_if<Path>(&*from)) {
    // The service takes a number's text for the number here.
    if (!number) number = number_in<std::int64_t>(*value);
    if (!number)
      return refused(
          fmt::format("The {}Path field refers to value \"{}\" which is not a valid "
                      "integer: {}",
                      field, shown(*value), path->text()));
  } else if (!number) {
    return wrong_type(std::get<Value>(*from), fmt::format("{}{}", place, field), "integer", *value);
  }
  if (*number < 0) {
    if (field == "MaxItems")
      return Failure{"States.ItemReaderFailed", "field MaxItems must be positive"};
    return refused(fmt::format("{} cannot be negative.", field));
  }
  return std::min(*number, count_max);
}

Walk::Evaluated<double> Walk::percentage(const std::optional<workflows::Number>& from,
                                         const Doc& input) {
  if (!from) return 0.0;
  constexpr std::string_view field = "ToleratedFailurePercentage";
  auto value = read(*from, field, input);
  if (!value) return std::move(value.failure());
  std::optional<double> number;
  if (value->is_number()) number = value->get<double>();
  if (const auto* path = std::get_if<Path>(&*from)) {
    if (!number) number = number_in<double>(*value);
    if (!number)
      return refused(
          fmt::format("The {}Path field refers to value \"{}\" which is not a valid "
                      "float: {}",
                      field, shown(*value), path->text()));
  } else if (!number) {
    return wrong_type(std::get<Value>(*from), field, "number", *value);
  }
  // Written so that what is no number at all ("nan") is refused too.
  if (!(*number >= 0 && *number <= 100))
    return refused(fmt::format("{} must be between 0 and 100.", field));
  return *number;
}

// ---- a Wait's end ----

namespace {

// As the service has it: a delay is counted in seconds in 32 bits.
constexpr std::int64_t wait_seconds_max = 2'147'483'647;

}  // namespace

Walk::Evaluated<WallTime> Walk::wait_until(const workflows::WaitState& body, const Doc& input) {
  const Failure too_long{"States.Runtime", "Wait state delay is too long."};
  if (const auto* delay = std::get_if<workflows::Seconds>(&body.until)) {
    auto count = whole_seconds(*delay, "Seconds", input);
    if (!count) return std::move(count.failure());
    if (*count > wait_seconds_max) return too_long;
    return now_ + seconds(*count);
  }

  const auto& until = std::get<workflows::WaitState::Until>(body.until).at;
  std::optional<WallTime> time;
  if (const auto* written = std::get_if<WallTime>(&until)) {
    time = *written;
  } else if (const auto* path = std::get_if<Path>(&until)) {
    auto value = path->evaluate(scope(path->needs(), {input, {}, {}}));
    if (!value) return std::move(value.failure());
    if (value->is_string()) time = parse_rfc3339(value->get_ref<const std::string&>());
    if (!time)
      return refused(
          fmt::format("The TimestampPath parameter does not reference a valid ISO-8601 extended "
                      "offset date-time format string: {} == {}",
                      path->text(), shown(*value)));
  } else {
    const Value& computed = std::get<Value>(until);
    auto value = evaluate(computed, {input, {}, {}}, "Timestamp");
    if (!value) return std::move(value.failure());
    if (!value->is_string()) return wrong_type(computed, "Timestamp", "string", *value);
    time = parse_rfc3339(value->get_ref<const std::string&>());
    if (!time) {
      Failure failure =
          refused(fmt::format("The Timestamp field cannot be parsed as an ISO-8601 extended offset "
                              "date-time format string: {}",
                              shown(*value)));
      failure.location = "Timestamp";
      return failure;
    }
  }
  if (*time - now_ > seconds(wait_seconds_max)) return too_long;
  return *time;
}

}  // namespace sluice::orchestrator
