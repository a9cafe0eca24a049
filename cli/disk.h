// What `sluice doctor` asks of a directory and its disk.
//
// Thread-safe (no shared state).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace sluice::cli {

struct DirectoryLook {
  bool exists = false;
  std::string nearest;       // the directory itself, or the nearest one above that exists
  std::string not_writable;  // why a file cannot be made in `nearest`; "" if it can
  std::int64_t free_bytes = 0;
  std::string file_system;  // "ext4", "nfs", …; the magic number in hex if unknown
  bool network = false;     // locks and fsync of such file systems are not to be relied on
  bool in_memory = false;   // tmpfs: gone after a restart of the machine
};
DirectoryLook look_at(const std::string& directory);

struct FsyncTimes {
  Duration median, slowest;
};
// Writes a small file there, again and again, and flushes it each time; removes it. Nothing if that
// fails.
std::optional<FsyncTimes> measure_fsync(const std::string& directory, int times);

// The newest time of change among the directory's files.
std::optional<WallTime> newest_file(const std::string& directory);

}  // namespace sluice::cli
