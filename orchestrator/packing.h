// Documents as the log stores them when they are large: by zstd.
//
// Threads: thread-safe; each thread keeps a context of its own, about a megabyte once it has
// packed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::orchestrator {

// Smaller ones stay as they are: they would gain little and cost the writer more.
inline constexpr std::size_t packed_from_bytes = 4'096;

// Puts the packed bytes into `out`, whose memory is used again. False: it would save less than an
// eighth; `out` says nothing then.
bool pack_bytes(std::string_view bytes, std::string& out);
// What was packed, which had `size` bytes. Nothing: these are other bytes.
std::optional<std::string> unpack_bytes(std::string_view packed, std::size_t size);

}  // namespace sluice::orchestrator
