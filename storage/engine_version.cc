#include "storage/engine_version.h"

#include <sqlite3.h>

namespace sluice::storage {

EngineVersion engine_version() {
  return {"SQLite", sqlite3_libversion(), sqlite3_libversion_number()};
}

}  // namespace sluice::storage
