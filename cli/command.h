// The `sluice` command: what it is made of, and how one is run.
//
// The command line is a tree of Commands. Each cli/cmd_*.cc gives one branch of it as plain data
// (names, options, examples) and a function that does the work. From that tree come the parser
// (parse.cc), the help (help.cc) and the shell completion (cmd_completion.cc), so the three cannot
// differ. No rule of the service lives here: commands translate between a person and the REST
// interface (http.h); only `serve` composes the server, and `validate`, `graph`, `test`,
// `eval` and `doctor` work
// without one.
//
//   Context context = ...;                        // streams, environment, terminal
//   return run({"deploy", "orders.json"}, context);
//
// Invariants:
//   - What a program reads goes to Context::out, everything else (hints, progress, errors) to
//   Context::err.
//   - With --json, Context::out gets the server's answer as it is, and nothing else.
//   - The exit code is one of Exit, printed by `sluice help exit-codes`.
//
// Threads: a Command tree and its Context belong to one thread.
//
// Failure: a command that cannot do what it was asked throws Failure; run() prints it and returns
// its code.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "cli/output.h"

namespace sluice::cli {

enum class Exit : int {
  ok = 0,
  failed = 1,       // what was asked for was done, and it failed: a run, a check
  usage = 2,        // the command line is wrong
  unreachable = 3,  // no server answers
  not_found = 4,
  conflict = 5,          // it exists and differs, or is in another state
  invalid = 6,           // the input or the definition has problems
  busy = 7,              // the server is overloaded or stopping: try again later
  server_error = 8,      // the server failed, or does not speak as expected
  waited = 9,            // the time given with --wait is over, the run goes on
  stuck = 10,            // test: the run can go no further
  mocks = 11,            // test: the mocks have problems
  address_in_use = 69,   // serve: cannot listen there
  outcome_unknown = 70,  // serve: a commit failed; start it again, it recovers from disk
  data_directory = 73,   // serve: the data directory cannot be used
};
// One line of `sluice help exit-codes`.
struct ExitMeaning {
  Exit code;
  const char* meaning;
};
const std::vector<ExitMeaning>& exit_meanings();

// Ends the command. `what()` is for people and may have several lines.
class Failure : public std::runtime_error {
 public:
  Failure(Exit code, const std::string& what) : std::runtime_error(what), code_(code) {}
  Exit code() const { return code_; }

 private:
  Exit code_;
};

struct ServeOptions;  // cli/serve.h

// What a command may touch of the world. Tests give their own.
struct Context {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Terminal out_terminal;  // what Context::out is
  Terminal err_terminal;
  bool in_is_terminal = false;
  std::map<std::string, std::string> environment = {};
  // Runs a server; only the executable has one to give.
  std::function<Exit(Context&, const ServeOptions&)> serve = {};
  // Filled by run() from the options every command has.
  std::string server = {};  // without a slash at its end
  std::string reason = {};  // for the audit log
  bool json = false;
  bool no_color = false;

  std::string env(const std::string& name) const;  // "" if it is not set
};

struct Option {
  using Target =
      std::variant<bool*, std::string*, std::optional<std::string>*, std::vector<std::string>*,
                   std::int64_t*, std::optional<std::int64_t>*, std::optional<double>*>;
  std::string names;  // "-q,--queue"; a positional: "QUEUE"
  Target target;
  std::string value;  // what stands in help for its value; "" for a flag
  std::string help;
  bool required = false;
  std::vector<std::string> choices = {};  // nothing else is accepted
  std::string env = {};                   // read when the option is absent
  std::optional<std::string> bare = {};   // its value when written without one (`--wait`)
  std::optional<std::pair<std::int64_t, std::int64_t>> range = {};
  bool hidden = false;  // known, so that it can be refused with a reason; not in help

  bool positional() const { return names.front() != '-'; }
};

struct Example {
  std::string line;  // "sluice deploy orders.json"
  std::string meaning;
};

struct Command {
  std::string name;
  std::string summary;           // one line, in the list of commands
  std::string description = {};  // paragraphs, in its own help
  std::vector<Example> examples = {};
  std::vector<Option> options = {};  // positionals in their order, and options
  std::vector<Command> subcommands = {};
  std::function<Exit(Context&)> run = {};            // absent: a subcommand is required
  std::vector<std::string>* after_dashes = nullptr;  // takes what follows `--`
  std::shared_ptr<void> state = {};                  // owns what the targets point to
  bool server = true;                                // takes --server and --json
};

// The whole tree. Each call gives fresh state.
Command sluice_command();

// Parses, runs, prints what failed.
int run(const std::vector<std::string>& arguments, Context& context);

// ---- parse.cc ----
struct Parsed {
  const Command* command = nullptr;  // what to run
  std::vector<std::string> path;     // {"queues", "pause"}
  bool help = false;                 // print its help instead
  bool version = false;
};
// Fills the targets in `root` and the common options in `context`. Throws Failure(Exit::usage).
Parsed parse(Command& root, const std::vector<std::string>& arguments, Context& context);

// ---- help.cc ----
// `path` {}: the list of commands. Fits `width` columns.
std::string help_text(const Command& root, const std::vector<std::string>& path, int width);
std::string exit_codes_text();
const Command* find_command(const Command& root, const std::vector<std::string>& path);

// ---- one function per cmd_*.cc ----
Command serve_command();
Command deploy_command();
Command validate_command();
Command graph_command();
Command test_command();
Command eval_command();
Command start_command();
Command event_command();
Command publish_command();
Command topics_command();
Command schedules_command();
Command counters_command();
Command locks_command();
Command audit_command();
Command jobs_command();
Command bind_command();
Command unbind_command();
Command runs_command();
Command show_command();
Command watch_command();
Command cancel_command();
Command compensate_command();
Command pause_command();
Command resume_command();
Command redrive_command();
Command move_command();
Command skip_command();
Command fail_command();
Command queues_command();
Command dlq_command();
Command worker_command();
Command doctor_command();
Command check_command();
Command help_command(const Command* root);
Command completion_command(const Command* root);

}  // namespace sluice::cli
