#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace sluice::bench {
namespace {

using Row = std::vector<std::string>;

// Two digits behind the point are enough for a reader, and make a diff of two reports readable.
double rounded(double value) {
  const double unit = std::abs(value) < 10 ? 1'000 : 10;
  return std::round(value * unit) / unit;
}

const Figures& find(const Result& result, std::string_view name) {
  for (const auto& load : result.loads)
    if (load.name == name) return load;
  throw std::runtime_error(fmt::format("no load \"{}\" was measured", name));
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// The first column to the left, the numbers to the right.
std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t n = 0; n < row.size(); ++n) widths[n] = std::max(widths[n], width(row[n]));
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t n = 0; n < rows[r].size(); ++n) {
      const std::string fill(widths[n] - width(rows[r][n]), ' ');
      text += n == 0 ? "| " + rows[r][n] + fill : " | " + fill + rows[r][n];
    }
    text += " |\n";
    if (r > 0) continue;
    for (std::size_t n = 0; n < widths.size(); ++n)
      text += "|" + std::string(widths[n] + (n == 0 ? 2 : 1), '-') + (n == 0 ? "" : ":");
    text += "|\n";
  }
  return text;
}

std::string count(double value) {
  const std::string digits = fmt::format("{:.0f}", value);
  std::string text;
  for (std::size_t n = 0; n < digits.size(); ++n) {
    if (n > 0 && (digits.size() - n) % 3 == 0) text += ',';
    text += digits[n];
  }
  return text;
}

std::string ms(double value) { return fmt::format("{:.2f}", value); }

std::string loads_table(const Json& report) {
  std::vector<Row> rows{{"load", "under way", "workflows/s", "transitions/s", "p50 ms", "p99 ms",
                         "p99.9 ms", "server µs/tr", "client µs/tr", "B written/tr", "commits/s",
                         "steps/commit", "server MiB"}};
  for (const auto& load : report["loads"]) {
    const auto number = [&](const char* name) { return load[name].get<double>(); };
    const double offered = number("offered_per_s");
    rows.push_back({load["name"].get<std::string>(),
                    offered > 0 ? count(offered) + "/s" : count(number("in_flight")),
                    count(number("workflows_per_s")), count(number("transitions_per_s")),
                    ms(number("p50_ms")), ms(number("p99_ms")), ms(number("p999_ms")),
                    fmt::format("{:.1f}", number("server_cpu_us")),
                    fmt::format("{:.1f}", number("client_cpu_us")), count(number("written_bytes")),
                    count(number("commits_per_s")),
                    fmt::format("{:.1f}", number("steps_per_commit")),
                    count(number("server_resident_mib"))});
  }
  return table(rows);
}

std::string bare_table(const Json& report) {
  const Json& bare = report["bare"];
  std::vector<Row> rows{
      {"this machine, bare", "a second", "p50 ms", "p99 ms", "B written/step", "CPU µs/step"}};
  const auto disk = [&](std::string name, const Json& rate) {
    rows.push_back({std::move(name), count(rate["per_second"].get<double>()),
                    ms(rate["p50_ms"].get<double>()), ms(rate["p99_ms"].get<double>()), "", ""});
  };
  disk("append 4 KiB, fdatasync", bare["append"]);
  disk("overwrite 4 KiB, fdatasync", bare["overwrite"]);
  disk("the same after the loads", bare["overwrite_after"]);
  for (const auto& rate : bare["sqlite"])
    rows.push_back(
        {fmt::format("SQLite, runs at {} steps/commit", rate["steps_per_commit"].get<int>()),
         count(rate["runs_per_second"].get<double>()), "", "",
         count(rate["written_bytes_per_step"].get<double>()),
         fmt::format("{:.1f}", rate["cpu_us_per_step"].get<double>())});
  rows.push_back({"WebSocket echo, one message",
                  count(bare["echo"]["alone_per_second"].get<double>()),
                  ms(bare["echo"]["alone_p50_ms"].get<double>()), "", "", ""});
  rows.push_back({"WebSocket echo, frames of 64",
                  count(bare["echo"]["packed_per_second"].get<double>()), "", "", "", ""});
  return table(rows);
}

std::string ratios(const Json& report) {
  const auto number = [&](const char* name) { return report["ratios"][name].get<double>(); };
  return fmt::format(
      "- Full load over the stream is {:.0f} % of what bare SQLite writes at its best group.\n"
      "- A run alone takes {:.1f} times its five bare flushes (overwriting), and {:.1f} times the "
      "five commits of bare SQLite.\n"
      "- REST batches reach {:.0f} % of the stream.\n"
      "- At full load the server uses {:.2f} of the machine's {} cores, the client {:.2f}.\n",
      100 * number("full_to_bare_sqlite"), number("alone_to_flushes"),
      number("alone_to_bare_sqlite"), 100 * number("rest_to_stream"), number("server_cores"),
      report["machine"]["cores"].get<int>(), number("client_cores"));
}

