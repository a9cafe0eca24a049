// Reading what people give and what the server answers.
//
// The readers of answers are lenient: a member that is missing or of another type is "" or 0, so
// that a newer or older server still gives a readable screen.
//
// Thread-safe (no shared state).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/http.h"

namespace sluice::cli {

// ---- what people give ----
// The whole file. Throws Failure(invalid) that says why it cannot be read.
std::string read_file(const std::string& name);
// JSON from "-" (standard input), "@FILE", or the text itself. `what` names it in messages:
// "--input".
Json read_json(Context& context, const std::string& given, const std::string& what);
// "region=eu" -> {"region", "eu"}. Throws Failure(usage).
std::pair<std::string, std::string> key_value(const std::string& given, const std::string& what);
// "90s", "15m", "2h", "3d" before now, or an RFC 3339 time. Throws Failure(usage).
WallTime read_time(const std::string& given, WallTime now, const std::string& what);
// Asks on a terminal; `yes` answers it. Without a terminal and without `yes`: Failure(usage).
bool confirmed(Context& context, const std::string& question, bool yes);

// ---- what the server answers ----
const Json& member(const Json& object, std::string_view name);      // null if there is none
const Json& member(Json&& object, std::string_view name) = delete;  // it would be gone
std::string text_of(const Json& object,
                    std::string_view name);  // printable; numbers and booleans as text
std::int64_t number_of(const Json& object, std::string_view name);
double real_of(const Json& object, std::string_view name);
bool flag_of(const Json& object, std::string_view name);
std::optional<WallTime> time_of(const Json& object, std::string_view name);
std::string age_of(const Json& object, std::string_view name);  // "3 min ago"; "" if absent
std::string labels_of(const Json& object);                      // "region=eu tier=gold"

WallTime now();

// Prints the answer's text for --json.
void print_json(Context& context, const Answer& answer);
void note(Context& context, const std::string& text);  // a line for people, on err
void warn(Context& context, const std::string& text);

// Every page of a list, at most `limit` items (0: all); `cursor` is where to begin, and becomes
// where it stopped.
std::vector<Json> list_all(Client& client, const std::string& path, Query query, std::int64_t limit,
                           std::string* cursor = nullptr);

// How a run ended, as an exit code. `status` of a run that goes on gives Exit::waited.
Exit exit_of_run(std::string_view status);
bool has_ended(std::string_view status);

}  // namespace sluice::cli
