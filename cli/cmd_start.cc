#include <istream>
#include <iterator>
#include <ostream>
#include <sstream>

#include "base/clock.h"
#include "cli/follow.h"
#include "cli/values.h"

namespace sluice::cli {
namespace {

constexpr std::size_t batch_items_max = 500;
constexpr std::int64_t forever = -1;
constexpr std::int64_t wait_in_request_seconds_max = 20;

struct Options {
  std::string workflow, name, batch;
  std::optional<std::string> input;
  std::vector<std::string> labels;
  std::optional<std::int64_t> version, priority;
  std::optional<std::int64_t> wait;
};

Json labels_object(const std::vector<std::string>& labels) {
  Json object = Json::object();
  for (const auto& label : labels) {
    const auto [key, value] = key_value(label, "--label");
    object[key] = value;
  }
  return object;
}

Json start_item(const Options& o, Json input) {
  Json item = Json::object();
  item["input"] = std::move(input);
  if (!o.name.empty()) item["name"] = o.name;
  if (!o.labels.empty()) item["labels"] = labels_object(o.labels);
  if (o.version) item["version"] = *o.version;
  if (o.priority) item["priority"] = *o.priority;
  return item;
}

Exit print_end(Context& context, const Json& run) {
  const std::string status = text_of(run, "status");
  if (status == "SUCCEEDED") {
    context.out << member(run, "output").dump(2) << "\n";
    return Exit::ok;
  }
  if (!has_ended(status)) {
    note(context, fmt::format("run {} goes on ({}): sluice watch {}", text_of(run, "id"), status,
                              text_of(run, "id")));
    return Exit::waited;
  }
  const std::string error = text_of(run, "error"), cause = text_of(run, "cause");
  throw Failure(Exit::failed,
                fmt::format("run {} {}{}{}\n  More: sluice show {}", text_of(run, "id"), status,
                            error.empty() ? "" : ": " + error, cause.empty() ? "" : ": " + cause,
                            text_of(run, "id")));
}

Exit start_one(Context& context, const Options& o) {
  const Json item =
      start_item(o, o.input ? read_json(context, *o.input, "--input") : Json::object());
  Client client(context);
  const SystemClock clock;
  const Duration begun = clock.steady_now();
  Request request{.method = "POST",
                  .path = path({"workflows", o.workflow, "runs"}),
                  .body = to_text(item),
                  .idempotency_key = new_idempotency_key()};
  if (o.wait) {
    const std::int64_t wait = *o.wait == forever ? wait_in_request_seconds_max
                                                 : std::min(*o.wait, wait_in_request_seconds_max);
    request.query = {{"wait", std::to_string(wait)}};
    request.timeout_seconds += static_cast<double>(wait);
  }
  Answer answer = client.send(request);
  const Json said = answer.json();
  const std::string id = text_of(said, "id");
  if (!o.wait) {
    if (context.json) {
      print_json(context, answer);
      return Exit::ok;
    }
    context.out << id << "\n";
    if (context.out_terminal.is_terminal)
      note(context, answer.status == 200
                        ? fmt::format("that run was started before; see it: sluice show {}", id)
                        : fmt::format("started; follow it: sluice watch {}", id));
    return Exit::ok;
  }
  std::string status = text_of(said, "status");
  if (!has_ended(status)) {
    const Duration spent = clock.steady_now() - begun;
    const std::optional<Duration> left =
        *o.wait == forever ? std::nullopt : std::optional<Duration>(seconds(*o.wait) - spent);
    if (!left || left->us > 0) wait_for_end(client, id, left);
  }
  answer = client.get(path({"runs", id}));
  if (context.json) {
    print_json(context, answer);
    return exit_of_run(text_of(answer.json(), "status"));
  }
  return print_end(context, answer.json());
}

// One input a line, many starts a commit.
Exit start_batch(Context& context, const Options& o) {
  std::string text;
  if (o.batch == "-")
    text.assign(std::istreambuf_iterator<char>(context.in), {});
  else
    text = read_file(o.batch);
  struct Line {
    std::size_t number;
    Json item;
  };
  std::vector<Line> lines;
  std::string problems;
  std::istringstream stream(text);
  std::size_t number = 0, faulty = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto parsed = parse_json(line);
    if (parsed) {
      lines.push_back({number, start_item(o, *std::move(parsed))});
    } else if (++faulty <= 20) {
      problems += fmt::format("\n  {}:{}: {}", o.batch, number, parsed.error().detail);
    }
  }
  if (faulty > 20) problems += fmt::format("\n  … and {} more", faulty - 20);
  if (faulty > 0)
    throw Failure(Exit::invalid, "nothing was started, since not every line is JSON:" + problems);

