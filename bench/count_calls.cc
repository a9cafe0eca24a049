// Preloaded into the server (LD_PRELOAD), counts what it asks of the allocator and of the disk.
//
// The counts stand in the file that SLUICE_COUNT_FILE names, mapped into memory: eight-byte numbers
// in the machine's order, in the order of `Count`. Whoever measures reads the file before and
// after; the server is not asked and not stopped. Counting costs an atomic addition a call.
//
// Thread-safe. Where the file cannot be mapped the process ends, since it would count for nobody.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

enum Count {
  allocations,
  allocated_bytes,
  frees,
  flushes,
  disk_writes,
  disk_bytes,
  count_of_counts
};

using Counter = std::atomic<std::uint64_t>;

// Counts into memory of its own until the file is there.
Counter early[count_of_counts];
std::atomic<Counter*> counters{early};

void add(Count what, std::uint64_t much) {
  counters.load(std::memory_order_relaxed)[what].fetch_add(much, std::memory_order_relaxed);
}

__attribute__((constructor)) void map_counters() {
  const char* path = std::getenv("SLUICE_COUNT_FILE");
  const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  void* place = MAP_FAILED;
  if (file >= 0) place = ::mmap(nullptr, sizeof early, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (place == MAP_FAILED) std::_Exit(127);
  ::close(file);
  counters = static_cast<Counter*>(place);
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

// The allocator's own names: dlsym() allocates, so they cannot be looked up from in here.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void __libc_free(void* place);

void* malloc(std::size_t size) {
  add(allocations, 1);
  add(allocated_bytes, size);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  add(allocations, 1);
  add(allocated_bytes, count * size);
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  add(allocations, 1);
  add(allocated_bytes, size);
  return __libc_realloc(old, size);
}
void free(void* place) {
  if (place != nullptr) add(frees, 1);
  __libc_free(place);
}

int fdatasync(int file) {
  static const auto real = next<int (*)(int)>("fdatasync");
  add(flushes, 1);
  return real(file);
}
int fsync(int file) {
  static const auto real = next<int (*)(int)>("fsync");
  add(flushes, 1);
  return real(file);
}
ssize_t pwrite64(int file, const void* bytes, std::size_t size, off64_t place) {
  static const auto real = next<ssize_t (*)(int, const void*, std::size_t, off64_t)>("pwrite64");
  add(disk_writes, 1);
  add(disk_bytes, size);
  return real(file, bytes, size, place);
}
ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t place) {
  static const auto real = next<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite");
  add(disk_writes, 1);
  add(disk_bytes, size);
  return real(file, bytes, size, place);
}

}  // extern "C"
