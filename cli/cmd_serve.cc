#include <array>

#include "base/suggest.h"
#include "cli/serve.h"
#include "cli/values.h"

namespace sluice::cli {
namespace {

constexpr int retention_days_max = 36'525;
constexpr int ping_seconds_max = 300;

// What was given on the command line or in the environment; the file fills what is still open.
struct Given {
  std::optional<std::string> data, listen, log_level, database, items_directory, allow_private_http,
      retention_days, ping_seconds;
  std::string config;
};

void fill_from_file(Given& given) {
  const std::string text = read_file(given.config);
  const auto parsed = parse_json(text);
  if (!parsed)
    throw Failure(Exit::invalid, fmt::format("{}: {}", given.config, parsed.error().detail));
  if (!parsed->is_object())
    throw Failure(Exit::invalid, fmt::format("{}: expected a JSON object", given.config));
  const std::array<std::pair<std::string_view, std::optional<std::string>*>, 8> known = {
      {{"data", &given.data},
       {"listen", &given.listen},
       {"log-level", &given.log_level},
       {"items-directory", &given.items_directory},
       {"allow-private-http", &given.allow_private_http},
       {"retention-days", &given.retention_days},
       {"ping-seconds", &given.ping_seconds},
       {"database", &given.database}}};
  std::string problems;
  for (const auto& [key, value] : parsed->items()) {
    const auto it = std::find_if(known.begin(), known.end(),
                                 [&k = key](const auto& each) { return each.first == k; });
    if (it == known.end()) {
      const std::array<std::string_view, 7> names = {
          "data",           "listen",      "log-level", "items-directory", "allow-private-http",
          "retention-days", "ping-seconds"};
      const std::string near = suggest(key, names);
      problems +=
          fmt::format("\n  /{}: there is no such option{}", printable(pointer_token(key)),
                      near.empty() ? "; there are data, listen, log-level, items-directory, "
                                     "allow-private-http, retention-days and ping-seconds"
                                   : fmt::format("; did you mean \"{}\"?", near));
    } else if (!value.is_string()) {
      problems += fmt::format("\n  /{}: expected a string, found {}", key, one_line(value, 40));
    } else if (!*it->second) {
      *it->second = value.template get<std::string>();
    }
  }
  if (!problems.empty())
    throw Failure(Exit::invalid, fmt::format("{} has problems:{}", given.config, problems));
}

int whole_number(std::string_view option, const std::string& text, int min, int max,
                 std::string_view unit) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < min ||
      number > max)
    throw Failure(Exit::usage, fmt::format("{}: expected {} to {} {}, found \"{}\"", option, min,
                                           max, unit, printable(text)));
  return number;
}

ServeOptions resolve(Given given) {
  if (!given.config.empty()) fill_from_file(given);
  if (given.database)
    throw Failure(
        Exit::usage,
        "--database: this version keeps its data in a directory (SQLite) and offers no PostgreSQL; "
        "leave --database away and say --data DIR");
  ServeOptions options;
  if (given.data) options.data = *given.data;
  if (options.data.empty())
    throw Failure(Exit::usage, "--data: expected a directory, found nothing");
  if (given.listen) options.listen = parse_address(*given.listen);
  if (given.items_directory) options.items_directory = *given.items_directory;
  if (given.allow_private_http) {
    if (*given.allow_private_http != "yes" && *given.allow_private_http != "no")
      throw Failure(Exit::usage,
                    fmt::format("--allow-private-http: expected yes or no, found \"{}\"",
                                printable(*given.allow_private_http)));
    options.allow_private_http = *given.allow_private_http == "yes";
  }
  if (given.retention_days)
    options.retention_days =
        whole_number("--retention-days", *given.retention_days, 0, retention_days_max, "days");
  if (given.ping_seconds)
    options.ping_seconds =
        whole_number("--ping-seconds", *given.ping_seconds, 1, ping_seconds_max, "seconds");
  if (given.log_level) {
    if (*given.log_level != "info" && *given.log_level != "error")
      throw Failure(Exit::usage, fmt::format("--log-level: expected info or error, found \"{}\"",
                                             printable(*given.log_level)));
    options.log_information = *given.log_level == "info";
  }
  return options;
}

}  // namespace

