#include "conformance/case_workers.h"

#include <fmt/format.h>

#include <tuple>

#include "conformance/verdict.h"
#include "orchestrator/context_object.h"

namespace sluice::conformance {

using laboratory::Answer;
using orchestrator::CompleteTask;
using orchestrator::Delivery;
using orchestrator::FailTask;
using orchestrator::HeartbeatTask;

namespace {

constexpr std::size_t large_bytes = 300'000;

Answer completed(Json output) {
  return {.kind = Answer::Kind::complete,
          .output = Doc::from_json(std::move(output)),
          .error = {},
          .cause = {}};
}
// JSON as the recorded functions' runtime writes it, with a space after each comma and colon: the
// service tells the length of what it got.
void write_spaced(const Json& value, std::string& out) {
  if (!value.is_structured()) {
    out += to_text(value);
    return;
  }
  out += value.is_object() ? '{' : '[';
  bool first = true;
  const auto separate = [&] {
    if (!first) out += ", ";
    first = false;
  };
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      separate();
      out += to_text(Json(name)) + ": ";
      write_spaced(member, out);
    }
  } else {
    for (const auto& item : value) {
      separate();
      write_spaced(item, out);
    }
  }
  out += value.is_object() ? '}' : ']';
}
Answer returned(const Json& value) {
  std::string text;
  write_spaced(value, text);
  return {.kind = Answer::Kind::complete,
          .output = Doc::from_text(std::move(text)),
          .error = {},
          .cause = {}};
}

Answer failed(std::string error, std::string cause) {
  return {.kind = Answer::Kind::fail,
          .output = {},
          .error = std::move(error),
          .cause = std::move(cause)};
}
Answer vanished() { return {.kind = Answer::Kind::vanish, .output = {}, .error = {}, .cause = {}}; }

// The first text in `value` that contains `part`.
const std::string* find_text(const Json& value, const std::string& part) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.find(part) == std::string::npos ? nullptr : &text;
  }
  if (value.is_structured())
    for (const auto& item : value)
      if (const auto* found = find_text(item, part)) return found;
  return nullptr;
}

// What was recorded as what an exception of this name said, wherever it is an object.
const Json* find_exception(const Json& value, const std::string& name) {
  if (text_member(value, "errorType") == name) return &value;
  if (value.is_structured())
    for (const auto& item : value)
      if (const auto* found = find_exception(item, name)) return found;
  return nullptr;
}

bool has_member_null(const Json& value, const std::string& name) {
  if (value.is_object() && value.contains(name) && value.at(name).is_null()) return true;
  if (value.is_structured())
    for (const auto& item : value)
      if (has_member_null(item, name)) return true;
  return false;
}

bool mentions_resource(const Json& value, const std::string& resource) {
  return find_text(value, resource) != nullptr;
}

}  // namespace

std::string last_piece(const std::string& address) {
  const auto at = address.find_last_of(":/");
  return at == std::string::npos ? address : address.substr(at + 1);
}

CaseWorkers::CaseWorkers(laboratory::Laboratory& laboratory, const Json& record)
    : laboratory_(laboratory), record_(record) {
  const auto helpers = record.find("helpers");
  if (helpers == record.end()) return;
  for (const auto& helper : *helpers) {
    const auto input = helper.find("input");
    if (input == helper.end() || !input->is_object()) continue;
    for (const char* name : {"ActivityArn", "QueueUrl"})
      if (const auto address = text_member(*input, name); !address.empty())
        bare_queues_.insert(last_piece(address));
  }
}

// What a helper reads from is left for it.
bool CaseWorkers::serves(const std::string& queue) { return !bare_queues_.contains(queue); }

std::optional<Answer> CaseWorkers::work(const Delivery& task) {
  if (const auto functions = record_.find("functions"); functions != record_.end())
    if (const auto behaviour = functions->find(task.queue); behaviour != functions->end())
      return call_function(behaviour->get<std::string>(), task.body);
  if (!task.run) return answer_message(task);
  if (auto answer = call_service(task.queue, task.body.json())) return answer;
  // An activity that nobody polls.
  if (mentions_resource(record_, ":activity:" + task.queue)) return vanished();
  if (find_text(record_.at("definition"), "lambda:") != nullptr) {
    return failed("Lambda.ResourceNotFoundException",
                  "Function not found: " + task.queue + " (Service: Lambda, Status Code: 404)");
  }
  strangers_.insert(task.queue);
  return std::nullopt;
}

Answer CaseWorkers::call_function(const std::string& behaviour, const Doc& event) const {
  constexpr std::string_view fail = "fail:";
  if (behaviour.starts_with(fail)) {
    const std::string name = behaviour.substr(fail.size());
    return failed(name, exception_cause(name));
  }
  if (behaviour == "hello") return returned({{"Return", "HelloWorld"}});
  if (behaviour == "bytes") return returned("HelloWorld!");
  if (behaviour == "large") return returned(std::string(large_bytes, 'a'));
  if (behaviour == "decorate") return returned("input-event-" + to_text(event.json()));
  Answer echo = returned(event.json());
  if (behaviour == "sleep60") echo.after = seconds(60);
  return echo;
}

