#include "conformance/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::conformance {

void Tally::add(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::passed:
      ++passed;
      return;
    case Verdict::Kind::failed:
      ++failed;
      return;
    case Verdict::Kind::skipped:
      ++skipped;
      return;
  }
}

std::string text_of(const FileReport& report) {
  const Tally& all = report.tally;
  std::string text =
      fmt::format("{}: {} of {} passed, {} failed, {} skipped ({:.1f} s)\n", report.name,
                  all.passed, all.all(), all.failed, all.skipped, report.seconds);
  for (const auto& [group, tally] : report.groups)
    if (tally.passed != tally.all())
      text += fmt::format("  {}: {} of {} passed\n", group, tally.passed, tally.all());
  for (const auto& told : report.told)
    text += fmt::format("  {} {}\n    {}\n",
                        told.verdict.kind == Verdict::Kind::failed ? "FAILED" : "SKIPPED", told.id,
                        told.verdict.why);
  return text;
}

Json json_of(const std::vector<FileReport>& reports) {
  Json all = Json::object();
  for (const auto& report : reports)
    all[report.name] = {{"passed", report.tally.passed},
                        {"failed", report.tally.failed},
                        {"skipped", report.tally.skipped}};
  return all;
}

std::vector<std::string> below(const Json& reached, const std::vector<FileReport>& reports) {
  std::vector<std::string> sentences;
  if (!reached.is_object()) return sentences;
  for (const auto& [name, figures] : reached.items()) {
    const auto found = std::ranges::find(reports, name, &FileReport::name);
    if (found == reports.end()) continue;
    const int before = figures.value("passed", 0);
    if (found->tally.passed < before)
      sentences.push_back(
          fmt::format("{}: {} passed, it had been {}", name, found->tally.passed, before));
  }
  return sentences;
}

}  // namespace sluice::conformance
