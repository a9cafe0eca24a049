#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <ostream>

#include "api/server.h"
#include "base/clock.h"
#include "cli/process.h"
#include "cli/serve.h"
#include "cli/values.h"
#include "cli/version.h"
#include "orchestrator/inspect.h"
#include "orchestrator/orchestrator.h"
#include "outbound/http_caller.h"
#include "storage/storage.h"

namespace sluice::cli {
namespace {

std::unique_ptr<storage::Database> open_data(const std::string& directory) {
  try {
    return storage::open_sqlite({.directory = directory});
  } catch (const storage::StorageError& error) {
    const char* advice = "";
    switch (error.fault()) {
      case storage::Fault::newer_schema:
        advice =
            "\n  A newer version of Sluice made it: run that version. Going back is by restoring a "
            "copy made before.";
        break;
      case storage::Fault::corrupt:
        advice =
            "\n  Keep a copy of the whole directory before anything else is tried; then restore a "
            "good copy.";
        break;
      case storage::Fault::disk_full:
        advice = "\n  Make room on that disk and start again; nothing is lost.";
        break;
      case storage::Fault::locked_by_other:  // its message says who, and what to do
        break;
      case storage::Fault::busy:
      case storage::Fault::io:
      case storage::Fault::constraint:
      case storage::Fault::commit_unknown:
      case storage::Fault::interrupted:
      case storage::Fault::other:
        advice = "\n  `sluice doctor --data DIR` looks at the directory.";
        break;
    }
    throw Failure(Exit::data_directory, fmt::format("cannot use the data directory {}: {}{}",
                                                    directory, error.what(), advice));
  }
}

}  // namespace

Exit serve(Context& context, const ServeOptions& options) {
  const SystemClock clock;
  const Duration begun = clock.steady_now();
  // First, so that every thread that is started below leaves the signals to this one.
  Signals signals;
  std::mutex mutex;
  const auto log = [&](std::string_view line) {
    const std::lock_guard lock(mutex);
    context.err << to_rfc3339(clock.wall_now()) << " " << line << "\n" << std::flush;
  };
  if (!is_loopback(options.listen.host))
    warn(context, fmt::format("whoever can reach {} can use this server: it asks for no password",
                              to_string(options.listen)));

  const auto database = open_data(options.data);
  std::atomic<bool> fatal = false;
  std::string fatal_reason;
  orchestrator::Options engine_options;
  engine_options.items_directory = options.items_directory;
  engine_options.retention = seconds(std::int64_t{options.retention_days} * 86'400);
  // The server's own ping comes first, then its end of the connection, then the engine's.
  const Duration ping = seconds(options.ping_seconds);
  engine_options.session_timeout = {3 * ping.us};
  engine_options.on_fatal = [&](const std::string& why) {
    fatal_reason = why;
    fatal = true;
    signals.notify();
  };
  orchestrator::Engine engine(*database, clock, engine_options);
  const orchestrator::Inspector inspector(*database, engine);
  api::ServerOptions server_options;
  server_options.host = options.listen.host;
  server_options.port = options.listen.port;
  server_options.limits.stream.idle_timeout = {2 * ping.us};
  server_options.log = log;  // it tells trouble only
  api::Server server(engine, inspector, std::move(server_options));
  engine.start();
  outbound::HttpCaller caller(engine, clock, {.allow_private = options.allow_private_http});
  caller.start();
  try {
    server.start();
  } catch (const std::runtime_error& error) {
    caller.stop();
    engine.stop();
    throw Failure(
        Exit::address_in_use,
        fmt::format("cannot listen on {}: {}\n  Is a server running there already? Another "
                    "address: --listen HOST:PORT; any free port: --listen 127.0.0.1:0.",
                    to_string(options.listen), error.what()));
  }
  const Address listening{options.listen.host, server.port()};
  context.out << fmt::format("sluice {}  http://{}  data {}  started in {}\n", version,
                             to_string(listening),
                             std::filesystem::absolute(options.data).lexically_normal().string(),
                             humane(clock.steady_now() - begun))
              << std::flush;

  std::optional<int> signal;
  while (!signal && !fatal) signal = signals.wait();
  if (fatal) {
    log("fatal: " + fatal_reason);
    context.err << "error: the outcome of a commit is not known, so this server ends now. Start it "
                   "again: it recovers "
                   "from disk, and clients may repeat what was not answered.\n"
                << std::flush;
    // Nothing is closed: what is in memory may differ from the disk, and must not reach anybody.
    _exit(static_cast<int>(Exit::outcome_unknown));
  }
  signals.give_up_on_next();
  if (options.log_information) log(fmt::format("stopping (SIG{})", signal_name(*signal)));
  server.stop();
  caller.stop();
  engine.stop();
  if (options.log_information) log("stopped");
  return fatal ? Exit::outcome_unknown : Exit::ok;
}

}  // namespace sluice::cli