// What the function said of its exception: as it was recorded, or in the usual form.
std::string CaseWorkers::exception_cause(const std::string& name) const {
  const Json& expect = record_.at("expect");
  for (const auto* form : {"\"errorType\":\"{}\"", "\"errorType\": \"{}\""})
    if (const auto* recorded = find_text(expect, fmt::format(fmt::runtime(form), name)))
      return *recorded;
  if (const auto* recorded = find_exception(expect, name)) return to_text(*recorded);
  const std::string message = "Some exception was raised.";
  Json usual = {{"errorMessage", message},
                {"errorType", name},
                {"requestId", "00000000-0000-4000-8000-000000000000"}};
  usual["stackTrace"] = Json::array(
      {fmt::format("  File \"/var/task/handler.py\", line 2, in handler\n    raise {}(\"{}\")\n",
                   name, message)});
  return to_text(usual);
}

std::optional<Answer> CaseWorkers::call_service(const std::string& service, const Json& request) {
  const auto done = [](const auto& result) {
    if (result) return completed(Json::object());
    const std::string& why = result.error().detail;
    return failed(why.find("not a token") == std::string::npos ? "Sfn.TaskTimedOutException"
                                                               : "Sfn.InvalidTokenException",
                  why);
  };
  const std::string token = text_member(request, "TaskToken");
  if (service == "aws-sdk:sfn:getActivityTask") {
    const auto tasks = laboratory_.take(last_piece(text_member(request, "ActivityArn")), 1);
    if (tasks.empty()) return completed(Json::object());
    return completed({{"Input", tasks[0].body.text()}, {"TaskToken", tasks[0].token}});
  }
  if (service == "aws-sdk:sfn:sendTaskHeartbeat")
    return done(laboratory_.submit(HeartbeatTask{token, {}}));
  if (service == "aws-sdk:sfn:sendTaskSuccess") {
    auto output = parse_json(text_member(request, "Output"));
    if (!output) {
      const auto current = laboratory_.submit(HeartbeatTask{token, {}});
      return current ? failed("Sfn.InvalidOutputException", output.error().detail) : done(current);
    }
    return done(laboratory_.submit(CompleteTask{token, Doc::from_json(*std::move(output))}));
  }
  if (service == "aws-sdk:sfn:sendTaskFailure") {
    const auto text = [&](const char* name) -> std::optional<std::string> {
      if (!request.contains(name)) return std::nullopt;
      return text_member(request, name);
    };
    return done(laboratory_.submit(FailTask{token, text("Error"), text("Cause"), {}}));
  }
  if (service == "aws-sdk:sqs:receiveMessage") {
    const auto messages = laboratory_.take(last_piece(text_member(request, "QueueUrl")), 1);
    if (messages.empty()) return completed(Json::object());
    const Json& body = messages[0].body.json();
    return completed({{"Messages",
                       {{{"MessageId", to_string(messages[0].id)},
                         {"ReceiptHandle", messages[0].token},
                         {"Body", body.is_string() ? body.get<std::string>() : to_text(body)}}}}});
  }
  if (service == "aws-sdk:sfn:startExecution") {
    const auto input = parse_json(text_member(request, "Input"));
    const std::string machine = last_piece(text_member(request, "StateMachineArn"));
    const std::string name = text_member(request, "Name");
    const auto started = laboratory_.start(machine, Doc::from_json(input ? *input : Json::object()),
                                           name.empty() ? std::nullopt : std::optional(name));
    if (!started) return failed("Sfn.StateMachineDoesNotExistException", started.error().detail);
    return completed({{"ExecutionArn", orchestrator::execution_arn(
                                           machine, name.empty() ? to_string(*started) : name)},
                      {"StartDate", to_rfc3339_ms(laboratory_.now())}});
  }
  if (service == "aws-sdk:s3:listBuckets") return completed({{"Buckets", Json::array()}});
  return std::nullopt;
}

// A message to a queue that no helper reads: what was done with it outside is deduced from what
// came of it.
std::optional<Answer> CaseWorkers::answer_message(const Delivery& task) {
  const Json& expect = record_.at("expect");
  const Json body = task.body.json().is_string()
                        ? parse_json(task.body.json().get<std::string>()).has_value()
                              ? *parse_json(task.body.json().get<std::string>())
                              : task.body.json()
                        : task.body.json();
  const std::string token = body.is_object() ? text_member(body, "TaskToken") : "";
  if (token.empty() || text_member(expect, "error") == "States.Timeout") return vanished();
  if (has_member_null(expect, "Error"))
    std::ignore = laboratory_.submit(FailTask{token, std::nullopt, std::nullopt, {}});
  else
    std::ignore = laboratory_.submit(CompleteTask{token, Doc::from_json(body)});
  return completed(nullptr);
}

}  // namespace sluice::conformance
