#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ostream>

#include "cli/disk.h"
#include "cli/serve.h"
#include "cli/values.h"
#include "cli/version.h"
#include "storage/engine_version.h"

namespace sluice::cli {
namespace {

constexpr std::int64_t free_bytes_warn = 2'000'000'000;
constexpr std::int64_t free_bytes_fail = 64 << 20;  // below it the server takes no new starts
constexpr Duration fsync_warn = milliseconds(10);
constexpr int fsync_times = 50;
constexpr WallTime earliest_now{1'767'225'600'000'000};  // 2026: this version is not older
constexpr int wal_fault_fixed_in = 3'051'003;

struct Options {
  std::string data = "./sluice-data";
};

struct Finding {
  enum class Level { ok, warn, fail };
  Level level;
  std::string what, found, advice;
};
using Level = Finding::Level;
using Findings = std::vector<Finding>;

void look_at_disk(const std::string& directory, Findings& findings) {
  const DirectoryLook look = look_at(directory);
  if (!look.not_writable.empty()) {
    findings.push_back({Level::fail, "data directory",
                        fmt::format("{}: {}", look.nearest, look.not_writable),
                        "the server must be able to write there: check owner and permissions, or "
                        "give another with --data"});
    return;
  }
  findings.push_back({Level::ok, "data directory",
                      look.exists ? fmt::format("{} can be written", directory)
                                  : fmt::format("{} does not exist yet and can be made", directory),
                      ""});
  findings.push_back({look.free_bytes < free_bytes_fail   ? Level::fail
                      : look.free_bytes < free_bytes_warn ? Level::warn
                                                          : Level::ok,
                      "disk space", humane_bytes(look.free_bytes) + " free",
                      "make room: below 64 MB the server takes no new starts"});
  findings.push_back(
      {look.network || look.in_memory ? Level::warn : Level::ok, "file system", look.file_system,
       look.network ? "locks and flushes of network file systems cannot be relied on: keep the "
                      "data on a local disk"
                    : "it is in memory: the data is gone when the machine restarts"});
  if (const auto times = measure_fsync(look.nearest, fsync_times)) {
    findings.push_back(
        {times->median > fsync_warn ? Level::warn : Level::ok, "flush to disk",
         fmt::format("{} (slowest of {}: {})", humane(times->median), fsync_times,
                     humane(times->slowest)),
         "every commit waits this long; a disk with power-loss protection flushes within 1 ms"});
    if (times->median < microseconds(20) && !look.in_memory)
      findings.push_back(
          {Level::warn, "flush to disk", "too fast to be one",
           "the disk or its virtual machine may lie about flushes: a power cut may lose data"});
  } else {
    findings.push_back(
        {Level::fail, "flush to disk", std::strerror(errno), "the disk cannot flush a file"});
  }
  if (const auto newest = newest_file(directory); newest && *newest > now() + seconds(60))
    findings.push_back({Level::warn, "clock",
                        fmt::format("the data was last changed {}", humane_age(*newest, now())),
                        "this machine's clock has gone back: check its time service"});
}

void look_at_engine(Findings& findings) {
  const auto engine = storage::engine_version();
  const bool faulty = engine.code < wal_fault_fixed_in;
  findings.push_back(
      {Level::ok, engine.name,
       faulty
           ? engine.number +
                 ", with a fault (WAL reset) that needs two writing connections; the server has one"
           : engine.number,
       ""});
}

void look_at_clock(Findings& findings) {
  const bool sane = now() > earliest_now;
  findings.push_back({sane ? Level::ok : Level::fail, "clock", to_rfc3339(now()),
                      "the time is wrong: check the machine's time service"});
}

// Whether somebody else could listen there.
std::string port_problem(const std::string& url) {
  const std::string rest = url.substr(url.find("://") + 3);
  Address address{"127.0.0.1", 80};
  try {
    address = parse_address(rest);
  } catch (const Failure&) {
    return "";  // no port in it: not one that `serve` was given
  }
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list) != 0)
    return fmt::format("the name {} is not known", address.host);
  std::string problem;
  const int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, list->ai_addr, list->ai_addrlen) != 0) problem = std::strerror(errno);
  close(fd);
  freeaddrinfo(list);
  return problem;
}

