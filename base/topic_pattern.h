// Which routing keys a binding of a topic takes.
//
// A key and a pattern are words with dots between them. In a pattern `*` stands for exactly one
// word and `#` for any number of words, none included: "order.*.created" takes
// "order.eu.created"; "order.#" takes "order" and "order.eu.created". The empty text has no words.
//
// Thread-safe (pure). Matching never allocates, and costs at most words × words steps.
#pragma once

#include <string_view>

#include "base/result.h"

namespace sluice {

inline constexpr std::size_t topic_key_bytes_max = 255;

// Refuses with invalid_argument: longer than topic_key_bytes_max, control characters, an empty
// word, and `*` or `#` as part of a longer word. The empty pattern takes the empty key.
Status check_topic_pattern(std::string_view pattern);
// Refuses keys that are too long or hold control characters. All else is a key, since others give
// them: a word may be empty, and `*` and `#` are words like any other.
Status check_topic_key(std::string_view key);

// REQUIRES: both were checked.
bool topic_matches(std::string_view pattern, std::string_view key);

}  // namespace sluice
