#include "cli/disk.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <filesystem>

namespace sluice::cli {
namespace {

struct Kind {
  std::uint32_t magic;
  const char* name;
  bool network, in_memory;
};
// XFS, ZFS, CIFS, SMB2, FUSE and Ceph are not in every linux/magic.h.
constexpr std::array kinds = {
    Kind{EXT4_SUPER_MAGIC, "ext4", false, false},
    Kind{BTRFS_SUPER_MAGIC, "btrfs", false, false},
    Kind{0x58465342, "xfs", false, false},
    Kind{0x2FC12FC1, "zfs", false, false},
    Kind{F2FS_SUPER_MAGIC, "f2fs", false, false},
    Kind{OVERLAYFS_SUPER_MAGIC, "overlay", false, false},
    Kind{TMPFS_MAGIC, "tmpfs", false, true},
    Kind{RAMFS_MAGIC, "ramfs", false, true},
    Kind{NFS_SUPER_MAGIC, "nfs", true, false},
    Kind{SMB_SUPER_MAGIC, "smb", true, false},
    Kind{0xFF534D42, "cifs", true, false},
    Kind{0xFE534D42, "smb2", true, false},
    Kind{0x65735546, "fuse", true, false},
    Kind{AFS_SUPER_MAGIC, "afs", true, false},
    Kind{0x00C36400, "ceph", true, false},
    Kind{V9FS_MAGIC, "9p", true, false},
};

// A file in `directory` that is gone when this is.
class ProbeFile {
 public:
  explicit ProbeFile(const std::string& directory) : path_(directory + "/.sluice-doctor-XXXXXX") {
    fd_ = mkostemp(path_.data(), O_CLOEXEC);
    if (fd_ >= 0) unlink(path_.c_str());
  }
  ~ProbeFile() {
    if (fd_ >= 0) close(fd_);
  }
  ProbeFile(const ProbeFile&) = delete;
  ProbeFile& operator=(const ProbeFile&) = delete;
  int fd() const { return fd_; }

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace

DirectoryLook look_at(const std::string& directory) {
  namespace fs = std::filesystem;
  DirectoryLook look;
  std::error_code ignored;
  fs::path nearest = fs::absolute(directory, ignored).lexically_normal();
  look.exists = fs::is_directory(nearest, ignored);
  while (!fs::exists(nearest, ignored) && nearest.has_parent_path() &&
         nearest != nearest.parent_path())
    nearest = nearest.parent_path();
  look.nearest = nearest.string();
  if (!fs::is_directory(nearest, ignored))
    look.not_writable = "it is a file";
  else if (const ProbeFile probe(look.nearest); probe.fd() < 0)
    look.not_writable = std::strerror(errno);

  struct statvfs space {};
  if (statvfs(look.nearest.c_str(), &space) == 0)
    look.free_bytes =
        static_cast<std::int64_t>(space.f_bavail) * static_cast<std::int64_t>(space.f_frsize);
  struct statfs type {};
  if (statfs(look.nearest.c_str(), &type) == 0) {
    const auto magic = static_cast<std::uint32_t>(type.f_type);
    const auto it = std::find_if(kinds.begin(), kinds.end(),
                                 [&](const Kind& kind) { return kind.magic == magic; });
    look.file_system = it != kinds.end() ? it->name : fmt::format("{:#x}", magic);
    look.network = it != kinds.end() && it->network;
    look.in_memory = it != kinds.end() && it->in_memory;
  }
  return look;
}

std::optional<FsyncTimes> measure_fsync(const std::string& directory, int times) {
  const ProbeFile probe(directory);
  if (probe.fd() < 0) return std::nullopt;
  // Overwritten in place, as the server's log is: the first write, which makes the file grow, is
  // not measured.
  const std::string page(4'096, 's');
  std::vector<std::int64_t> taken;
  for (int i = 0; i <= times; ++i) {
    // tidy: clock: measures the disk.
    const auto begun = std::chrono::steady_clock::now();
    if (pwrite(probe.fd(), page.data(), page.size(), 0) != static_cast<ssize_t>(page.size()) ||
        fdatasync(probe.fd()) != 0)
      return std::nullopt;
    if (i > 0)
      taken.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
                          // tidy: clock: measures the disk.
                          std::chrono::steady_clock::now() - begun)
                          .count());
  }
  std::sort(taken.begin(), taken.end());
  return FsyncTimes{{taken[taken.size() / 2]}, {taken.back()}};
}

std::optional<WallTime> newest_file(const std::string& directory) {
  std::optional<WallTime> newest;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    struct stat info {};
    if (stat(entry.path().c_str(), &info) != 0) continue;
    const WallTime changed{info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1'000};
    if (!newest || changed > *newest) newest = changed;
  }
  return newest;
}

}  // namespace sluice::cli
