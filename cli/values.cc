#include "cli/values.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/clock.h"

namespace sluice::cli {
namespace {
constexpr int page_items = 500;

std::string json_problems(const Error& error) {
  // The sentence that this ends up in has said so.
  constexpr std::string_view said = "not JSON: ";
  std::string text = error.detail;
  if (text.starts_with(said)) text.erase(0, said.size());
  for (const auto& problem : error.problems)
    text += fmt::format("\n  {}: {}", problem.pointer.empty() ? "(whole)" : problem.pointer,
                        problem.detail);
  return text;
}
}  // namespace

std::string read_file(const std::string& name) {
  // A directory opens and then cannot be read.
  std::error_code ignored;
  if (std::filesystem::is_directory(name, ignored))
    throw Failure(Exit::invalid, fmt::format("cannot read {}: it is a directory", printable(name)));
  std::ifstream file(name, std::ios::binary);
  std::string text;
  if (file) text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file || file.bad())
    throw Failure(Exit::invalid, fmt::format("cannot read {}: {}", printable(name),
                                             std::strerror(errno != 0 ? errno : EIO)));
  return text;
}

Json read_json(Context& context, const std::string& given, const std::string& what) {
  std::string text, place = what;
  if (given == "-") {
    text.assign(std::istreambuf_iterator<char>(context.in), {});
    place = "standard input";
  } else if (!given.empty() && given.front() == '@') {
    text = read_file(given.substr(1));
    place = given.substr(1);
  } else {
    text = given;
  }
  auto parsed = parse_json(text);
  if (parsed) return *std::move(parsed);
  const bool word =
      given == text && !text.empty() &&
      std::string_view("{[\"-0123456789").find(text.front()) == std::string_view::npos;
  throw Failure(
      Exit::invalid,
      fmt::format("{} is not JSON: {}{}", printable(place), json_problems(parsed.error()),
                  word ? "\n  A file is given as @FILE, a string in double quotes." : ""));
}

std::pair<std::string, std::string> key_value(const std::string& given, const std::string& what) {
  const auto at = given.find('=');
  if (at == std::string::npos || at == 0)
    throw Failure(Exit::usage,
                  fmt::format("{}: expected KEY=VALUE, found \"{}\"", what, printable(given)));
  return {given.substr(0, at), given.substr(at + 1)};
}

WallTime read_time(const std::string& given, WallTime now, const std::string& what) {
  if (const auto time = parse_rfc3339(given)) return *time;
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), n);
  const std::string_view unit(end, static_cast<std::size_t>(given.data() + given.size() - end));
  const std::int64_t each = unit == "s"   ? 1
                            : unit == "m" ? 60
                            : unit == "h" ? 3'600
                            : unit == "d" ? 86'400
                                          : 0;
  if (error == std::errc() && each != 0 && n >= 0 && n <= 1'000'000) return now - seconds(n * each);
  throw Failure(
      Exit::usage,
      fmt::format("{}: expected how long ago (90s, 15m, 2h, 3d) or a time like {}, found \"{}\"",
                  what, "2026-01-31T23:59:59Z", printable(given)));
}

bool confirmed(Context& context, const std::string& question, bool yes) {
  if (yes) return true;
  if (!context.in_is_terminal)
    throw Failure(Exit::usage, question + " Say --yes to do this without being asked.");
  context.err << question << " [y/N] " << std::flush;
  std::string line;
  std::getline(context.in, line);
  return line == "y" || line == "Y" || line == "yes";
}

const Json& member(const Json& object, std::string_view name) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto it = object.find(std::string(name));
  return it == object.end() ? nothing : *it;
}

std::string text_of(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  if (value.is_null()) return "";
  return printable(value.is_string() ? value.get<std::string>() : to_text(value));
}

std::int64_t number_of(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  return value.is_number() ? value.get<std::int64_t>() : 0;
}

double real_of(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  return value.is_number() ? value.get<double>() : 0;
}

bool flag_of(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

std::optional<WallTime> time_of(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  return value.is_string() ? parse_rfc3339(value.get<std::string>()) : std::nullopt;
}

std::string age_of(const Json& object, std::string_view name) {
  const auto time = time_of(object, name);
  return time ? humane_age(*time, now()) : "";
}

std::string labels_of(const Json& object) {
  std::string text;
  const Json& labels = member(object, "labels");
  if (!labels.is_object()) return text;
  for (const auto& [key, value] : labels.items())
    text += (text.empty() ? "" : " ") + printable(key) + "=" + text_of(labels, key);
  return text;
}

WallTime now() { return SystemClock().wall_now(); }

void print_json(Context& context, const Answer& answer) {
  context.out << answer.text;
  if (answer.text.empty() || answer.text.back() != '\n') context.out << "\n";
}

void note(Context& context, const std::string& text) { context.err << text << "\n" << std::flush; }

void warn(Context& context, const std::string& text) {
  context.err << paint(context.err_terminal, Tone::warn, "warning") << ": " << text << "\n"
              << std::flush;
}

std::vector<Json> list_all(Client& client, const std::string& path, Query query, std::int64_t limit,
                           std::string* cursor) {
  std::vector<Json> items;
  std::string at = cursor != nullptr ? *cursor : "";
  do {
    const std::int64_t wanted =
        limit == 0 ? page_items : std::min<std::int64_t>(page_items, limit - std::ssize(items));
    Query page = query;
    page.emplace_back("limit", std::to_string(wanted));
    if (!at.empty()) page.emplace_back("cursor", at);
    const Json answer = client.get(path, page).json();
    const Json& got = member(answer, "items");
    if (!got.is_array())
      throw Failure(Exit::server_error,
                    fmt::format("expected a list from {}, found no \"items\"", path));
    for (const auto& item : got) items.push_back(item);
    at = text_of(answer, "next");
  } while (!at.empty() && (limit == 0 || std::ssize(items) < limit));
  if (cursor != nullptr) *cursor = at;
  return items;
}

bool has_ended(std::string_view status) {
  return status == "SUCCEEDED" || status == "FAILED" || status == "TIMED_OUT" ||
         status == "ABORTED" || status == "COMPENSATED";
}

Exit exit_of_run(std::string_view status) {
  if (status == "SUCCEEDED") return Exit::ok;
  return has_ended(status) ? Exit::failed : Exit::waited;
}

}  // namespace sluice::cli
