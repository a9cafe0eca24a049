// `sluice test`: a definition in the laboratory, with workers that a file makes up.
#include <filesystem>
#include <ostream>

#include "cli/locate.h"
#include "cli/test_report.h"
#include "cli/values.h"
#include "laboratory/laboratory.h"
#include "laboratory/mocks.h"
#include "laboratory/state_test.h"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;
using laboratory::Laboratory;
using laboratory::Mocks;
using laboratory::Outcome;

struct Options {
  std::string file;
  std::optional<std::string> input, mocks, expect, state;
  bool full = false;
};

// orders.asl.json in any folder is the workflow "orders".
std::string workflow_name(const std::string& file) {
  const std::string name = fs::path(file).filename().string();
  return name.substr(0, name.find('.', 1));
}

// "FILE:LINE:COLUMN: POINTER: detail", a line each.
std::string listed(const std::string& file, const std::string& text, const Error& error) {
  if (error.problems.empty()) return fmt::format("{}: {}", file, printable(error.detail));
  std::string lines;
  for (const auto& problem : error.problems) {
    const auto at = locate(text, problem.pointer);
    lines += fmt::format("{}{}{}{}: {}", lines.empty() ? "" : "\n", file,
                         at ? fmt::format(":{}:{}", at->line, at->column) : "",
                         problem.pointer.empty() ? "" : ": " + printable(problem.pointer),
                         printable(problem.detail));
  }
  return lines;
}

Mocks read_mocks(const std::string& file) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Failure& failure) {
    throw Failure(Exit::mocks, failure.what());
  }
  auto parsed = parse_json(text);
  if (!parsed) throw Failure(Exit::mocks, listed(file, text, parsed.error()));
  auto mocks = laboratory::parse_mocks(*parsed);
  if (!mocks) throw Failure(Exit::mocks, listed(file, text, mocks.error()));
  return *std::move(mocks);
}

std::shared_ptr<const workflows::Machine> deploy(Laboratory& laboratory, const std::string& name,
                                                 const std::string& file) {
  const std::string text = read_file(file);
  auto compiled = workflows::compile(text);
  if (!compiled) throw Failure(Exit::invalid, listed(file, text, compiled.error()));
  if (const auto deployed = laboratory.deploy(name, text); !deployed)
    throw Failure(Exit::invalid, listed(file, text, deployed.error()));
  return compiled->machine;
}

Exit exit_of(const Outcome& outcome, const std::optional<laboratory::Expectation>& expect,
             const std::vector<std::string>& unmet) {
  if (outcome.end != Outcome::End::ended) return Exit::stuck;
  if (expect) return unmet.empty() ? Exit::ok : Exit::failed;
  return outcome.status == "SUCCEEDED" ? Exit::ok : Exit::failed;
}

// The definition, those of its children, and what they are answered with.
struct Bench {
  std::vector<std::shared_ptr<const workflows::Machine>> machines;  // the tested one first
  Mocks mocks;
  std::optional<laboratory::Expectation> expect;
  Json input;
};

Bench set_up(Context& context, const Options& o, Laboratory& laboratory) {
  Bench bench;
  bench.machines.push_back(deploy(laboratory, workflow_name(o.file), o.file));
  if (o.mocks) {
    bench.mocks = read_mocks(*o.mocks);
    const fs::path beside = fs::path(*o.mocks).parent_path();
    for (const auto& [child, file] : bench.mocks.workflows)
      bench.machines.push_back(deploy(laboratory, child, (beside / file).string()));
    std::vector<const workflows::Machine*> known;
    for (const auto& machine : bench.machines) known.push_back(machine.get());
    Error unknown{.detail = {}, .problems = laboratory::unknown_states(bench.mocks, known)};
    if (!unknown.problems.empty())
      throw Failure(Exit::mocks, listed(*o.mocks, read_file(*o.mocks), unknown));
  }
  bench.expect = bench.mocks.expect;
  if (o.expect) {
    auto parsed = laboratory::parse_expectation(read_json(context, *o.expect, "--expect"), "");
    if (!parsed) throw Failure(Exit::mocks, listed("--expect", "", parsed.error()));
    bench.expect = *std::move(parsed);
  }
  bench.input = o.input             ? read_json(context, *o.input, "--input")
                : bench.mocks.input ? *bench.mocks.input
                                    : Json::object();
  return bench;
}

