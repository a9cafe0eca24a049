// The SQLite form of Database, and opening one with migrations of the caller's choice (tests).
#pragma once

#include <memory>
#include <span>

#include "storage/migrations.h"
#include "storage/storage.h"

namespace sluice::storage {

std::unique_ptr<Database> open_sqlite(const Options& options,
                                      std::span<const Migration> migrations);

}  // namespace sluice::storage
