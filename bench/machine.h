// The machine, without names: what a figure must be read with.
//
// Thread-safe (no shared state).
#pragma once

#include <string>

#include "base/json.h"

namespace sluice::bench {

// {"cpu", "cores", "memory_gib", "kernel", "file_system", "sqlite"}; `directory` is where the data
// is written.
Json describe_machine(const std::string& directory);

}  // namespace sluice::bench
