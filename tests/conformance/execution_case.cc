// A whole execution: how it ends, and with what.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <tuple>

#include "conformance/case_workers.h"
#include "conformance/verdict.h"
#include "laboratory/laboratory.h"

namespace sluice::conformance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t service_payload_bytes = 262'144;
constexpr std::string_view service_prose = "An error occurred while executing the state";

// Whether a Fail state says why.
bool has_cause(const Json& value) {
  if (value.is_object() && text_member(value, "Type") == "Fail" &&
      (value.contains("Cause") || value.contains("CausePath")))
    return true;
  return value.is_structured() &&
         std::ranges::any_of(value, [](const Json& item) { return has_cause(item); });
}

// The cause counts where it was written by the definition or by the case's function.
bool cause_counts(const Json& record, const std::string& error, const std::string& cause) {
  if (cause.starts_with(service_prose)) return false;
  if (const auto functions = record.find("functions"); functions != record.end())
    for (const auto& behaviour : *functions)
      if (behaviour == "fail:" + error) return true;
  return !error.starts_with("States.") && has_cause(record.at("definition"));
}

Verdict judge(const Json& record, const laboratory::Outcome& outcome) {
  const Json& expect = record.at("expect");
  const Wildcards wildcards = wildcards_of(record);
  const std::string status = text_member(expect, "status");
  if (outcome.end != laboratory::Outcome::End::ended) {
    return Verdict::failed(
        fmt::format("expected {}, got no end: {}", status,
                    outcome.waits.empty() ? "it goes on for ever" : outcome.waits.front()));
  }
  if (outcome.status != status) {
    return Verdict::failed(fmt::format("/status: expected {}{}, got {}: {} {}", status,
                                       expect.contains("error") ? " " + cut(expect["error"]) : "",
                                       outcome.status, outcome.error, outcome.cause.value_or("")));
  }
  if (const auto output = expect.find("output"); output != expect.end()) {
    return Verdict::of(
        differ(*output, outcome.output ? outcome.output.json() : Json(nullptr), wildcards),
        "/output");
  }
  const std::string error = text_member(expect, "error");
  if ((expect.contains("error") || status == "FAILED") &&
      !text_matches(error, outcome.error, wildcards)) {
    return Verdict::failed(fmt::format("/error: expected {}, got {}: {}", error, outcome.error,
                                       outcome.cause.value_or("")));
  }
  const auto cause = expect.find("cause");
  if (cause == expect.end() ||
      !cause_counts(record, error, cause->is_string() ? cause->get<std::string>() : ""))
    return Verdict::passed();
  const std::string got = outcome.cause.value_or("");
  if (cause->is_string() || cause->is_null())
    return Verdict::of(differ(*cause, outcome.cause ? Json(got) : Json(), wildcards), "/cause");
  const auto parsed = parse_json(got);
  return Verdict::of(differ(*cause, parsed ? *parsed : Json(got), wildcards), "/cause");
}

// Puts the objects of the case where a Map reads them. Nothing above the folder is written to.
void lay_out_files(const Json& objects, const fs::path& folder) {
  for (const auto& [name, body] : objects.items()) {
    const fs::path path = (folder / fs::path(name).relative_path()).lexically_normal();
    if (!path.string().starts_with(folder.string())) continue;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary)
        << (body.is_string() ? body.get<std::string>() : to_text(body));
  }
}

std::string refusal(const Error& error) {
  if (error.problems.empty()) return error.detail;
  return fmt::format("{}: {}", error.problems.front().pointer, error.problems.front().detail);
}

}  // namespace

std::string text_member(const Json& record, const std::string& name) {
  if (!record.is_object()) return "";
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : "";
}

Wildcards wildcards_of(const Json& record) {
  Wildcards all;
  if (const auto words = record.find("wildcards"); words != record.end())
    for (const auto& word : *words)
      if (word.is_string()) all.words.insert(word.get<std::string>());
  if (const auto subst = record.find("subst"); subst != record.end())
    for (const auto& [word, value] : subst->items())
      if (value.is_string()) all.stands_for[word] = value.get<std::string>();
  return all;
}

Verdict run_execution_case(const Json& record) {
  laboratory::Options options;
  options.engine.payload_bytes_max = service_payload_bytes;
  laboratory::Laboratory laboratory(options);
  if (const auto objects = record.find("s3"); objects != record.end())
    lay_out_files(*objects, laboratory.files_directory());
  CaseWorkers workers(laboratory, record);

  const auto wildcards = wildcards_of(record);
  const auto named = wildcards.stands_for.find("<ArnPart_0idx>");
  const std::string name = named == wildcards.stands_for.end() ? "machine" : named->second;
  if (const auto machines = record.find("machines"); machines != record.end())
    for (const auto& [arn, definition] : machines->items())
      if (const auto deployed = laboratory.deploy(last_piece(arn), to_text(definition)); !deployed)
        return Verdict::failed("child machine refused: " + refusal(deployed.error()));
  const auto deployed = laboratory.deploy(name, to_text(record.at("definition")));
  if (!deployed) return Verdict::failed("refused: " + refusal(deployed.error()));
  if (const auto helpers = record.find("helpers"); helpers != record.end()) {
    int number = 0;
    for (const auto& helper : *helpers) {
      const std::string helper_name = fmt::format("helper-{}", ++number);
      if (const auto made = laboratory.deploy(helper_name, to_text(helper.at("definition"))); !made)
        return Verdict::failed("helper refused: " + refusal(made.error()));
      const auto started =
          laboratory.start(helper_name, Doc::from_json(helper.value("input", Json::object())));
      if (!started) return Verdict::failed("helper not started: " + started.error().detail);
    }
  }
  const auto run = laboratory.start(name, Doc::from_json(record.value("input", Json::object())));
  if (!run) return Verdict::failed("not started: " + run.error().detail);
  if (text_member(record.at("expect"), "status") == "ABORTED")
    laboratory.after(seconds(1), [&] {
      std::ignore = laboratory.submit(orchestrator::CancelRun{*run, {}});
    });
  const auto outcome = laboratory.run_to_end(*run, workers);
  if (!workers.strangers().empty() && outcome.end != laboratory::Outcome::End::ended)
    return Verdict::skipped("nobody here serves " + *workers.strangers().begin());
  return judge(record, outcome);
}

}  // namespace sluice::conformance
