// The server of `sluice serve`: the one place that composes storage, engine, and api.
//
// Only the executable links it (serve_main.cc); the rest of the room, and its tests, reach it
// through Context::serve.
//
// Life: open the data directory (its lock, its migrations), start the engine (which recovers from
// disk), open the port, say so in one line. SIGTERM or SIGINT: the port closes first, requests in
// flight are answered, the engine finishes what it took, the data directory is closed; a second
// signal ends the process at once, which loses nothing that was acknowledged.
//
// Failure: Failure(data_directory) or Failure(address_in_use) before anything is served. After a
// commit whose outcome is unknown the process ends with Exit::outcome_unknown, and must be started
// again.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace sluice::cli {

struct Address {
  std::string host;
  std::uint16_t port = 0;
};
// HOST:PORT, [V6]:PORT, or PORT alone. Throws Failure(usage).
Address parse_address(const std::string& text);
std::string to_string(const Address& address);
bool is_loopback(const std::string& host);

struct ServeOptions {
  std::string data = "./sluice-data";
  Address listen{"127.0.0.1", 7070};
  std::string items_directory;      // --items-directory; empty: Maps read and write no files
  bool allow_private_http = false;  // --allow-private-http
  int retention_days = 30;          // --retention-days; 0: for ever
  int ping_seconds = 5;             // --ping-seconds
  bool log_information = true;      // --log-level info; error: only what went wrong
};

Exit serve(Context& context, const ServeOptions& options);

}  // namespace sluice::cli
