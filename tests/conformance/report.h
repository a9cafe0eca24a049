// Counts per file and group, told to people and kept for machines.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "conformance/verdict.h"

namespace sluice::conformance {

struct Tally {
  int passed = 0, failed = 0, skipped = 0;
  void add(Verdict::Kind kind);
  int all() const { return passed + failed + skipped; }
};

struct FileReport {
  std::string name;  // "states-language/free"
  Tally tally;
  std::map<std::string, Tally> groups;
  struct Told {
    std::string id;
    Verdict verdict;
  };
  std::vector<Told> told;  // the cases that did not pass
  double seconds = 0;
};

// Counts by file, groups that are not whole, then each case that did not pass.
std::string text_of(const FileReport& report);
Json json_of(const std::vector<FileReport>& reports);

// What stands in `reached` and was not reached again: one sentence each.
std::vector<std::string> below(const Json& reached, const std::vector<FileReport>& reports);

}  // namespace sluice::conformance
