// From SQLite's result codes to StorageError: what was being done, what SQLite says, what to do.
#pragma once

#include <string>
#include <string_view>

#include "storage/storage.h"

struct sqlite3;

namespace sluice::storage {

Fault fault_of(int engine_code);

// What a person can do about it; a sentence.
std::string_view advice(Fault fault);

// The error of the connection's last call. `doing` is the statement's name or a phrase: "opening
// x".
StorageError sqlite_error(sqlite3* handle, int engine_code, std::string_view doing);

// The same with the fault already known, for COMMIT.
StorageError sqlite_error(sqlite3* handle, int engine_code, std::string_view doing, Fault fault);

}  // namespace sluice::storage
