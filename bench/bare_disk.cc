#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "bench/bare.h"
#include "bench/measure.h"

namespace sluice::bench {
namespace {

constexpr std::size_t block = 4096;
constexpr off_t kept_bytes = 4 << 20;

[[noreturn]] void refuse(std::string_view doing, const std::string& path) {
  throw std::runtime_error(fmt::format("{} {}: {}", doing, path, std::strerror(errno)));
}

DiskRate measure(const std::string& directory, double seconds, bool overwrite) {
  const std::string path = directory + "/fsync";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) refuse("opening", path);
  ::unlink(path.c_str());
  const std::string data(block, 'x');
  if (overwrite) {
    for (off_t at = 0; at < kept_bytes; at += static_cast<off_t>(block))
      if (::pwrite(file, data.data(), block, at) < 0) refuse("writing", path);
    if (::fsync(file) != 0) refuse("flushing", path);
  }
  Latencies latencies;
  off_t at = 0;
  const std::int64_t begun = now_us();
  const auto limit = begun + static_cast<std::int64_t>(seconds * 1e6);
  std::int64_t now = begun;
  while (now < limit) {
    if (::pwrite(file, data.data(), block, at) < 0) refuse("writing", path);
    if (::fdatasync(file) != 0) refuse("flushing", path);
    at += static_cast<off_t>(block);
    if (overwrite) at %= kept_bytes;
    const std::int64_t after = now_us();
    latencies.add(after - now);
    now = after;
  }
  ::close(file);
  return {static_cast<double>(latencies.size()) * 1e6 / static_cast<double>(now - begun),
          latencies.quantile_ms(0.5), latencies.quantile_ms(0.99)};
}

}  // namespace

DiskRate measure_append(const std::string& directory, double seconds) {
  return measure(directory, seconds, false);
}

DiskRate measure_overwrite(const std::string& directory, double seconds) {
  return measure(directory, seconds, true);
}

}  // namespace sluice::bench
