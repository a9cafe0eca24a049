// A JSONata expression over a message of a topic: a binding's filter, or the key of its event.
//
//   {% amount > 0 and $headers.region = "eu" %}
//
// `$` is the message's body, `$key` its routing key, `$headers` its headers (an object of texts),
// `$topic` the topic's name.
//
// Bounded: an evaluation that passes its steps fails. Threads: immutable after parse; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "workflows/evaluation.h"
#include "workflows/jsonata/jsonata.h"

namespace sluice::workflows {

inline constexpr std::size_t message_expression_bytes_max = 4'096;
inline constexpr std::int64_t message_expression_steps_max = 100'000;

// REQUIRES: every document is set.
struct MessageScope {
  const Json* body = nullptr;
  const Json* key = nullptr;
  const Json* headers = nullptr;
  const Json* topic = nullptr;
  WallTime now{};
  std::uint64_t seed = 0;
};

class MessageExpression {
 public:
  // Refuses, with invalid_argument and why: no "{% … %}", longer than message_expression_bytes_max,
  // not JSONata, or asking for $states, which no message has.
  static Result<MessageExpression> parse(std::string_view text);

  const std::string& text() const { return text_; }  // with its marks

  // Whether the message passes: JSONata's $boolean of what the expression comes to.
  // `steps` is what the evaluation may use, and afterwards what it has left.
  Evaluated<bool> passes(const MessageScope& message, std::int64_t& steps) const;
  // A text; anything else that the expression comes to is a failure.
  Evaluated<std::string> name(const MessageScope& message, std::int64_t& steps) const;

 private:
  MessageExpression(std::string text, jsonata::Expression expression)
      : text_(std::move(text)), expression_(std::move(expression)) {}
  jsonata::Answer evaluate(const MessageScope& message, std::int64_t& steps) const;

  std::string text_;
  jsonata::Expression expression_;
};

}  // namespace sluice::workflows
