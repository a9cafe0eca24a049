#include "storage/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "storage/storage.h"

namespace sluice::storage {

namespace {

// "pid 4711, started 2026-01-31T23:59:59.123456Z", or what can be said without it.
std::string read_owner(int descriptor) {
  char text[128];
  const ssize_t size = ::pread(descriptor, text, sizeof text, 0);
  std::string owner(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!owner.empty() && owner.back() == '\n') owner.pop_back();
  return owner.empty() ? "which has not written its pid yet" : owner;
}

}  // namespace

LockFile::LockFile(const std::string& path) {
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0)
    throw StorageError(Fault::io,
                       fmt::format("opening {}: {}. The server must be able to write in its "
                                   "data directory; check its owner and permissions.",
                                   path, std::strerror(errno)));
  int locked = 0;
  do {
    locked = ::flock(descriptor_, LOCK_EX | LOCK_NB);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0) {
    const int reason = errno;
    const std::string owner = reason == EWOULDBLOCK ? read_owner(descriptor_) : std::string();
    ::close(descriptor_);
    if (reason != EWOULDBLOCK)
      throw StorageError(Fault::io,
                         fmt::format("locking {}: {}. The data directory needs a local file "
                                     "system.",
                                     path, std::strerror(reason)));
    throw StorageError(
        Fault::locked_by_other,
        fmt::format("{} is held by another server ({}). Stop it, or give this one another data "
                    "directory.",
                    path, owner));
  }
  const std::string text =
      fmt::format("pid {}, started {}\n", ::getpid(), to_rfc3339(SystemClock().wall_now()));
  // Only for the message above; a disk too full for it does not keep the server from starting.
  if (::ftruncate(descriptor_, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(descriptor_, text.data(), text.size(), 0);
  }
}

LockFile::~LockFile() { ::close(descriptor_); }

}  // namespace sluice::storage