void look_at_server(const std::string& url, Findings& findings) {
  try {
    Client client(url);
    const Answer health = client.try_send({.path = "/healthz", .timeout_seconds = 5});
    const Answer about = client.try_send({.path = "/openapi.json", .timeout_seconds = 5});
    const auto parsed = parse_json(about.text, {.refuse_duplicate_keys = false});
    const std::string its_version = parsed ? text_of(member(*parsed, "info"), "version") : "";
    if (!about.ok() || its_version.empty()) {
      findings.push_back({Level::fail, "server",
                          fmt::format("something else answers at {}", client.url()),
                          "give the right address with --server"});
      return;
    }
    const Answer ready = client.try_send({.path = "/readyz", .timeout_seconds = 5});
    findings.push_back(
        {health.ok() ? ready.ok() ? Level::ok : Level::warn : Level::fail, "server",
         health.ok()
             ? fmt::format("{} {}", client.url(),
                           ready.ok() ? "is healthy and ready" : "is healthy, but not ready")
             : fmt::format("{} is not healthy: {}", client.url(), problem_text(health)),
         health.ok() ? "it is starting, stopping, or out of disk: " + problem_text(ready)
                     : "see the server's own log"});
    if (!its_version.empty())
      findings.push_back({its_version == version ? Level::ok : Level::warn, "version",
                          fmt::format("the server is {}, this command {}", its_version, version),
                          "use the command that came with the server"});
  } catch (const Failure& failure) {
    if (failure.code() == Exit::usage) throw;
    const std::string problem = port_problem(url);
    if (problem.empty())
      findings.push_back(
          {Level::ok, "server", fmt::format("none at {}; the port is free", url), ""});
    else
      findings.push_back(
          {Level::warn, "server",
           fmt::format("none answers at {}, and the address cannot be listened on: {}", url,
                       problem),
           "another program holds it, or it is another machine's: `sluice serve --listen "
           "HOST:PORT` takes another"});
  }
}

}  // namespace

Command doctor_command() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "doctor",
      .summary = "Check this machine, the data directory and the server",
      .description =
          "Each line is ok, warn or fail, and says what to do. Exit code 1 if there is a fail.",
      .examples = {{"sluice doctor --data /var/lib/sluice", ""}},
      .options = {{.names = "--data",
                   .target = &o->data,
                   .value = "DIR",
                   .help = "the data directory; ./sluice-data if not given.",
                   .env = "SLUICE_DATA"}},
      .state = o};
  command.run = [o = o.get()](Context& context) {
    Findings findings;
    look_at_disk(o->data, findings);
    look_at_engine(findings);
    look_at_clock(findings);
    look_at_server(context.server, findings);
    bool failed = false;
    Json list = Json::array();
    for (const auto& finding : findings) {
      failed |= finding.level == Level::fail;
      const bool fine = finding.level == Level::ok;
      const std::string word = fine ? "ok" : finding.level == Level::warn ? "warn" : "fail";
      if (context.json) {
        list.push_back({{"level", word},
                        {"check", finding.what},
                        {"found", finding.found},
                        {"advice", fine ? "" : finding.advice}});
        continue;
      }
      const Tone tone = fine ? Tone::good : finding.level == Level::warn ? Tone::warn : Tone::bad;
      context.out << fmt::format("{}{}  {:<15} {}\n", paint(context.out_terminal, tone, word),
                                 std::string(4 - word.size(), ' '), finding.what, finding.found);
      if (!fine) context.out << fmt::format("{:22} {}\n", "", finding.advice);
    }
    if (context.json) context.out << to_text(list) << "\n";
    return failed ? Exit::failed : Exit::ok;
  };
  return command;
}

}  // namespace sluice::cli
