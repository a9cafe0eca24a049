// Runs recorded cases against this program: expressions, definitions, executions, single states.
//
//   conformance DIRECTORY [--json FILE] [--reached FILE [--update]] [--only PART] [--quiet]
//
// DIRECTORY is searched for *.jsonl; the form of each record says what it is. With --reached the
// exit code is 1 if fewer cases of a file pass than the figures there say; --update writes them.
#include <fmt/format.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <system_error>

#include "base/clock.h"
#include "conformance/report.h"

namespace sluice::conformance {
namespace {

namespace fs = std::filesystem;

constexpr unsigned case_seconds_max = 20;

struct Arguments {
  std::string directory, json, reached, only;
  bool update = false, quiet = false;
};

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

Arguments parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] {
      if (i + 1 == argc) throw UsageError(word + " needs a value");
      return std::string(argv[++i]);
    };
    if (word == "--json")
      a.json = value();
    else if (word == "--reached")
      a.reached = value();
    else if (word == "--only")
      a.only = value();
    else if (word == "--update")
      a.update = true;
    else if (word == "--quiet")
      a.quiet = true;
    else if (word.starts_with("-") || !a.directory.empty())
      throw UsageError("unknown argument " + word);
    else
      a.directory = word;
  }
  if (a.directory.empty()) throw UsageError("the directory of the cases is missing");
  return a;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Verdict run_case(const Json& record, const Json& datasets) {
  if (!record.is_object()) return Verdict::skipped("the record is no object");
  if (record.contains("expr")) return run_jsonata_case(record, datasets);
  if (record.contains("accept") || record.contains("valid")) return run_definition_case(record);
  if (record.contains("request") && record.contains("response")) return run_state_case(record);
  if (record.contains("definition") && record.contains("expect")) return run_execution_case(record);
  return Verdict::skipped("its form is not known");
}

// What a file descriptor gives until its end.
std::string drain(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::close(descriptor);
  return text;
}

[[noreturn]] void answer_in_child(const Json& record, const Json& datasets, int out) {
  ::alarm(case_seconds_max);
  ::dup2(out, STDERR_FILENO);  // what it says when it dies is part of the verdict
  Verdict verdict;
  try {
    verdict = run_case(record, datasets);
  } catch (const std::exception& error) {
    verdict = Verdict::failed(std::string("thrown: ") + error.what());
  }
  std::ranges::replace(verdict.why, '\n', ' ');
  const std::string text = "\n" + std::to_string(static_cast<int>(verdict.kind)) + verdict.why;
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(out, text.data() + at, text.size() - at);
    if (n <= 0) ::_exit(1);
    at += static_cast<std::size_t>(n);
  }
  ::_exit(0);
}

// In a process of its own, so that a case that aborts or does not end costs no other.
Verdict run_guarded(const Json& record, const Json& datasets) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    ::close(ends[0]);
    answer_in_child(record, datasets, ends[1]);
  }
  ::close(ends[1]);
  const std::string said = drain(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  const auto mark = said.rfind('\n');
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || mark == std::string::npos ||
      mark + 1 >= said.size()) {
    const bool late = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    return Verdict::failed(late ? fmt::format("not over after {} s", case_seconds_max)
                                : "died: " + said.substr(0, said.find('\n')));
  }
  return {static_cast<Verdict::Kind>(said[mark + 1] - '0'), said.substr(mark + 2)};
}

std::string id_of(const Json& record, std::size_t line) {
  if (const auto id = text_member(record, "id"); !id.empty()) return id;
  if (const auto name = text_member(record, "case"); !name.empty())
    return text_member(record, "group") + "/" + name;
  return fmt::format("line {}", line);
}

FileReport run_file(const fs::path& path, const std::string& name, const Arguments& arguments) {
  FileReport report;
  report.name = name;
  Json datasets = Json::object();
  if (auto read = parse_json(read_file(path.parent_path() / "datasets.json")))
    datasets = *std::move(read);
  const SystemClock clock;
  const Duration began = clock.steady_now();
  std::ifstream in(path, std::ios::binary);
  std::string text;
  for (std::size_t line = 1; std::getline(in, text); ++line) {
    if (text.empty()) continue;
    const auto record = parse_json(text, {.refuse_duplicate_keys = false});
    const std::string id = record ? id_of(*record, line) : fmt::format("line {}", line);
    if (!arguments.only.empty() && id.find(arguments.only) == std::string::npos) continue;
    if (isatty(STDERR_FILENO) != 0)
      std::cerr << fmt::format("\r\x1b[K{}: {} run, {} failed", name, report.tally.all(),
                               report.tally.failed);
    Verdict verdict = record ? run_guarded(*record, datasets)
                             : Verdict::skipped("not JSON: " + record.error().detail);
    std::string group = record ? text_member(*record, "group") : "";
    if (group.empty() && record) group = text_member(*record, "source");
    report.tally.add(verdict.kind);
    report.groups[group].add(verdict.kind);
    if (verdict.kind != Verdict::Kind::passed) report.told.push_back({id, std::move(verdict)});
  }
  if (isatty(STDERR_FILENO) != 0) std::cerr << "\r\x1b[K";
  report.seconds = static_cast<double>((clock.steady_now() - began).us) / 1e6;
  return report;
}

int run(const Arguments& arguments) {
  if (!fs::is_directory(arguments.directory)) {
    std::cout << "conformance: there is no directory " << arguments.directory
              << "; give one with CASES=DIR\n";
    return 2;
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(arguments.directory))
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::ranges::sort(files);
  const SystemClock clock;
  const Duration began = clock.steady_now();
  std::vector<FileReport> reports;
  for (const auto& file : files) {
    const std::string name =
        fs::relative(file, arguments.directory).replace_extension().generic_string();
    reports.push_back(run_file(file, name, arguments));
    if (!arguments.quiet) std::cout << text_of(reports.back()) << std::flush;
  }
  std::cout << "\n";
  for (const auto& r : reports)
    std::cout << fmt::format("{:32} {:4} of {:4} passed, {:4} failed, {:4} skipped\n", r.name,
                             r.tally.passed, r.tally.all(), r.tally.failed, r.tally.skipped);
  std::cout << fmt::format("{:.1f} s in all\n",
                           static_cast<double>((clock.steady_now() - began).us) / 1e6);
  if (!arguments.json.empty()) std::ofstream(arguments.json) << json_of(reports).dump(2) << "\n";
  if (arguments.reached.empty() || !arguments.only.empty()) return 0;
  const auto reached = parse_json(read_file(arguments.reached));
  const Json known = reached ? *reached : Json::object();
  for (const auto& [name, figures] : known.items())
    if (std::ranges::find(reports, name, &FileReport::name) == reports.end())
      std::cout << name << ": there is no such file here, skipped\n";
  if (arguments.update) {
    Json kept = known;
    const Json fresh = json_of(reports);
    for (const auto& [name, figures] : fresh.items()) kept[name] = figures;
    std::ofstream(arguments.reached) << kept.dump(2) << "\n";
    return 0;
  }
  const auto lost = below(known, reports);
  for (const auto& sentence : lost) std::cout << "fewer than before: " << sentence << "\n";
  return lost.empty() ? 0 : 1;
}

}  // namespace
}  // namespace sluice::conformance

int main(int argc, char** argv) {
  try {
    return sluice::conformance::run(sluice::conformance::parse(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "conformance: " << error.what() << "\n";
    return 2;
  }
}
