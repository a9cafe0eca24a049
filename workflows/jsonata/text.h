// Text as the language sees it: UTF-8 inside, counted in code points, compared as JavaScript
// compares (by UTF-16 units). Internal.
//
// Escapes can make half of a surrogate pair. It is held as the three bytes that UTF-8 would give
// it, and becomes U+FFFD when it leaves in a document.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace sluice::workflows::jsonata {

// The code point at `at`, which moves behind it. A byte that starts none counts for itself.
inline char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const std::size_t length = lead < 0xC0 ? 1u : lead < 0xE0 ? 2u : lead < 0xF0 ? 3u : 4u;
  if (length == 1 || at + length > text.size()) return byte(at++);
  char32_t code = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(at + i) & 0x3Fu);
  at += length;
  return code;
}
std::u32string code_points(std::string_view text);
std::string to_utf8(std::u32string_view text);

std::size_t count_code_points(std::string_view text);
// The byte at which code point number `count` starts, or the end.
std::size_t offset_of(std::string_view text, std::size_t count);
// How many UTF-16 units `text` has.
std::size_t count_units(std::string_view text);
// Negative, zero or positive.
int compare(std::string_view a, std::string_view b);
inline bool is_surrogate(char32_t code) { return code >= 0xD800 && code < 0xE000; }
bool has_surrogate(std::string_view text);
// Well-formed, without half pairs.
bool is_utf8(std::string_view text);
// U+FFFD in the place of every half pair.
std::string without_surrogates(std::string_view text);

// Letter case by Unicode, in no language's own way.
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);

// A JSON string, quotes included.
template <class Out>
void append_json_string(Out& out, std::string_view text);

}  // namespace sluice::workflows::jsonata
