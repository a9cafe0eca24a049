#include "support/fault_vfs.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"

namespace sluice::test_support {

namespace {
constexpr std::int64_t sector_bytes = 512;
}

// What a file was at its last flush, as far as it differs from what it is now.
struct FileRecord {
  std::map<std::int64_t, std::string>
      before;  // sector number -> its flushed bytes, zero beyond the end
  std::int64_t flushed_size = 0;
};

struct FaultVfs::State {
  State(std::string name_in, std::uint64_t seed) : name(std::move(name_in)), random(seed) {}

  enum class Answer { pass, io_error, disk_full, torn };

  struct Plan {
    Op op;
    std::int64_t left;
    Then then;
    bool and_after;
  };

  std::string name;
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;

  mutable std::mutex mutex;
  Random random;                            // guarded by mutex, as is all below
  std::map<std::string, FileRecord> files;  // by full path
  std::optional<Plan> plan;
  bool crashed = false;
  std::int64_t counts[5] = {};

  static bool matches(Op planned, Op actual) {
    return planned == actual || (planned == Op::change && actual != Op::open);
  }

  // REQUIRES: mutex held.
  Answer ask(Op op) {
    if (crashed) return Answer::io_error;
    ++counts[static_cast<int>(op)];
    if (op != Op::open) ++counts[static_cast<int>(Op::change)];
    if (!plan || !matches(plan->op, op)) return Answer::pass;
    if (plan->left > 1) {
      --plan->left;
      return Answer::pass;
    }
    const Then then = plan->then;
    if (!plan->and_after) plan.reset();
    switch (then) {
      case Then::io_error:
        return Answer::io_error;
      case Then::disk_full:
        return Answer::disk_full;
      case Then::crash:
        crashed = true;
        return Answer::io_error;
      case Then::torn_crash:
        crashed = true;
        return op == Op::write ? Answer::torn : Answer::io_error;
    }
    return Answer::pass;
  }
};

namespace {

// Defined here so that SQLite's C callbacks can name it: FaultVfs::State is private.
template <class State>
struct Callbacks {
  struct File {
    sqlite3_file base;  // first: SQLite sees this
    State* state;
    const std::string* path;  // the key in State::files; null for a temporary file
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static File* file_of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static sqlite3_file* real_of(sqlite3_file* file) { return file_of(file)->real(); }
  static State* state_of(sqlite3_vfs* vfs) { return static_cast<State*>(vfs->pAppData); }
  using Answer = typename State::Answer;
  using Op = FaultVfs::Op;

  static std::int64_t size_of(sqlite3_file* real) {
    sqlite3_int64 size = 0;
    real->pMethods->xFileSize(real, &size);
    return size;
  }

  // Keeps the flushed bytes of the sectors a write is about to change.
  static void remember(FileRecord& record, sqlite3_file* real, std::int64_t from, std::int64_t to) {
    for (std::int64_t sector = from / sector_bytes; sector * sector_bytes < to; ++sector) {
      if (record.before.contains(sector)) continue;
      std::string old(sector_bytes, '\0');
      // A short read fills with zeros and says so; both are right here.
      real->pMethods->xRead(real, old.data(), static_cast<int>(sector_bytes),
                            sector * sector_bytes);
      record.before.emplace(sector, std::move(old));
    }
  }

  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    State* state = file_of(file)->state;
    sqlite3_file* real = real_of(file);
    const std::lock_guard lock(state->mutex);
    const Answer answer = state->ask(Op::write);
    if (answer == Answer::io_error) return SQLITE_IOERR_WRITE;
    if (answer == Answer::disk_full) return SQLITE_FULL;
    int kept = size;
    if (answer == Answer::torn)
      kept = static_cast<int>(state->random.below(static_cast<std::uint64_t>(size)));
    if (const std::string* path = file_of(file)->path)
      remember(state->files[*path], real, offset, offset + kept);
    const int code = kept == 0 ? SQLITE_OK : real->pMethods->xWrite(real, data, kept, offset);
    return answer == Answer::torn ? SQLITE_IOERR_WRITE : code;
  }