Json to_json(const DiskRate& rate) {
  Json json = Json::object();
  json["per_second"] = rounded(rate.per_second);
  json["p50_ms"] = rounded(rate.p50_ms);
  json["p99_ms"] = rounded(rate.p99_ms);
  return json;
}

Json to_json(const BareFigures& bare) {
  Json json = Json::object();
  json["append"] = to_json(bare.append);
  json["overwrite"] = to_json(bare.overwrite);
  json["overwrite_after"] = to_json(bare.overwrite_after);
  json["sqlite"] = Json::array();
  for (const auto& rate : bare.sqlite) {
    Json item = Json::object();
    item["steps_per_commit"] = rate.steps_per_commit;
    item["runs_per_second"] = rounded(rate.runs_per_second);
    item["written_bytes_per_step"] = rounded(rate.written_bytes_per_step);
    item["cpu_us_per_step"] = rounded(rate.cpu_us_per_step);
    json["sqlite"].push_back(std::move(item));
  }
  json["echo"] = Json::object();
  json["echo"]["alone_per_second"] = rounded(bare.echo.alone_per_second);
  json["echo"]["alone_p50_ms"] = rounded(bare.echo.alone_p50_ms);
  json["echo"]["packed_per_second"] = rounded(bare.echo.packed_per_second);
  return json;
}

}  // namespace

Json to_json(const Figures& f) {
  Json json = Json::object();
  json["name"] = f.name;
  json["transport"] = f.transport;
  json["in_flight"] = f.in_flight;
  json["offered_per_s"] = rounded(f.offered_per_s);
  json["payload_bytes"] = f.payload_bytes;
  json["seconds"] = rounded(f.seconds);
  json["workflows_per_s"] = rounded(f.workflows_per_s);
  json["transitions_per_s"] = rounded(f.transitions_per_s);
  json["p50_ms"] = rounded(f.p50_ms);
  json["p99_ms"] = rounded(f.p99_ms);
  json["p999_ms"] = rounded(f.p999_ms);
  json["server_cpu_us"] = rounded(f.server_cpu_us);
  json["client_cpu_us"] = rounded(f.client_cpu_us);
  json["server_cores"] = rounded(f.server_cores);
  json["client_cores"] = rounded(f.client_cores);
  json["written_bytes"] = rounded(f.written_bytes);
  json["commits_per_s"] = rounded(f.commits_per_s);
  json["steps_per_commit"] = rounded(f.steps_per_commit);
  json["server_resident_mib"] = rounded(f.server_resident_mib);
  return json;
}

Json to_json(const Result& result) {
  const Figures& full = find(result, "stream full");
  const Figures& alone = find(result, "stream alone");
  const Figures& rest = find(result, "REST batches full");
  const SqliteRate best = *std::max_element(
      result.bare.sqlite.begin(), result.bare.sqlite.end(),
      [](const auto& a, const auto& b) { return a.runs_per_second < b.runs_per_second; });
  const double steps = 5;

  Json report = Json::object();
  report["workflows_per_s"] = rounded(full.workflows_per_s);
  report["alone_p50_ms"] = rounded(alone.p50_ms);
  report["alone_p99_ms"] = rounded(alone.p99_ms);
  report["rest_workflows_per_s"] = rounded(rest.workflows_per_s);
  report["bare_sqlite_runs_per_s"] = rounded(best.runs_per_second);
  report["machine"] = result.machine;
  report["idle_resident_mib"] = rounded(result.idle_resident_mib);
  report["loads"] = Json::array();
  for (const auto& load : result.loads) report["loads"].push_back(to_json(load));
  report["bare"] = to_json(result.bare);
  Json& ratio = report["ratios"] = Json::object();
  ratio["full_to_bare_sqlite"] = rounded(full.workflows_per_s / best.runs_per_second);
  ratio["alone_to_flushes"] = rounded(alone.p50_ms / (steps * result.bare.overwrite.p50_ms));
  ratio["alone_to_bare_sqlite"] =
      rounded(alone.p50_ms * result.bare.sqlite.front().runs_per_second / 1e3);
  ratio["rest_to_stream"] = rounded(rest.workflows_per_s / full.workflows_per_s);
  ratio["server_cores"] = rounded(full.server_cores);
  ratio["client_cores"] = rounded(full.client_cores);
  return report;
}

std::string render(const Json& report) {
  const Json& machine = report["machine"];
  return fmt::format(
      "{} ({} cores, {} GiB), {}, {}, SQLite {}; server, client and everything else on it.\n"
      "The server takes {:.0f} MiB when idle.\n\n{}\n{}\n{}",
      machine["cpu"].get<std::string>(), machine["cores"].get<int>(),
      machine["memory_gib"].get<int>(), machine["kernel"].get<std::string>(),
      machine["file_system"].get<std::string>(), machine["sqlite"].get<std::string>(),
      report["idle_resident_mib"].get<double>(), loads_table(report), bare_table(report),
      ratios(report));
}

}  // namespace sluice::bench
