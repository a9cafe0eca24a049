// Text in UTF-8, a code point at a time. Thread-safe (pure).
#pragma once

#include <string>

namespace sluice {

// Appends the UTF-8 form of `code`. REQUIRES: a code point, at most 0x10FFFF.
void append_utf8(std::string& out, char32_t code);

}  // namespace sluice
