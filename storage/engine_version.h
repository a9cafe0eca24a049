// Which database engine is inside, for `sluice doctor` and bug reports.
//
// Thread-safe.
#pragma once

#include <string>

namespace sluice::storage {

struct EngineVersion {
  std::string name;    // "SQLite"
  std::string number;  // "3.40.1"
  int code = 0;        // 3040001
};
EngineVersion engine_version();

}  // namespace sluice::storage
