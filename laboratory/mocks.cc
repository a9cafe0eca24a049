#include "laboratory/mocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/suggest.h"
#include "laboratory/difference.h"
#include "orchestrator/interpreter.h"

namespace sluice::laboratory {
namespace {

constexpr double delay_seconds_max = 366.0 * 86'400;
constexpr std::array<std::string_view, 5> statuses = {"SUCCEEDED", "FAILED", "TIMED_OUT",
                                                      "COMPENSATED", "ABORTED"};

// Gathers every problem of the file.
class Reading {
 public:
  void complain(const std::string& pointer, std::string detail) {
    problems.push_back({pointer, std::move(detail)});
  }

  bool object(const Json& value, const std::string& pointer,
              std::span<const std::string_view> names, std::string_view what) {
    if (!value.is_object()) {
      complain(pointer, fmt::format("{} must be an object, not {}", what, excerpt(value)));
      return false;
    }
    for (const auto& [name, member] : value.items()) {
      if (std::ranges::find(names, name) != names.end()) continue;
      const std::string near = suggest(name, names);
      complain(pointer + "/" + pointer_token(name),
               fmt::format("{} has no member \"{}\"{}", what, name,
                           near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
    }
    return true;
  }

  std::optional<std::string> text(const Json& object, const std::string& name,
                                  const std::string& pointer) {
    const auto found = object.find(name);
    if (found == object.end()) return std::nullopt;
    if (found->is_string()) return found->get<std::string>();
    complain(pointer + "/" + name, fmt::format("expected a string, not {}", excerpt(*found)));
    return std::nullopt;
  }

  std::optional<MockAnswer> answer(const Json& value, const std::string& pointer) {
    static constexpr std::array<std::string_view, 6> names = {"output",        "error", "cause",
                                                              "delay_seconds", "echo",  "timeout"};
    static constexpr std::array<std::string_view, 4> kinds = {"output", "error", "echo", "timeout"};
    if (!object(value, pointer, names, "an answer")) return std::nullopt;
    const auto given = std::ranges::count_if(
        kinds, [&](std::string_view kind) { return value.contains(std::string(kind)); });
    if (given != 1) {
      complain(pointer, fmt::format("an answer has exactly one of output, error, echo and timeout; "
                                    "this one has {}",
                                    given == 0 ? std::string("none") : std::to_string(given)));
      return std::nullopt;
    }
    MockAnswer made;
    if (const auto output = value.find("output"); output != value.end())
      made.answer.output = Doc::from_json(*output);
    for (const char* flag : {"echo", "timeout"}) {
      const auto found = value.find(flag);
      if (found == value.end()) continue;
      if (*found != true)
        complain(pointer + "/" + flag, "can only be true: leave it out otherwise");
      if (flag == std::string_view("echo"))
        made.echo = true;
      else
        made.answer.kind = Answer::Kind::vanish;
    }
    if (value.contains("error")) {
      made.answer.kind = Answer::Kind::fail;
      made.answer.error = text(value, "error", pointer);
      made.answer.cause = text(value, "cause", pointer);
    } else if (value.contains("cause")) {
      complain(pointer + "/cause", "a cause goes with an error");
    }
    made.answer.after = seconds_of(value, "delay_seconds", pointer);
    return made;
  }

  // A time from now on; none if it is absent or wrong.
  Duration seconds_of(const Json& object, const std::string& name, const std::string& pointer) {
    const auto found = object.find(name);
    if (found == object.end()) return {};
    const double n = found->is_number() ? found->get<double>() : -1;
    if (n >= 0 && n <= delay_seconds_max) return Duration{std::llround(n * 1e6)};
    complain(pointer + "/" + name, fmt::format("expected a number of seconds, 0 to {:.0f}, not {}",
                                               delay_seconds_max, excerpt(*found)));
    return {};
  }

  std::vector<MockEvent> events(const Json& list) {
    static constexpr std::array<std::string_view, 4> names = {"name", "key", "body",
                                                              "after_seconds"};
    std::vector<MockEvent> made;
    if (!list.is_array()) {
      complain("/events", fmt::format("expected a list of events, not {}", excerpt(list)));
      return made;
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string pointer = fmt::format("/events/{}", i);
      if (!object(list[i], pointer, names, "an event")) continue;
      MockEvent one;
      const auto name = text(list[i], "name", pointer);
      if (!list[i].contains("name"))
        complain(pointer, "an event has a name");
      else if (name && !workflows::queue_name_valid(*name))
        complain(pointer + "/name", "an event's name has 1 to 255 bytes and no white space");
      one.event.name = name.value_or("");
      one.event.key = text(list[i], "key", pointer).value_or("");
      if (one.event.key.size() > orchestrator::event_key_bytes_max)
        complain(pointer + "/key", fmt::format("{} bytes; at most {}", one.event.key.size(),
                                               orchestrator::event_key_bytes_max));
      const auto body = list[i].find("body");
      one.event.body = Doc::from_json(body == list[i].end() ? Json::object() : *body);
      one.after = seconds_of(list[i], "after_seconds", pointer);
      made.push_back(std::move(one));
    }
    return made;
  }

  std::map<std::string, std::vector<MockAnswer>> answers(const Json& file,
                                                         const std::string& name) {
    std::map<std::string, std::vector<MockAnswer>> all;
    const auto found = file.find(name);
    if (found == file.end()) return all;
    const std::string place = "/" + name;
    if (!found->is_object()) {
      complain(place,
               fmt::format("expected an object of answers by name, not {}", excerpt(*found)));
      return all;
    }
    for (const auto& [key, value] : found->items()) {
      const std::string pointer = place + "/" + pointer_token(key);
      auto& list = all[key];
      if (!value.is_array()) {
        if (auto one = answer(value, pointer)) list.push_back(*std::move(one));
        continue;
      }
      if (value.empty()) complain(pointer, "a list of answers has at least one");
      for (std::size_t i = 0; i < value.size(); ++i)
        if (auto one = answer(value[i], fmt::format("{}/{}", pointer, i)))
          list.push_back(*std::move(one));
    }
    return all;
  }

  Expectation expectation(const Json& value, const std::string& pointer) {
    static constexpr std::array<std::string_view, 4> names = {"status", "output", "error", "cause"};
    Expectation made;
    if (!object(value, pointer, names, "what is expected")) return made;
    made.status = text(value, "status", pointer);
    if (made.status && std::ranges::find(statuses, *made.status) == statuses.end())
      complain(pointer + "/status",
               fmt::format("\"{}\" is no end of a run: expected SUCCEEDED, FAILED, TIMED_OUT, "
                           "ABORTED or COMPENSATED",
                           *made.status));
    made.error = text(value, "error", pointer);
    made.cause = text(value, "cause", pointer);
    if (const auto output = value.find("output"); output != value.end()) made.output = *output;
    if (value.empty())
      complain(pointer, "nothing is expected: give status, output, error or cause");
    return made;
  }

  static std::string excerpt(const Json& value) { return workflows::excerpt(value, 60); }

  std::vector<Problem> problems;
};

Error refusal(std::string_view what, std::vector<Problem> problems) {
  Error error = make_error(
      Errc::invalid_argument,
      fmt::format("{} problem{} in {}", problems.size(), problems.size() == 1 ? "" : "s", what));
  error.problems = std::move(problems);
  return error;
}

}  // namespace

Result<Mocks> parse_mocks(const Json& file) {
  static constexpr std::array<std::string_view, 6> names = {"states", "queues", "workflows",
                                                            "events", "input",  "expect"};
  Reading reading;
  Mocks mocks;
  if (reading.object(file, "", names, "a file of mocks")) {
    mocks.states = reading.answers(file, "states");
    mocks.queues = reading.answers(file, "queues");
    if (const auto found = file.find("workflows"); found != file.end()) {
      if (!found->is_object())
        reading.complain("/workflows", "expected an object of files by workflow name");
      else
        for (const auto& [name, value] : found->items())
          if (auto path = reading.text(*found, name, "/workflows"))
            mocks.workflows.emplace_back(name, *std::move(path));
    }
    if (const auto found = file.find("events"); found != file.end())
      mocks.events = reading.events(*found);
    if (const auto found = file.find("input"); found != file.end()) mocks.input = *found;
    if (const auto found = file.find("expect"); found != file.end())
      mocks.expect = reading.expectation(*found, "/expect");
  }
  if (!reading.problems.empty()) return refusal("the mocks", std::move(reading.problems));
  return mocks;
}

Result<Expectation> parse_expectation(const Json& value, const std::string& pointer) {
  Reading reading;
  auto made = reading.expectation(value, pointer);
  if (!reading.problems.empty()) return refusal("what is expected", std::move(reading.problems));
  return made;
}

const MockAnswer* first_answer(const Mocks& mocks, const workflows::State& state) {
  if (const auto found = mocks.states.find(state.name); found != mocks.states.end())
    return &found->second.front();
  const auto* task = std::get_if<workflows::TaskState>(&state.body);
  if (task == nullptr) return nullptr;
  const auto found = mocks.queues.find(task->resource.queue);
  return found == mocks.queues.end() ? nullptr : &found->second.front();
}

std::vector<Problem> unknown_states(const Mocks& mocks,
                                    const std::vector<const workflows::Machine*>& machines) {
  std::vector<std::string_view> names;
  for (const auto* machine : machines)
    for (const auto& state : machine->states) names.push_back(state.name);
  std::vector<Problem> problems;
  for (const auto& [name, answers] : mocks.states) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const std::string near = suggest(name, names);
    problems.push_back(
        {"/states/" + pointer_token(name),
         fmt::format("there is no state \"{}\"{}", name,
                     near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near))});
  }
  return problems;
}

std::optional<Answer> MockWorkers::work(const orchestrator::Delivery& task) {
  auto found = mocks_.states.find(task.state);
  if (task.state.empty() || found == mocks_.states.end()) {
    found = mocks_.queues.find(task.queue);
    if (found == mocks_.queues.end()) return std::nullopt;
  }
  const auto& answers = found->second;  // at least one: parse_mocks refuses an empty list
  auto& calls = calls_[{task.state, task.id.value}];
  const MockAnswer& mock = answers[std::min(calls, answers.size() - 1)];
  ++calls;
  Answer answer = mock.answer;
  if (mock.echo) answer.output = task.body;
  return answer;
}

void publish_events(Laboratory& laboratory, const std::vector<MockEvent>& events) {
  for (const MockEvent& one : events)
    laboratory.after(one.after, [&laboratory, &one] {
      auto event = one.event;
      event.body = Doc::from_text(std::string(one.event.body.text()));
      std::ignore = laboratory.submit(std::move(event));
    });
}

std::vector<std::string> unmet(const Expectation& expectation, const Outcome& outcome) {
  std::vector<std::string> lines;
  const auto compare = [&](std::string_view what, const std::optional<std::string>& expected,
                           const std::string& got) {
    if (expected && *expected != got)
      lines.push_back(fmt::format("{}: expected {}, got {}", what,
                                  expected->empty() ? "none" : *expected,
                                  got.empty() ? "none" : got));
  };
  compare("status", expectation.status, outcome.status);
  compare("error", expectation.error, outcome.error);
  compare("cause", expectation.cause, outcome.cause.value_or(""));
  if (!expectation.output) return lines;
  if (!outcome.output) {
    lines.push_back("output: expected one, got none");
    return lines;
  }
  for (const auto& difference : differences(*expectation.output, outcome.output.json()))
    lines.push_back("output" + difference);
  return lines;
}

}  // namespace sluice::laboratory