  static int sync(sqlite3_file* file, int) {
    State* state = file_of(file)->state;
    const std::lock_guard lock(state->mutex);
    const Answer answer = state->ask(Op::sync);
    if (answer == Answer::disk_full) return SQLITE_FULL;
    if (answer != Answer::pass) return SQLITE_IOERR_FSYNC;
    if (const std::string* path = file_of(file)->path) {
      FileRecord& record = state->files[*path];
      record.before.clear();
      record.flushed_size = size_of(real_of(file));
    }
    return SQLITE_OK;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    State* state = file_of(file)->state;
    sqlite3_file* real = real_of(file);
    const std::lock_guard lock(state->mutex);
    const Answer answer = state->ask(Op::truncate);
    if (answer == Answer::disk_full) return SQLITE_FULL;
    if (answer != Answer::pass) return SQLITE_IOERR_TRUNCATE;
    const int code = real->pMethods->xTruncate(real, size);
    if (const std::string* path = file_of(file)->path; path != nullptr && code == SQLITE_OK) {
      FileRecord& record = state->files[*path];
      record.flushed_size = std::min(record.flushed_size, std::int64_t{size});
      record.before.erase(record.before.lower_bound((size + sector_bytes - 1) / sector_bytes),
                          record.before.end());
    }
    return code;
  }

  static bool down(State* state) {
    const std::lock_guard lock(state->mutex);
    return state->crashed;
  }
  static int read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
    if (down(file_of(file)->state)) return SQLITE_IOERR_READ;
    return real_of(file)->pMethods->xRead(real_of(file), data, size, offset);
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    if (down(file_of(file)->state)) return SQLITE_IOERR_FSTAT;
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
  }

  // Closing and unlocking work even after a crash: the process that crashed would be gone.
  static int close(sqlite3_file* file) { return real_of(file)->pMethods->xClose(real_of(file)); }
  static int lock(sqlite3_file* file, int level) {
    return real_of(file)->pMethods->xLock(real_of(file), level);
  }
  static int unlock(sqlite3_file* file, int level) {
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
  }
  static int check_reserved_lock(sqlite3_file* file, int* held) {
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
  }
  static int file_control(sqlite3_file* file, int what, void* argument) {
    return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
  }
  static int sector_size(sqlite3_file* file) {
    return real_of(file)->pMethods->xSectorSize(real_of(file));
  }
  static int device_characteristics(sqlite3_file* file) {
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
  }
  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** at) {
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, at);
  }
  static int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
  }
  static void shm_barrier(sqlite3_file* file) {
    real_of(file)->pMethods->xShmBarrier(real_of(file));
  }
  static int shm_unmap(sqlite3_file* file, int remove) {
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
  }

  // Version 2: shared memory, but no memory-mapped reads, which would pass this by.
  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods all = {2,
                                           close,
                                           read,
                                           write,
                                           truncate,
                                           sync,
                                           file_size,
                                           lock,
                                           unlock,
                                           check_reserved_lock,
                                           file_control,
                                           sector_size,
                                           device_characteristics,
                                           shm_map,
                                           shm_lock,
                                           shm_barrier,
                                           shm_unmap,
                                           nullptr,
                                           nullptr};
    return &all;
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* opened) {
    State* state = state_of(vfs);
    File* ours = file_of(file);
    ours->base.pMethods = nullptr;
    {
      const std::lock_guard lock(state->mutex);
      const Answer answer = state->ask(Op::open);
      if (answer == Answer::disk_full) return SQLITE_FULL;
      if (answer != Answer::pass) return SQLITE_CANTOPEN;
    }
    ours->state = state;
    ours->path = nullptr;
    const int code = state->real->xOpen(state->real, path, ours->real(), flags, opened);
    if (ours->real()->pMethods != nullptr) ours->base.pMethods = methods();
    if (code == SQLITE_OK && path != nullptr) {
      const std::lock_guard lock(state->mutex);
      const auto [at, is_new] = state->files.try_emplace(path);
      if (is_new) at->second.flushed_size = size_of(ours->real());
      ours->path = &at->first;
    }
    return code;
  }

  static int remove(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    State* state = state_of(vfs);
    const std::lock_guard lock(state->mutex);
    if (state->crashed) return SQLITE_IOERR_DELETE;
    const int code = state->real->xDelete(state->real, path, sync_directory);
    // The record itself stays, for files that are still open under this name.
    if (const auto at = state->files.find(path); at != state->files.end()) at->second = {};
    return code;
  }
  static int access(sqlite3_vfs* vfs, const char* path, int flags, int* result) {
    State* state = state_of(vfs);
    if (down(state)) return SQLITE_IOERR_ACCESS;
    return state->real->xAccess(state->real, path, flags, result);
  }
};