  Client client(context);
  std::int64_t started = 0, refused = 0;
  Exit worst = Exit::ok;
  Progress progress(context.err, context.err_terminal, "starting", std::ssize(lines));
  // A batch takes no Idempotency-Key, so one whose answer is lost is not sent again: the message
  // says how far it came.
  for (std::size_t at = 0; at < lines.size(); at += batch_items_max) {
    const std::size_t count = std::min(batch_items_max, lines.size() - at);
    Json items = Json::array();
    for (std::size_t i = 0; i < count; ++i) items.push_back(lines[at + i].item);
    Answer answer;
    try {
      answer = client.send({.method = "POST",
                            .path = path({"workflows", o.workflow}) + "/runs:batch",
                            .body = to_text(Json{{"items", items}})});
    } catch (const Failure& failure) {
      throw Failure(failure.code(),
                    fmt::format("{}:{}: {}\n  {} started before this line.", o.batch,
                                lines[at].number, failure.what(), counted(started, "run")));
    }
    const Json said = answer.json();
    const Json& results = member(said, "items");
    if (!results.is_array() || results.size() != count)
      throw Failure(Exit::server_error,
                    fmt::format("expected {} results, found {}", count, results.size()));
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t status = number_of(results[i], "status");
      if (status >= 200 && status < 300) {
        ++started;
        context.out << (context.json ? to_text(results[i]) : text_of(results[i], "id")) << "\n";
        continue;
      }
      ++refused;
      worst = exit_for(static_cast<int>(status));
      if (context.json) context.out << to_text(results[i]) << "\n";
      const Answer item{.status = static_cast<int>(status),
                        .text = to_text(results[i]),
                        .content_type = {},
                        .retry_after_seconds = {}};
      note(context, fmt::format("{}:{}: {}", o.batch, lines[at + i].number, problem_text(item)));
    }
    progress.advance(static_cast<std::int64_t>(count));
  }
  note(context, fmt::format("{} started{}", counted(started, "run"),
                            refused > 0 ? fmt::format(", {} refused", humane_count(refused)) : ""));
  return worst;
}

}  // namespace

Command start_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "start",
      .summary = "Start a run of a workflow",
      .description =
          "Prints the run's id. With --wait it waits until the run has ended and prints its output "
          "instead; the exit code then says how it ended. A --name makes the start safe to repeat: "
          "the "
          "same name and input again is the same run.",
      .examples = {{"sluice start orders --input '{\"order\": 7}' --wait", ""},
                   {"sluice start orders --batch orders.jsonl --label source=import",
                    "a run for each line"}},
      .options = {{.names = "WORKFLOW",
                   .target = &o->workflow,
                   .value = "WORKFLOW",
                   .help = "its name",
                   .required = true},
                  {.names = "-i,--input",
                   .target = &o->input,
                   .value = "JSON|@FILE|-",
                   .help =
                       "the run's input: JSON text, a file, or standard input; {} if not given"},
                  {.names = "--name",
                   .target = &o->name,
                   .value = "NAME",
                   .help = "the run's own name, unique per workflow"},
                  {.names = "-l,--label",
                   .target = &o->labels,
                   .value = "KEY=VALUE",
                   .help = "to find it by; may be repeated"},
                  {.names = "--version",
                   .target = &o->version,
                   .value = "N",
                   .help = "of the workflow; the latest if not given"},
                  {.names = "--priority",
                   .target = &o->priority,
                   .value = "0-9",
                   .help = "of its messages; 9 goes first",
                   .range = std::pair<std::int64_t, std::int64_t>{0, 9}},
                  {.names = "-w,--wait",
                   .target = &o->wait,
                   .value = "SECONDS",
                   .help = "wait for its end, at most so long",
                   .bare = "-1"},
                  {.names = "--batch",
                   .target = &o->batch,
                   .value = "FILE.jsonl",
                   .help = "start a run for each line's JSON as input; - is standard input"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    if (o->wait && *o->wait < forever) throw Failure(Exit::usage, "--wait: expected seconds");
    if (o->batch.empty()) return start_one(context, *o);
    if (o->input || !o->name.empty() || o->wait)
      throw Failure(Exit::usage,
                    "--batch starts a run per line: --input, --name and --wait do not go with it");
    return start_batch(context, *o);
  };
  return command;
}

}  // namespace sluice::cli
