// Which routing keys a binding of a topic takes.
//
// A key and a pattern are words with dots between them. In a pattern `*` stands for exactly one
// word and `#` for any number of words, none included: "order.*.created" takes
// "order.eu.created"; "order.#" takes "order" and "order.eu.created".
//
// Thread-safe (pure). Never allocates; at most words × words steps.
#pragma once

#include <string_view>

#include "base/result.h"

namespace sluice::queue {

inline constexpr std::size_t topic_key_bytes_max = 255;

// Refuses with invalid_argument: longer than topic_key_bytes_max, an empty word, control characters
// and white space, and `*` or `#` as part of a longer word. The empty pattern takes the empty key.
Status check_topic_pattern(std::string_view pattern);
// The same for a key, in which `*` and `#` are no words.
Status check_topic_key(std::string_view key);

// REQUIRES: both were checked.
bool topic_matches(std::string_view pattern, std::string_view key);

}  // namespace sluice::queue
