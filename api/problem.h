// Refusals as RFC 9457 problem documents.
//
// {"type", "title", "status", "detail", "code", "errors": [{"pointer" | "parameter" | "header",
// "detail"}]}
//
// `code` is stable (base/result.h). A Problem's place is a JSON Pointer into the body; a place that
// begins with '?' is a query parameter, one that begins with '@' a header, which no JSON Pointer
// does.
//
// Thread-safe (no shared state).
#pragma once

#include <string>
#include <string_view>

#include "api/http.h"
#include "base/result.h"

namespace sluice::api {

// 400 bad_json · 404 not_found · 409 conflict, stale_token · 413 too_large · 422 invalid_argument,
// invalid_definition · 429 overloaded · 500 storage_failed · 501 unsupported · 503 unavailable,
// disk_full, outcome_unknown
int http_status(Errc code);
std::string_view reason_phrase(int status);

// Adds Retry-After where trying again may help.
Response problem(const Error& error);
// For refusals of HTTP itself, which have no Errc: 400, 404, 405, 408, 414, 426, 431, 500.
Response problem(int status, std::string_view code, std::string_view detail);
// The object alone, for one item of a batch.
std::string problem_text(const Error& error);
// For an exception that a handler let out: storage's faults, and bugs.
Response problem_of_exception(const std::exception& failure, Context& context);

}  // namespace sluice::api
