// From a definition's text to a machine that can be run.
//
// compile() parses a workflow definition (the Amazon States Language and Sluice's own fields,
// docs/definitions.md), checks all of it, and gives either an immutable Machine or every problem
// there is. A Machine is what the interpreter (orchestrator/interpreter.h) walks: states are
// numbers, paths and templates are parsed, nothing is looked up by name again.
//
// This room is pure: no database, no socket, no clock, no entropy. What expressions need of the
// world comes in as parameters (evaluation.h).
//
// Threads: a Machine never changes after compile() and is shared freely between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/doc.h"
#include "base/result.h"
#include "base/time.h"
#include "workflows/choice.h"
#include "workflows/flow_control.h"
#include "workflows/path.h"
#include "workflows/resource.h"
#include "workflows/schedule.h"
#include "workflows/state_index.h"
#include "workflows/template.h"
#include "workflows/value.h"

namespace sluice::workflows {

enum class StateType { task, pass, choice, wait, succeed, fail, parallel, map };
std::string_view to_string(StateType type);  // "Task", "Pass", …

struct Retrier {
  std::vector<std::string> error_equals;
  double interval_s = 1;
  double backoff_rate = 2.0;
  std::int64_t attempts_max = 3;  // re-tries, not attempts
  std::optional<double> delay_max_s;
  bool full_jitter = false;
};

struct Catcher {
  std::vector<std::string> error_equals;
  StateIndex next = no_state;
  // JSONPath. Nothing: null in the definition, the error is dropped.
  std::optional<ReferencePath> result_path;
  std::optional<Value> output;  // JSONata; absent: the error object
  std::optional<Value> assign;
};

// A number that is written down, or read from the state's data by a path or an expression.
using Number = std::variant<double, Path, Value>;
// A whole number in the same way.
using WholeNumber = std::variant<std::int64_t, Path, Value>;
using Seconds = WholeNumber;

struct TaskState {
  Resource resource;
  std::optional<Value> arguments;  // Parameters (JSONPath), Arguments (JSONata)
  std::optional<Seconds> timeout;
  std::optional<Seconds> heartbeat;
  std::optional<WholeNumber> priority;  // 0..9
  std::vector<std::pair<std::string, std::string>> headers;
  // Where any header is computed: an object of strings, in place of `headers`.
  std::optional<Value> headers_computed;
  // In JSONPath as the member OrderKey of an object.
  std::optional<Value> order_key;
};
inline constexpr std::size_t order_key_bytes_max = 512;
struct PassState {
  std::optional<Doc> result;        // JSONPath
  std::optional<Value> parameters;  // JSONPath
};
struct ChoiceState {
  std::vector<ChoiceRule> rules;
  std::vector<std::string> conditions;  // of each rule, in words: `$.total > 100 and $.vip is true`
  StateIndex otherwise = no_state;
};
struct WaitState {
  // Seconds, SecondsPath, Timestamp, TimestampPath, and both in JSONata
  struct Until {
    std::variant<WallTime, Path, Value> at;
  };
  std::variant<Seconds, Until> until;
};
struct SucceedState {};
struct FailState {
  std::optional<std::string> error, cause;
  std::optional<Expression> error_path, cause_path;  // JSONPath: a path or an intrinsic call
  std::optional<Value> error_value, cause_value;     // JSONata
};
struct ParallelState {
  std::vector<StateIndex> branches;  // where each starts; its states have this one as `parent`
  std::optional<Value> arguments;    // Parameters (JSONPath), Arguments (JSONata)
};

// Where a Map's items are read from. docs/definitions.md, "Items from files".
struct ItemReader {
  enum class Source : std::uint8_t { object, listing };  // s3:getObject, s3:listObjectsV2
  enum class Format : std::uint8_t { json, json_lines, csv };
  Source source = Source::object;
  Format format = Format::json;
  std::optional<Value> arguments;  // Bucket and Key, or Bucket and Prefix
  char csv_delimiter = ',';
  bool csv_header_given = false;
  std::vector<std::string> csv_headers;  // when given
  std::string items_pointer;             // JSON Pointer into a JSON file; "": the whole of it
  std::optional<WholeNumber> items_max;
};
struct ItemBatcher {
  std::optional<WholeNumber> items_max;  // MaxItemsPerBatch
  std::optional<WholeNumber> bytes_max;  // MaxInputBytesPerBatch
  std::optional<Value> batch_input;
};
struct ResultWriter {
  enum class Transformation : std::uint8_t { none, compact, flatten };
  bool json_lines = false;
  Transformation transformation = Transformation::none;
  std::optional<Value> arguments;  // Bucket, Prefix; absent: nothing is written to a file
};
struct MapState {
  bool distributed = false;
  StateIndex start_at = no_state;  // of the processor; its states have this one as `parent`
  std::optional<Path> items_path;  // JSONPath; absent: "$"
  std::optional<Value> items;      // JSONata; absent: the state's input
  std::optional<Value> item_selector;
  std::optional<WholeNumber> concurrency_max;  // 0 and absent: as many as the service allows
  std::optional<WholeNumber> tolerated_count;
  std::optional<Number> tolerated_percentage;
  std::optional<ItemReader> reader;
  std::optional<ItemBatcher> batcher;
  std::optional<ResultWriter> writer;
  std::string label;
};

struct State {
  std::string name;
  StateType type = StateType::pass;
  QueryLanguage language = QueryLanguage::jsonpath;
  std::string pointer;           // JSON Pointer in the definition, for messages
  StateIndex parent = no_state;  // the Parallel or Map in whose States object it stands
  StateIndex next = no_state;    // no_state where `end`, and for Choice, Succeed, Fail
  bool end = false;
  // JSONPath.
  std::optional<Path> input_path;  // absent in the definition: "$"; null: see *_null
  std::optional<Path> output_path;
  bool input_null = false, output_null = false;
  std::optional<ReferencePath> result_path;  // absent: "$"
  bool result_null = false;
  std::optional<Value> result_selector;  // Task, Parallel, Map
  // JSONata; absent: the result, or the input of a state that has none.
  std::optional<Value> output;
  std::optional<Value> assign;  // an object of variables
  std::vector<Retrier> retry;
  std::vector<Catcher> catchers;
  // What undoes this Task (its Compensate), a Task of its own that no transition leads to; and of
  // such a one, which it undoes.
  StateIndex compensation = no_state, compensates = no_state;
  std::optional<FlowControl> flow;  // Gate, Lock, Counters; absent: none of them
  std::variant<TaskState, PassState, ChoiceState, WaitState, SucceedState, FailState, ParallelState,
               MapState>
      body;
};

// Settings of one queue, as a definition or an operator gives them; absent means the default.
struct QueueSettings {
  std::optional<double> lease_seconds;           // 30
  std::optional<std::int64_t> deliveries_max;    // MaxDeliveries, 5
  std::optional<bool> at_most_once;              // Delivery: AtMostOnce
  std::optional<double> ageing_seconds;          // 60
  std::optional<double> rate_per_second = {};    // none
  std::optional<std::int64_t> burst = {};        // the rate, at least 1
  std::optional<std::int64_t> concurrency = {};  // none
  std::optional<bool> order_blocks = {};         // OrderOnDead: Block
  std::optional<std::int64_t> capacity = {};     // none
  std::optional<bool> rejects = {};              // WhenFull: Reject
  std::optional<std::int64_t> waiting_max = {};  // MaxWaiting, 1000
  std::optional<double> dedup_seconds = {};      // 300
  std::optional<bool> dedup_by_body = {};        // DedupBy: Body
  // Failures and DeadLetters within WithinSeconds pause the queue, or the workflow too.
  struct Breaker {
    std::optional<std::int64_t> failures = {}, dead_letters = {};
    double within_seconds = 60;
    bool whole_workflow = false;                      // Pause: Workflow
    std::optional<double> resume_after_seconds = {};  // none: by an operator's word
    bool operator==(const Breaker&) const = default;
  };
  std::optional<Breaker> breaker = {};
  // DeadLetters: how long and how many are kept, how often one is replayed; none.
  std::optional<double> letters_retention_seconds = {};
  std::optional<std::int64_t> letters_max = {};
  std::optional<std::int64_t> replays_max = {};
  bool operator==(const QueueSettings&) const = default;
};

// How an event that states wait for is delivered, as a definition's Events say.
struct EventSettings {
  double keep_seconds = 86'400;  // for those who begin to wait later; 0: not kept
  bool deliver_all = false;      // every waiter gets it; else the one that has waited longest
  bool operator==(const EventSettings&) const = default;
};

// A topic whose messages start runs, as a definition's Triggers say.
struct Trigger {
  std::string topic;
  std::string pattern;                // of routing keys
  std::optional<std::string> filter;  // "{% … %}", as message_expression.h
  std::size_t place = 0;              // in Triggers
  bool operator==(const Trigger&) const = default;
};

// What follows when a run fails or its time is up.
enum class OnFailure : std::uint8_t { fail, compensate, hold };

struct Machine {
  std::string comment;
  StateIndex start_at = no_state;
  // Those of all States objects; a state's `parent` says in which it stands. Names are unique. A
  // compensation, "NAME.Compensate", stands in none.
  std::vector<State> states;
  std::optional<std::int64_t> timeout_s;    // of the whole run
  std::optional<std::int64_t> retention_s;  // how long an ended run is kept
  std::int64_t transitions_max = 1'000'000;
  OnFailure on_failure = OnFailure::fail;
  std::optional<std::int64_t> hold_s;  // OnFailure hold: compensation begins after that
  bool compensable = false;            // a state has a Compensate
  bool flow_controlled = false;        // a state has a Gate, a Lock or Counters
  std::vector<std::pair<std::string, QueueSettings>> queues;  // the definition's Queues
  std::vector<std::pair<std::string, EventSettings>> events;  // the definition's Events
  std::vector<Trigger> triggers;                              // those of topics
  std::vector<Schedule> schedules;                            // those of times
  // Every queue a Task names, each once. A lambda:invoke whose FunctionName is computed names none.
  std::vector<std::string> stage_queues;

