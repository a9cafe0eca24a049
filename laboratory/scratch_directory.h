// A private directory that is gone when this is: in memory where the system offers that, since
// nothing in it needs to last.
//
// Failure: throws std::system_error if none can be made.
//
// Not thread-safe, caller serialises.
#pragma once

#include <string>

namespace sluice::laboratory {

class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sluice::laboratory
