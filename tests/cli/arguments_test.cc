#include <doctest/doctest.h>

#include "cli/serve.h"
#include "cli/version.h"
#include "command_runner.h"

namespace sluice::cli {
namespace {

void each_command(
    const Command& command, const std::vector<std::string>& path,
    const std::function<void(const Command&, const std::vector<std::string>&)>& look) {
  look(command, path);
  for (const auto& sub : command.subcommands) {
    auto deeper = path;
    deeper.push_back(sub.name);
    each_command(sub, deeper, look);
  }
}

}  // namespace

TEST_CASE("what is wrong on the command line is told with its repair, and nothing is done") {
  struct Row {
    std::vector<std::string> arguments;
    std::vector<std::string> told;
  };
  const std::vector<Row> rows = {
      {{"deplyo", "x.json"}, {"there is no command \"deplyo\"", "did you mean \"deploy\"?"}},
      {{"dlq", "replya"},
       {"sluice dlq: there is no command \"replya\"", "did you mean \"replay\"?"}},
      {{"dlq"}, {"say which: list, show, replay, drop"}},
      {{"start", "orders", "--inptu", "{}"},
       {"there is no option --inptu", "did you mean --input?"}},
      {{"runs", "--jsno"}, {"did you mean --json?"}},
      {{"start"}, {"WORKFLOW is required", "sluice start --help"}},
      {{"deploy"}, {"FILE is required"}},
      {{"show", "a", "b"}, {"\"b\" is more than this command takes"}},
      {{"runs", "--status", "DONE"}, {"DONE", "SUCCEEDED"}},
      {{"runs", "--limit", "0"}, {"0", "range"}},
      {{"runs", "--limit", "many"}, {"many"}},
      {{"runs", "--since", "yesterday"}, {"--since", "15m", "\"yesterday\""}},
      {{"runs", "--label", "region"}, {"expected KEY=VALUE, found \"region\""}},
      {{"start", "orders", "--priority", "11"}, {"11"}},
      {{"start", "orders", "--wait=-2"}, {"--wait: expected seconds"}},
      {{"start", "orders", "--batch", "x", "--name", "y"}, {"do not go with it"}},
      {{"deploy", "a.json", "b.json", "--name", "x"}, {"--name goes with one FILE"}},
      {{"dlq", "replay"}, {"name dead letters, or say which"}},
      {{"dlq", "replay", "x", "--all"}, {"name dead letters, or say which"}},
      {{"dlq", "replay", "--error", "Http.5xx"}, {"name dead letters, or say which"}},
      {{"dlq", "drop", "x"}, {"--reason is required"}},
      {{"worker", "pay"}, {"expected `--` and a command after it"}},
      {{"worker", "pay", "--"}, {"expected a command after --"}},
      {{"worker", "pay", "--lease", "0", "--", "cat"}, {"--lease"}},
      {{"check", "--repair"}, {"there is no option --repair"}},
      {{"completion", "tcsh"}, {"tcsh"}},
      {{"help", "deplyo"}, {"did you mean \"deploy\"?"}},
      {{"--server", "ftp://x", "runs"}, {"is neither http nor https"}},
      {{"--server", "http://", "runs"}, {"names no host"}},
      {{"--server", "http://x/y", "runs"}, {"has a path"}},
  };
  for (const auto& row : rows) {
    std::string line;
    for (const auto& argument : row.arguments) line += argument + " ";
    CAPTURE(line);
    const Outcome outcome = sluice(row.arguments);
    CHECK(outcome.code == static_cast<int>(Exit::usage));
    CHECK(outcome.out.empty());
    for (const auto& part : row.told) {
      CAPTURE(outcome.err);
      CHECK(contains(outcome.err, part));
    }
  }
}

TEST_CASE(
    "every command has help with a summary, and an example unless it only shows or pauses "
    "something") {
  int commands = 0;
  const Command root = sluice_command();
  each_command(root, {}, [&](const Command& command, const std::vector<std::string>& path) {
    ++commands;
    std::string name = "sluice";
    for (const auto& part : path) name += " " + part;
    CAPTURE(name);
    CHECK_FALSE(command.summary.empty());
    auto arguments = path;
    arguments.push_back("--help");
    const Outcome help = sluice(arguments);
    CHECK(help.code == 0);
    CHECK(help.err.empty());
    CHECK(contains(help.out, command.summary.substr(0, 20)));
    CHECK(contains(help.out, "Usage\n  " + name));
    if (path.size() <= 1) CHECK(contains(help.out, "Example"));
    for (const auto& example : command.examples) CHECK(contains(help.out, example.line));
    auto words = path;
    words.insert(words.begin(), "help");
    CHECK(sluice(words).out == help.out);
  });
  CHECK(commands >= 30);
}

TEST_CASE("every example on a help page is a line that is understood") {
  const Command root = sluice_command();
  each_command(root, {}, [&](const Command& command, const std::vector<std::string>&) {
    for (const auto& example : command.examples) {
      CAPTURE(example.line);
      // The words before a pipe or a redirection, as a shell would cut them.
      std::vector<std::string> words;
      std::string word;
      char quote = '\0';
      bool started = false;
      for (const char c : example.line + " ") {
        if (quote != '\0') {
          if (c == quote)
            quote = '\0';
          else
            word += c;
        } else if (c == '\'' || c == '"') {
          quote = c;
          started = true;
        } else if (c == ' ') {
          if (started) words.push_back(std::exchange(word, ""));
          started = false;
        } else {
          word += c;
          started = true;
        }
      }
      for (std::size_t i = 0; i < words.size(); ++i)
        if (words[i] == "|" || words[i] == ">") words.resize(i);
      if (words.front() != "sluice") continue;  // `source <(sluice …)`
      words.erase(words.begin());
      Command tree = sluice_command();
      std::ostringstream out, err;
      std::istringstream in;
      Context context{.in = in, .out = out, .err = err, .out_terminal = {}, .err_terminal = {}};
      try {
        const Parsed parsed = parse(tree, words, context);
        CHECK(parsed.command->run != nullptr);
      } catch (const Failure& failure) {
        FAIL(failure.what());
      }
    }
  });
}

TEST_CASE("without a command the list of commands is shown") {
  const Outcome outcome = sluice({});
  CHECK(outcome.code == 0);
  for (const char* name : {"serve", "deploy", "start", "worker", "dlq", "doctor", "exit-codes"})
    CHECK(contains(outcome.out, name));
}

TEST_CASE("the version is one line") {
  CHECK(sluice({"--version"}).out == std::string("sluice ") + version + "\n");
}

TEST_CASE("help on exit codes lists every code once") {
  const Outcome outcome = sluice({"help", "exit-codes"});
  CHECK(outcome.code == 0);
  for (const auto& [code, meaning] : exit_meanings())
    CHECK(contains(outcome.out, "\n  " + std::to_string(static_cast<int>(code)) + " "));
}

TEST_CASE("what follows the dashes belongs to the worker's command, whatever it looks like") {
  Command tree = sluice_command();
  std::ostringstream out, err;
  std::istringstream in;
  Context context{.in = in, .out = out, .err = err, .out_terminal = {}, .err_terminal = {}};
  const Parsed parsed =
      parse(tree, {"worker", "pay", "-c", "3", "--", "sh", "-c", "--json", "--", "x"}, context);
  CHECK(*parsed.command->after_dashes == std::vector<std::string>{"sh", "-c", "--json", "--", "x"});
  CHECK_FALSE(context.json);
}

TEST_CASE("a workflow, a queue or a run may be called like a command") {
  const auto parsed_path = [](const std::vector<std::string>& arguments) {
    Command tree = sluice_command();
    std::ostringstream out, err;
    std::istringstream in;
    Context context{.in = in, .out = out, .err = err, .out_terminal = {}, .err_terminal = {}};
    return parse(tree, arguments, context).path;
  };
  using Path = std::vector<std::string>;
  CHECK(parsed_path({"start", "runs", "--json"}) == Path{"start"});
  CHECK(parsed_path({"queues", "pause", "deploy"}) == Path{"queues", "pause"});
  CHECK(parsed_path({"dlq", "replay", "list", "worker"}) == Path{"dlq", "replay"});
  CHECK(parsed_path({"queues", "show", "pause"}) == Path{"queues", "show"});
}

TEST_CASE("the server's address comes from the option, then the environment, then the default") {
  const auto message = [](std::vector<std::string> arguments,
                          std::map<std::string, std::string> environment) {
    arguments.push_back("runs");
    return sluice(arguments, {.environment = std::move(environment)}).err;
  };
  CHECK(contains(message({"--server", "ftp://option"}, {{"SLUICE_SERVER", "ftp://environment"}}),
                 "ftp://option"));
  CHECK(contains(message({}, {{"SLUICE_SERVER", "ftp://environment"}}), "ftp://environment"));
}

TEST_CASE("completion scripts name every command and no hidden option") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const Outcome outcome = sluice({"completion", shell});
    CHECK(outcome.code == 0);
    for (const char* name : {"dlq replay", "queues pause", "redrive", "exit-codes"})
      CHECK(contains(outcome.out, name));
    CHECK_FALSE(contains(outcome.out, "database"));
  }
}

