// Made-up workers, as a file says: what each state's tasks are answered with, call by call.
//
//   {
//     "states": {"Pay": [{"error": "CardDeclined"}, {"output": {"paid": true}}]},
//     "queues": {"ship": {"echo": true}},
//     "workflows": {"refund": "refund.json"},
//     "events": [{"name": "paid", "key": "A-17", "body": {"amount": 12}, "after_seconds": 60}],
//     "input": {"id": 7},
//     "expect": {"status": "SUCCEEDED", "output": {"paid": true}}
//   }
//
// A state's own answers go before its queue's. The first call of a state gets the first answer, the
// next the second; the last one repeats. Each branch and each item of a Map counts for itself. The
// file's form is in docs/laboratory.md.
//
// Threads: Mocks are immutable; MockWorkers are not thread-safe, caller serialises.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "laboratory/laboratory.h"

namespace sluice::laboratory {

struct MockAnswer {
  Answer answer;
  bool echo = false;  // the task's body is the output
};

// What must come of the run; an absent member is not looked at.
struct Expectation {
  std::optional<std::string> status, error, cause;
  std::optional<Json> output;
};

// An event that is published when the run has gone on for so long.
struct MockEvent {
  orchestrator::PublishEvent event;
  Duration after{};
};

struct Mocks {
  std::map<std::string, std::vector<MockAnswer>> states, queues;
  std::vector<std::pair<std::string, std::string>> workflows;  // name, file
  std::vector<MockEvent> events;
  std::optional<Json> input;
  std::optional<Expectation> expect;
};

// Refuses with invalid_argument and every problem found, each with its JSON Pointer.
Result<Mocks> parse_mocks(const Json& file);
// The "expect" object alone; `pointer` is where it stands.
Result<Expectation> parse_expectation(const Json& value, const std::string& pointer);

// The first answer for the state, or for the queue of its task; null if there is none.
const MockAnswer* first_answer(const Mocks& mocks, const workflows::State& state);

// Names in `mocks.states` that none of the machines has, as problems of the file.
std::vector<Problem> unknown_states(const Mocks& mocks,
                                    const std::vector<const workflows::Machine*>& machines);

class MockWorkers final : public Workers {
 public:
  // `mocks` must outlive the workers.
  explicit MockWorkers(const Mocks& mocks) : mocks_(mocks) {}
  std::optional<Answer> work(const orchestrator::Delivery& task) override;

 private:
  const Mocks& mocks_;
  std::map<std::pair<std::string, std::int64_t>, std::size_t> calls_;  // by state and frame
};

// Publishes each event in its time, from now on. `events` must outlive the laboratory's next run.
void publish_events(Laboratory& laboratory, const std::vector<MockEvent>& events);

// A line for each thing that is not as expected; empty if all is.
std::vector<std::string> unmet(const Expectation& expectation, const Outcome& outcome);

}  // namespace sluice::laboratory