Address parse_address(const std::string& text) {
  const auto refuse = [&] {
    return Failure(
        Exit::usage,
        fmt::format("expected HOST:PORT, such as 127.0.0.1:7070, found \"{}\"", printable(text)));
  };
  Address address{"127.0.0.1", 0};
  std::string port = text;
  if (const auto colon = text.rfind(':'); colon != std::string::npos) {
    address.host = text.substr(0, colon);
    port = text.substr(colon + 1);
    const bool bracketed =
        address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']';
    if (bracketed)
      address.host = address.host.substr(1, address.host.size() - 2);
    else if (address.host.empty() || address.host.find(':') != std::string::npos)
      throw refuse();
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) throw refuse();
  return address;
}

std::string to_string(const Address& address) {
  return address.host.find(':') == std::string::npos
             ? fmt::format("{}:{}", address.host, address.port)
             : fmt::format("[{}]:{}", address.host, address.port);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Command serve_command() {
  auto o = std::make_shared<Given>();
  Command command{.name = "serve",
                  .summary = "Run a server",
                  .description =
                      "Everything it is told is kept in one directory, which one server owns at a "
                      "time. SIGTERM or Ctrl-C: takes no "
                      "new requests, answers those under way, closes the data, ends; a second one "
                      "ends at once, and nothing that "
                      "was acknowledged is lost.\n"
                      "An option on the command line goes before the environment, and that before "
                      "the --config file: a JSON object "
                      "with the options' names, such as {\"data\": \"/var/lib/sluice\", "
                      "\"listen\": \"127.0.0.1:7070\"}.",
                  .examples = {{"sluice serve", "data in ./sluice-data, on http://127.0.0.1:7070"},
                               {"sluice serve --data /var/lib/sluice --listen 0.0.0.0:7070",
                                "for other machines too"}},
                  .options = {{.names = "--data",
                               .target = &o->data,
                               .value = "DIR",
                               .help = "where the data is kept; ./sluice-data if not given.",
                               .env = "SLUICE_DATA"},
                              {.names = "--listen",
                               .target = &o->listen,
                               .value = "HOST:PORT",
                               .help = "127.0.0.1:7070 if not given; port 0 takes any free one.",
                               .env = "SLUICE_LISTEN"},
                              {.names = "--config",
                               .target = &o->config,
                               .value = "FILE",
                               .help = "a JSON file with these options.",
                               .env = "SLUICE_CONFIG"},
                              {.names = "--retention-days",
                               .target = &o->retention_days,
                               .value = "DAYS",
                               .help = "how long ended runs are kept, where a definition says "
                                       "nothing else; 30 if not given, 0: for ever.",
                               .env = "SLUICE_RETENTION_DAYS"},
                              {.names = "--ping-seconds",
                               .target = &o->ping_seconds,
                               .value = "SECONDS",
                               .help = "of a worker's silence, then it is pinged, and after twice "
                                       "as long taken for dead; 5 if not given. More is cheaper "
                                       "where thousands of workers wait.",
                               .env = "SLUICE_PING_SECONDS"},
                              {.names = "--items-directory",
                               .target = &o->items_directory,
                               .value = "DIR",
                               .help = "where Maps read items from files and write results, as "
                                       "DIR/BUCKET/KEY; without it they cannot.",
                               .env = "SLUICE_ITEMS_DIRECTORY"},
                              {.names = "--allow-private-http",
                               .target = &o->allow_private_http,
                               .value = "yes|no",
                               .help = "yes: http:invoke also calls loopback, private and "
                                       "link-local addresses.",
                               .env = "SLUICE_ALLOW_PRIVATE_HTTP"},
                              {.names = "--log-level",
                               .target = &o->log_level,
                               .value = "LEVEL",
                               .help = "info, or error for only what went wrong.",
                               .env = "SLUICE_LOG_LEVEL"},
                              {.names = "--database",
                               .target = &o->database,
                               .value = "URL",
                               .help = "",
                               .env = "SLUICE_DATABASE",
                               .hidden = true}},
                  .state = o,
                  .server = false};
  command.run = [o = o.get()](Context& context) {
    const ServeOptions options = resolve(*o);
    SLUICE_CHECK(context.serve != nullptr, "the executable gives Context::serve");
    return context.serve(context, options);
  };
  return command;
}

}  // namespace sluice::cli