Exit test_one_state(Context& context, const Options& o, const Bench& bench) {
  laboratory::StateQuestion question{.machine = bench.machines.front(), .state = *o.state};
  question.input = Doc::from_json(bench.input);
  if (const auto at = question.machine->find(*o.state); at != workflows::no_state) {
    const auto& state = question.machine->states[at];
    if (const auto* mock = laboratory::first_answer(bench.mocks, state)) {
      if (mock->answer.kind == laboratory::Answer::Kind::complete)
        question.result = mock->echo ? question.input : mock->answer.output;
      else if (mock->answer.kind == laboratory::Answer::Kind::fail)
        question.failure = {mock->answer.error, mock->answer.cause};
      else
        question.failure = {"States.Timeout", std::nullopt};
    }
  }
  const auto answer = laboratory::test_state(question);
  if (!answer) {
    const bool missing = answer.error().code == Errc::not_found;
    throw Failure(missing ? Exit::not_found : Exit::mocks,
                  printable(fmt::format("{}: {}", o.file, answer.error().detail)));
  }
  if (context.json)
    context.out << to_text(to_json(*answer)) << "\n";
  else
    context.out << text_of(context.out_terminal, *answer, o.full);
  using Status = laboratory::StateAnswer::Status;
  return answer->status == Status::succeeded || answer->status == Status::caught_error
             ? Exit::ok
             : Exit::failed;
}

Exit test_run(Context& context, const Options& o, Laboratory& laboratory, const Bench& bench) {
  const std::string name = workflow_name(o.file);
  const auto run = laboratory.start(name, Doc::from_json(bench.input));
  if (!run) throw Failure(Exit::invalid, printable(run.error().detail));
  laboratory::MockWorkers workers(bench.mocks);
  laboratory::publish_events(laboratory, bench.mocks.events);
  const Outcome outcome = laboratory.run_to_end(*run, workers);
  TestReport report{
      .workflow = name,
      .outcome = outcome,
      .steps = laboratory::steps_of(laboratory.history(*run), *bench.machines.front()),
      .checked = bench.expect.has_value(),
      .unmet = {}};
  if (bench.expect && outcome.end == Outcome::End::ended)
    report.unmet = laboratory::unmet(*bench.expect, outcome);
  if (context.json)
    context.out << to_text(to_json(report)) << "\n";
  else
    context.out << text_of(context.out_terminal, report, o.full);
  return exit_of(outcome, bench.expect, report.unmet);
}

Exit test(Context& context, const Options& o) {
  Laboratory laboratory;
  const Bench bench = set_up(context, o, laboratory);
  return o.state ? test_one_state(context, o, bench) : test_run(context, o, laboratory, bench);
}

}  // namespace

Command test_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "test",
      .summary = "Run a definition here, with made-up workers and a clock that does not wait",
      .description =
          "Runs FILE on the engine itself, in memory and without a server. Tasks are answered as "
          "the file of --mocks says; waits, retries and time-outs take no time. Prints the path "
          "that the run took, with what each state was given and gave. With something to expect, "
          "in the mocks or as --expect, it is a test: exit code 1 says where they differ. A run "
          "that can go no further is told of with what it waits for.",
      .examples = {{"sluice test orders.json --mocks orders.mocks.json --input '{\"id\": 7}'", ""},
                   {"sluice test orders.json --expect '{\"status\": \"SUCCEEDED\"}'",
                    "fails unless the run succeeds"}},
      .options = {{.names = "FILE",
                   .target = &o->file,
                   .value = "FILE",
                   .help = "a definition, JSON",
                   .required = true},
                  {.names = "-i,--input",
                   .target = &o->input,
                   .value = "JSON",
                   .help = "the run's input: JSON, @FILE, or - for standard input; {} if not "
                           "given"},
                  {.names = "-m,--mocks",
                   .target = &o->mocks,
                   .value = "FILE",
                   .help = "what the tasks are answered with (docs/laboratory.md)"},
                  {.names = "-e,--expect",
                   .target = &o->expect,
                   .value = "JSON",
                   .help = "what must come of it: an object with status, output, error, cause; "
                           "JSON or @FILE"},
                  {.names = "-s,--state",
                   .target = &o->state,
                   .value = "NAME",
                   .help = "this state alone: the input is its, and its output, its next state "
                           "and the data on the way are printed"},
                  {.names = "--full",
                   .target = &o->full,
                   .value = "",
                   .help = "inputs and outputs whole"}},
      .state = o};
  command.run = [o = o.get()](Context& context) { return test(context, *o); };
  return command;
}

}  // namespace sluice::cli
