#include "bench/machine.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

namespace sluice::bench {
namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "unknown";
}

std::string file_system(const std::string& directory) {
  struct statfs volume {};
  if (::statfs(directory.c_str(), &volume) != 0) return "unknown";
  switch (static_cast<std::uint32_t>(volume.f_type)) {
    case 0xEF53:
      return "ext4";
    case 0x58465342:
      return "xfs";
    case 0x9123683E:
      return "btrfs";
    case 0x01021994:
      return "tmpfs (a flush costs nothing: figures say little)";
    case 0x794C7630:
      return "overlay";
    default:
      return fmt::format("type {:#x}", static_cast<std::uint32_t>(volume.f_type));
  }
}

}  // namespace

Json describe_machine(const std::string& directory) {
  utsname system{};
  ::uname(&system);
  Json machine = Json::object();
  machine["cpu"] = cpu_model();
  machine["cores"] = ::sysconf(_SC_NPROCESSORS_ONLN);
  const double memory = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 30);
  machine["memory_gib"] = static_cast<std::int64_t>(memory + 0.5);
  machine["kernel"] = std::string(system.sysname) + " " + system.release;
  machine["file_system"] = file_system(directory);
  machine["sqlite"] = sqlite3_libversion();
  return machine;
}

}  // namespace sluice::bench
