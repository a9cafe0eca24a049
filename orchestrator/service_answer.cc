#include "orchestrator/service_answer.h"

#include <fmt/format.h>

#include "orchestrator/context_object.h"

namespace sluice::orchestrator {
namespace {

// RFC 9110: Sat, 31 Jan 2026 23:59:59 GMT.
std::string http_date(WallTime time) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::string text = to_rfc3339(time);  // 2026-01-31T23:59:59…
  const std::int64_t day = std::max<std::int64_t>(time.us, 0) / 86'400'000'000;
  const std::size_t month = static_cast<std::size_t>((text[5] - '0') * 10 + (text[6] - '0') - 1);
  return fmt::format("{}, {} {} {} {} GMT", days[(day + 4) % 7], text.substr(8, 2),
                     months[month % 12], text.substr(0, 4), text.substr(11, 8));
}

// Headers in the two forms that the service gives. Some are plain strings among the lists.
class Headers {
 public:
  void add(const char* name, const std::string& value) {
    lists_[name] = Json::array({value});
    values_[name] = value;
  }
  void add_plain(const char* name, const std::string& value) {
    lists_[name] = value;
    values_[name] = value;
  }
  Json metadata() && {
    Json http = Json::object();
    http["AllHttpHeaders"] = std::move(lists_);
    http["HttpHeaders"] = std::move(values_);
    http["HttpStatusCode"] = 200;
    return http;
  }

 private:
  Json lists_ = Json::object(), values_ = Json::object();
};

std::int64_t epoch_ms(WallTime time) { return time.us / 1'000; }

}  // namespace

std::string made_uuid(Random& chance) {
  const std::string digits = fmt::format("{:016x}{:016x}", chance.next(), chance.next());
  return fmt::format("{}-{}-4{}-a{}-{}", digits.substr(0, 8), digits.substr(8, 4),
                     digits.substr(13, 3), digits.substr(17, 3), digits.substr(20, 12));
}

Doc invocation_answer(const Doc& payload, bool log_asked, Random& chance, WallTime now) {
  const std::string request_id = made_uuid(chance);
  Headers headers;
  headers.add("Connection", "keep-alive");
  headers.add("Content-Length", std::to_string(payload.size_bytes()));
  headers.add("Content-Type", "application/json");
  headers.add_plain("Date", http_date(now));
  headers.add("X-Amz-Executed-Version", "$LATEST");
  if (log_asked) headers.add("X-Amz-Log-Result", "");
  headers.add("x-amzn-Remapped-Content-Length", "0");
  headers.add("x-amzn-RequestId", request_id);
  headers.add_plain("X-Amzn-Trace-Id", fmt::format("root=1-{:08x}-{:016x}{:08x};sampled=0",
                                                   now.us / 1'000'000 & 0xFFFFFFFF, chance.next(),
                                                   chance.next() >> 32));
  Json answer = Json::object();
  answer["ExecutedVersion"] = "$LATEST";
  if (log_asked) answer["LogResult"] = "";
  answer["Payload"] = payload.json();
  answer["SdkHttpMetadata"] = std::move(headers).metadata();
  answer["SdkResponseMetadata"]["RequestId"] = request_id;
  answer["StatusCode"] = 200;
  return Doc::from_json(std::move(answer));
}

Doc service_answer(Json answer, std::size_t body_bytes, std::string_view content_type,
                   Random& chance, WallTime now) {
  const std::string request_id = made_uuid(chance);
  Headers headers;
  headers.add_plain("x-amzn-RequestId", request_id);
  headers.add("connection", "keep-alive");
  headers.add("Content-Length", std::to_string(body_bytes));
  headers.add_plain("Date", http_date(now));
  headers.add("Content-Type", std::string(content_type));
  answer["SdkHttpMetadata"] = std::move(headers).metadata();
  answer["SdkResponseMetadata"]["RequestId"] = request_id;
  return Doc::from_json(std::move(answer));
}

Doc start_answer(const std::string& workflow, const std::string& name, WallTime at, Random& chance,
                 WallTime now) {
  Json answer = Json::object();
  answer["ExecutionArn"] = execution_arn(workflow, name);
  const std::size_t bytes =
      fmt::format(R"({{"executionArn":"{}","startDate":{}.{:03}}})", execution_arn(workflow, name),
                  epoch_ms(at) / 1'000, epoch_ms(at) % 1'000)
          .size();
  answer["StartDate"] = to_rfc3339_ms(at);
  return service_answer(std::move(answer), bytes, "application/x-amz-json-1.0", chance, now);
}

Json run_description(const RunEnded& run, bool as_json) {
  const auto document = [as_json](const Doc& doc) {
    return as_json ? doc.json() : Json(doc.text());
  };
  const bool succeeded = run.status == "SUCCEEDED";
  Json included = Json::object();
  included["Included"] = true;
  Json out = Json::object();
  if (!succeeded && run.fault.cause) out["Cause"] = *run.fault.cause;
  if (!succeeded && run.fault.error) out["Error"] = *run.fault.error;
  out["ExecutionArn"] = execution_arn(run.workflow, run.name);
  out["Input"] = document(run.input);
  out["InputDetails"] = included;
  out["Name"] = run.name;
  if (succeeded && run.output) {
    out["Output"] = document(run.output);
    out["OutputDetails"] = included;
    out["RedriveCount"] = 0;
    out["RedriveStatus"] = "NOT_REDRIVABLE";
    out["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven";
  }
  out["StartDate"] = epoch_ms(run.started_at);
  out["StateMachineArn"] = state_machine_arn(run.workflow);
  out["Status"] = run.status;
  out["StopDate"] = epoch_ms(run.ended_at);
  return out;
}

}  // namespace sluice::orchestrator
