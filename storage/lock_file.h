// `sluice.lock`: one process owns a data directory.
//
// The lock is the kernel's (flock), so it goes with the process however it ends; the text in the
// file, the owner's process id and start, is only for the message to the next one. The file itself
// stays: removing it would let two processes lock two files of one name.
//
// Not thread-safe, caller serialises. Throws StorageError: locked_by_other, io.
#pragma once

#include <string>

namespace sluice::storage {

class LockFile {
 public:
  explicit LockFile(const std::string& path);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace sluice::storage
