// The schema's history: numbered, forward-only steps, one sequence for the whole database.
//
// Each step is a file storage/migrations/ENGINE/NNNN_name.sql, put into the binary by the build. A
// released file is frozen. An engine applies what the database lacks, one transaction a step, and
// refuses a database that has more steps than the binary knows.
//
// Constant data; safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::storage {

struct Migration {
  std::int64_t version;   // 1, 2, 3 … without gaps
  std::string_view name;  // "0001_initial"
  std::string_view sql;   // a script, without BEGIN and COMMIT
};

std::span<const Migration> sqlite_migrations();

}  // namespace sluice::storage
