// What this machine can do without Sluice, measured beside it: the limits that its figures stand
// against.
//
// Thread-safe (no shared state). Throws std::runtime_error if the machine refuses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::bench {

struct DiskRate {
  double per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
};

// 4 KiB and fdatasync, again and again, in `directory`: at the end of a growing file, or over what
// was written before (as SQLite's kept log is).
DiskRate measure_append(const std::string& directory, double seconds);
DiskRate measure_overwrite(const std::string& directory, double seconds);

struct SqliteRate {
  int steps_per_commit = 0;
  double runs_per_second = 0;
  double written_bytes_per_step = 0;
  double cpu_us_per_step = 0;
};

// The rows of four stages, written by a program that does nothing else: one thread, one connection,
// the server's schema, settings and statements, no JSON, no network. `steps_per_commit` runs are
// under way, each commit moves every one of them a step on; a run has five (its start, four ends of
// stages).
SqliteRate measure_sqlite(const std::string& directory, int steps_per_commit,
                          std::size_t payload_bytes, double seconds);

struct EchoRate {
  double alone_per_second = 0;  // one message under way
  double alone_p50_ms = 0;
  double packed_per_second = 0;  // frames of 64 messages, four connections
};

// Beast's WebSocket over the loopback, both ends of this process, messages of `bytes`.
EchoRate measure_echo(std::size_t bytes, double seconds);

}  // namespace sluice::bench
