// A hash of text under a key that is drawn once per process (SipHash-1-3, Aumasson and Bernstein
// 2012).
//
// For tables whose keys come from outside: nobody can prepare names that collide. The value differs
// from process to process, so it is never stored and never decides an order that anybody sees.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

std::uint64_t keyed_hash(std::string_view text);

}  // namespace sluice