// `path` as a power cut leaves it.
void lose_unflushed(const std::string& path, const FileRecord& record, Random& random) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return;  // deleted
  struct stat info {};
  SLUICE_CHECK(::fstat(descriptor, &info) == 0, "the size of a file under test");
  const std::int64_t last_size = info.st_size;
  for (const auto& [sector, bytes] : record.before) {
    if (random.below(2) == 0) continue;
    const std::int64_t at = sector * sector_bytes;
    const std::int64_t size = std::min(sector_bytes, last_size - at);
    if (size <= 0) continue;
    SLUICE_CHECK(::pwrite(descriptor, bytes.data(), static_cast<std::size_t>(size), at) == size,
                 "a file under test takes its old bytes back");
  }
  if (last_size > record.flushed_size && random.below(2) == 0) {
    const auto grown = static_cast<std::uint64_t>(last_size - record.flushed_size);
    const std::int64_t size =
        record.flushed_size + static_cast<std::int64_t>(random.below(grown + 1));
    SLUICE_CHECK(::ftruncate(descriptor, size) == 0, "a file under test can be shortened");
  }
  ::close(descriptor);
}

}  // namespace

FaultVfs::FaultVfs(std::string name, std::uint64_t seed)
    : state_(std::make_unique<State>(std::move(name), seed)) {
  using All = Callbacks<State>;
  State& state = *state_;
  state.real = sqlite3_vfs_find(nullptr);
  SLUICE_CHECK(state.real != nullptr, "SQLite has a default VFS");
  SLUICE_CHECK(sqlite3_vfs_find(state.name.c_str()) == nullptr, "one FaultVfs of a name at a time");
  sqlite3_vfs& vfs = state.vfs;
  vfs = *state.real;
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(All::File)) + state.real->szOsFile;
  vfs.zName = state.name.c_str();
  vfs.pAppData = &state;
  vfs.xOpen = All::open;
  vfs.xDelete = All::remove;
  vfs.xAccess = All::access;
  // The remaining functions are the default VFS's own; on Unix they do not look at pAppData.
  SLUICE_CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK, "the VFS can be registered");
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& FaultVfs::name() const { return state_->name; }

void FaultVfs::fail(Op op, std::int64_t nth, Then then, bool and_after) {
  SLUICE_CHECK(nth >= 1, "the first call is 1");
  const std::lock_guard lock(state_->mutex);
  state_->plan = State::Plan{op, nth, then, and_after};
}

void FaultVfs::forgive() {
  const std::lock_guard lock(state_->mutex);
  state_->plan.reset();
}

void FaultVfs::crash() {
  const std::lock_guard lock(state_->mutex);
  state_->crashed = true;
}

bool FaultVfs::crashed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->crashed;
}

void FaultVfs::restart() {
  const std::lock_guard lock(state_->mutex);
  for (const auto& [path, record] : state_->files) lose_unflushed(path, record, state_->random);
  state_->files.clear();
  state_->plan.reset();
  state_->crashed = false;
}

std::int64_t FaultVfs::count(Op op) const {
  const std::lock_guard lock(state_->mutex);
  return state_->counts[static_cast<int>(op)];
}

}  // namespace sluice::test_support
