// The fuzzers without a fuzzer: every seed, and changes of it that are the same each time. What was
// being run when it crashed stands in the file whose name is printed.
#include <doctest/doctest.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/random.h"
#include "support/sanitized.h"
#include "targets.h"

namespace sluice::fuzz {
namespace {

constexpr int rounds = test_support::sanitized ? 4'000 : 20'000;  // of changes, for each target
constexpr std::size_t text_bytes_max = 4'096;

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> seeds_of(std::string_view name) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(SLUICE_FUZZ_SEEDS) / name))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& file : files) seeds.push_back(read(file));
  return seeds;
}

std::size_t pick(Random& chance, std::size_t bound) { return chance.below(bound); }

std::string changed(Random& chance, const std::vector<std::string>& seeds) {
  std::string text = seeds[pick(chance, seeds.size())];
  for (std::size_t changes = 1 + pick(chance, 4); changes > 0; --changes) {
    if (text.empty()) text = " ";
    const std::size_t at = pick(chance, text.size());
    const std::size_t size = std::min(1 + pick(chance, 24), text.size() - at);
    switch (pick(chance, 6)) {
      case 0:
        text[at] = static_cast<char>(pick(chance, 256));
        break;
      case 1:
        text.erase(at, size);
        break;
      case 2:  // a piece of it again, elsewhere
        text.insert(at, text.substr(pick(chance, text.size()), size));
        break;
      case 3:  // a piece of another one
      {
        const std::string& other = seeds[pick(chance, seeds.size())];
        if (!other.empty()) text.insert(at, other.substr(pick(chance, other.size()), size));
        break;
      }
      case 4:
        text[at] = static_cast<char>(text[at] ^ (1 << pick(chance, 8)));
        break;
      default:
        text[at] = "{}[]()\",:$.*'0-\\%"[pick(chance, 17)];
        break;
    }
  }
  text.resize(std::min(text.size(), text_bytes_max));
  return text;
}

// Leaves the text in a file when the process dies of it.
std::string_view running;
void leave() {
  if (std::FILE* file = std::fopen(SLUICE_FUZZ_FAILED, "wb")) {
    std::fwrite(running.data(), 1, running.size(), file);
    std::fclose(file);
    std::fputs("fuzz: what was being run is in " SLUICE_FUZZ_FAILED "\n", stderr);
  }
}
void leave_and_die(int signal) {
  leave();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Target& target, const std::string& text) {
  running = text;
  target.run(text);
  running = {};
}

}  // namespace

TEST_CASE("every seed of the fuzzers and many changes of it keep the promises") {
  std::signal(SIGABRT, leave_and_die);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(leave);
#endif
  for (const Target& target : targets) {
    CAPTURE(target.name);
    const std::vector<std::string> seeds = seeds_of(target.name);
    REQUIRE_FALSE(seeds.empty());
    for (const std::string& seed : seeds) run(target, seed);
    Random chance(20'261'122);
    for (int round = 0; round < rounds; ++round) run(target, changed(chance, seeds));
  }
}

}  // namespace sluice::fuzz