  StateIndex find(std::string_view name) const;  // no_state if there is none
};

// Where transitions lead from the state: Next, Default, the rules of a Choice, catchers.
std::vector<StateIndex> successors(const State& state);
// Whether a frame that stands at `from` may come to `to` in the same States object; from == to: it
// does.
bool reaches(const Machine& machine, StateIndex from, StateIndex to);

inline constexpr std::size_t definition_bytes_max = 1 << 20;
inline constexpr int states_depth_max = 32;  // States objects within each other

struct Compiled {
  std::shared_ptr<const Machine> machine;
  std::vector<Problem> warnings;  // legal but suspicious
};

// REQUIRES: nothing of `text`; it may be any bytes.
// Refuses with bad_json, with too_large (definition_bytes_max), or with invalid_definition and
// every problem found (the first 1,000), each with the JSON Pointer of its place, what was found,
// what was expected, and a suggestion where a name is close to a known one. Fields that are part of
// the language but not offered yet are refused by name, never ignored.
Result<Compiled> compile(std::string_view text);

// The same text with insignificant white space removed: what is hashed and stored.
// REQUIRES: compile(text) succeeded.
std::string canonical_text(std::string_view text);

// The settings object of PUT /queues/{q} and of a definition's Queues; `pointer` is where it
// stands. Refuses with invalid_argument and every problem found.
Result<QueueSettings> parse_queue_settings(const Json& value, std::string_view pointer);
Json to_json(const QueueSettings& settings);

// One member of a definition's Events. Refuses with invalid_definition and every problem found.
Result<EventSettings> parse_event_settings(const Json& value, std::string_view pointer);
Json to_json(const EventSettings& settings);

}  // namespace sluice::workflows
