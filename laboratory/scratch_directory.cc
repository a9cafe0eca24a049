#include "laboratory/scratch_directory.h"

#include <stdlib.h>

#include <filesystem>
#include <system_error>

namespace sluice::laboratory {
namespace {

// The made directory's path, or "" if `parent` takes none.
std::string make_below(const std::filesystem::path& parent) {
  std::string path = (parent / "sluice-laboratory-XXXXXX").string();
  return ::mkdtemp(path.data()) != nullptr ? path : "";
}

}  // namespace

ScratchDirectory::ScratchDirectory() : path_(make_below("/dev/shm")) {
  std::error_code none;
  const auto fallback = std::filesystem::temp_directory_path(none);
  if (path_.empty() && !none) path_ = make_below(fallback);
  if (path_.empty())
    throw std::system_error(errno, std::generic_category(),
                            "making a directory for a laboratory in /dev/shm or in " +
                                fallback.string() + "; set TMPDIR to one that can be written");
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace sluice::laboratory
