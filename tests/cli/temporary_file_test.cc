#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "command_runner.h"

namespace sluice::cli {

TemporaryFile::TemporaryFile(const std::string& name, const std::string& text) {
  std::string pattern = (std::filesystem::temp_directory_path() / "sluice-cli-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  path_ = folder_ + "/" + name;
  std::ofstream(path_, std::ios::binary) << text;
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

TEST_CASE("a temporary file is there while it is needed and gone afterwards") {
  std::string path;
  {
    const TemporaryFile file("x.json", "{}");
    path = file.path();
    CHECK(std::filesystem::file_size(path) == 2);
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

}  // namespace sluice::cli
