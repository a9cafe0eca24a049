// The connection's settings of the bare SQLite program: those of the server (storage/).
#pragma once

#include <string_view>

namespace sluice::bench {

inline constexpr std::string_view sql_settings =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA secure_delete = OFF;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA cache_size = -65536;"
    "PRAGMA wal_autocheckpoint = 0;";

}  // namespace sluice::bench
