#include "api/problem.h"

#include "api/json_out.h"
#include "storage/storage.h"

namespace sluice::api {
namespace {

constexpr std::string_view problem_type = "application/problem+json";

std::string_view title(Errc code) {
  switch (code) {
    case Errc::bad_json:
      return "The text is not JSON";
    case Errc::invalid_argument:
      return "The input is not what was expected";
    case Errc::invalid_definition:
      return "The workflow definition has problems";
    case Errc::not_found:
      return "There is no such thing";
    case Errc::conflict:
      return "The present state does not allow it";
    case Errc::stale_token:
      return "The token is no longer the holder's";
    case Errc::too_large:
      return "The input is too large";
    case Errc::overloaded:
      return "Too much at once";
    case Errc::unavailable:
      return "The server cannot do this now";
    case Errc::disk_full:
      return "The disk is nearly full";
    case Errc::storage_failed:
      return "The database refused; nothing was kept";
    case Errc::outcome_unknown:
      return "The outcome is unknown";
    case Errc::unsupported:
      return "This version does not offer it";
  }
  return "";
}

std::string render(std::string_view code, std::string_view title_text, int status,
                   std::string_view detail, const std::vector<Problem>& problems) {
  std::string out;
  out.reserve(192 + detail.size() + problems.size() * 96);
  Object object(out);
  object.text("type", "about:blank");
  object.text("title", title_text);
  object.integer("status", status);
  object.text("detail", detail);
  object.text("code", code);
  if (!problems.empty()) {
    object.key("errors");
    Array list(out);
    for (const auto& place : problems) {
      list.next();
      Object item(out);
      if (place.pointer.starts_with('?'))
        item.text("parameter", std::string_view(place.pointer).substr(1));
      else if (place.pointer.starts_with('@'))
        item.text("header", std::string_view(place.pointer).substr(1));
      else
        item.text("pointer", place.pointer);
      item.text("detail", place.detail);
    }
  }
  object.close();
  return out;
}

}  // namespace

int http_status(Errc code) {
  switch (code) {
    case Errc::bad_json:
      return 400;
    case Errc::invalid_argument:
      return 422;
    case Errc::invalid_definition:
      return 422;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
      return 409;
    case Errc::stale_token:
      return 409;
    case Errc::too_large:
      return 413;
    case Errc::overloaded:
      return 429;
    case Errc::unavailable:
      return 503;
    case Errc::disk_full:
      return 503;
    case Errc::storage_failed:
      return 500;
    case Errc::outcome_unknown:
      return 503;
    case Errc::unsupported:
      return 501;
  }
  return 500;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

std::string problem_text(const Error& error) {
  return render(to_string(error.code), title(error.code), http_status(error.code), error.detail,
                error.problems);
}

Response problem(const Error& error) {
  Response response{
      .status = http_status(error.code), .body = problem_text(error), .content_type = problem_type};
  if (response.status == 429 || response.status == 503)
    response.headers.emplace_back("Retry-After", error.code == Errc::disk_full ? "30" : "1");
  return response;
}

Response problem(int status, std::string_view code, std::string_view detail) {
  return {.status = status,
          .body = render(code, reason_phrase(status), status, detail, {}),
          .content_type = problem_type};
}

Response problem_of_exception(const std::exception& failure, Context& context) {
  if (const auto* fault = dynamic_cast<const storage::StorageError*>(&failure)) {
    switch (fault->fault()) {
      case storage::Fault::interrupted:
        return problem(make_error(Errc::unavailable,
                                  "the question took longer than a read may; narrow it with "
                                  "filters or a smaller limit"));
      case storage::Fault::disk_full:
        return problem(make_error(Errc::disk_full, fault->what()));
      case storage::Fault::busy:
        return problem(make_error(Errc::unavailable, fault->what()));
      case storage::Fault::io:
      case storage::Fault::corrupt:
      case storage::Fault::constraint:
      case storage::Fault::locked_by_other:
      case storage::Fault::newer_schema:
      case storage::Fault::commit_unknown:
      case storage::Fault::other:
        break;
    }
    if (context.log) context.log(std::string("a read failed: ") + fault->what());
    return problem(make_error(Errc::storage_failed, fault->what()));
  }
  // What a bug says is for the log; the client learns that it was not its fault.
  if (context.log) context.log(std::string("a request's handler failed: ") + failure.what());
  return problem(500, "internal", "the server failed to answer; its log says why");
}

}  // namespace sluice::api
