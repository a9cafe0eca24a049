// build/bench.json, and the tables made from it: for the terminal and, the same text, for
// README.md.
//
// Thread-safe (no shared state).
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "bench/bare.h"

namespace sluice::bench {

// A load while it was measured. A transition is a stage's end; a run has four of them.
struct Figures {
  std::string name;  // "stream, full"
  std::string transport;
  int in_flight = 0;
  double offered_per_s = 0;  // paced loads
  std::size_t payload_bytes = 0;
  double seconds = 0;
  double workflows_per_s = 0;
  double transitions_per_s = 0;
  double p50_ms = 0, p99_ms = 0, p999_ms = 0;
  double server_cpu_us = 0;  // per transition
  double client_cpu_us = 0;
  double server_cores = 0;  // CPU seconds a second
  double client_cores = 0;
  double written_bytes = 0;  // per transition
  double commits_per_s = 0;
  double steps_per_commit = 0;  // by /metrics, where a start is a step as well: five a run
  double server_resident_mib = 0;
};

struct BareFigures {
  DiskRate append, overwrite;
  DiskRate overwrite_after;  // the same when the loads are over: whether the disk stayed as it was
  std::vector<SqliteRate> sqlite;
  EchoRate echo;
};

struct Result {
  Json machine;
  BareFigures bare;
  double idle_resident_mib = 0;
  std::vector<Figures> loads;
};

Json to_json(const Figures& figures);

// REQUIRES: the loads "stream alone", "stream full" and "REST batches full" are there.
Json to_json(const Result& result);

// Markdown whose columns are aligned. REQUIRES: made by to_json.
std::string render(const Json& report);

}  // namespace sluice::bench