TEST_CASE("serve takes its options from the command line before the file") {
  const TemporaryFile config(
      "sluice.json",
      R"({"data": "/from/file", "listen": "127.0.0.1:1", "log-level": "error", "ping-seconds": "60"})");
  std::optional<ServeOptions> got;
  const Invocation invocation{.serve = [&](Context&, const ServeOptions& options) {
    got = options;
    return Exit::ok;
  }};
  REQUIRE(sluice({"serve", "--config", config.path(), "--listen", "[::1]:7071"}, invocation).code ==
          0);
  CHECK(got->data == "/from/file");
  CHECK(to_string(got->listen) == "[::1]:7071");
  CHECK_FALSE(got->log_information);
  CHECK(got->ping_seconds == 60);
  REQUIRE(sluice({"serve"}, invocation).code == 0);
  CHECK(got->data == "./sluice-data");
  CHECK(to_string(got->listen) == "127.0.0.1:7070");
  CHECK(got->ping_seconds == 5);
  CHECK(got->retention_days == 30);
  REQUIRE(sluice({"serve", "--retention-days", "0", "--ping-seconds", "300"}, invocation).code ==
          0);
  CHECK(got->retention_days == 0);
  CHECK(got->ping_seconds == 300);
}

TEST_CASE("serve refuses what it does not offer and what it does not understand") {
  const Invocation never{.serve = [](Context&, const ServeOptions&) -> Exit {
    FAIL("nothing may be served");
    return Exit::ok;
  }};
  const auto refused = [&](const std::vector<std::string>& arguments) {
    const Outcome outcome = sluice(arguments, never);
    CHECK(outcome.code != 0);
    return outcome.err;
  };
  CHECK(contains(refused({"serve", "--database", "postgres://x"}), "offers no PostgreSQL"));
  CHECK(contains(refused({"serve", "--listen", "localhost"}), "expected HOST:PORT"));
  CHECK(contains(refused({"serve", "--listen", "127.0.0.1:70000"}), "expected HOST:PORT"));
  CHECK(contains(refused({"serve", "--listen", "::1:7070"}), "expected HOST:PORT"));
  CHECK(contains(refused({"serve", "--log-level", "loud"}),
                 "expected info or error, found \"loud\""));
  for (const char* wrong : {"0", "301", "5s", "-1", "", "99999999999"})
    CHECK(contains(refused({"serve", "--ping-seconds", wrong}),
                   fmt::format("--ping-seconds: expected 1 to 300 seconds, found \"{}\"", wrong)));
  CHECK(contains(refused({"serve", "--retention-days", "36526"}),
                 "--retention-days: expected 0 to 36525 days, found \"36526\""));
  CHECK(contains(refused({"serve", "--config", "/nowhere.json"}), "cannot read /nowhere.json"));
  const TemporaryFile config("sluice.json", R"({"lisen": "x", "data": 7})");
  const std::string problems = refused({"serve", "--config", config.path()});
  CHECK(contains(problems, "/lisen: there is no such option; did you mean \"listen\"?"));
  CHECK(contains(problems, "/data: expected a string, found 7"));
}

}  // namespace sluice::cli
