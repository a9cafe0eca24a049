#include "bench/server.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace sluice::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

std::string call(std::uint16_t port, http::verb verb, const std::string& target, std::string body) {
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::address_v4::loopback(), port});
  http::request<http::string_body> request(verb, target, 11);
  request.set(http::field::host, "127.0.0.1");
  request.set(http::field::content_type, "application/json");
  request.keep_alive(false);
  request.body() = std::move(body);
  request.prepare_payload();
  http::write(socket, request);
  boost::beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::read(socket, buffer, response);
  if (response.result_int() >= 300)
    throw std::runtime_error(
        fmt::format("{}: {} {}", target, response.result_int(), response.body()));
  return response.body();
}

std::string definition(const Limits& limits) {
  std::string text =
      fmt::format(R"({{"StartAt":"{}",{}"States":{{)", stages[0],
                  limits.queues.empty() ? "" : fmt::format(R"("Queues":{},)", limits.queues));
  for (std::size_t n = 0; n < stage_count; ++n)
    text += fmt::format(R"({}"{}":{{"Type":"Task","Resource":"queue:{}"{},{}}})", n > 0 ? "," : "",
                        stages[n], stages[n], stages[n] == "pay" ? limits.state : "",
                        n + 1 < stage_count ? fmt::format(R"("Next":"{}")", stages[n + 1])
                                            : std::string(R"("End":true)"));
  return text + "}}";
}

// The first line that the server prints holds its address; by then it answers.
std::uint16_t read_port(int descriptor) {
  std::string said;
  char chunk[512];
  while (said.find('\n') == std::string::npos) {
    const auto got = ::read(descriptor, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    said.append(chunk, static_cast<std::size_t>(got));
  }
  const auto at = said.find("http://127.0.0.1:");
  std::uint16_t port = 0;
  if (at != std::string::npos) {
    const char* first = said.data() + at + std::strlen("http://127.0.0.1:");
    std::from_chars(first, said.data() + said.size(), port);
  }
  if (port == 0)
    throw std::runtime_error(fmt::format("expected the server's address, found \"{}\"", said));
  return port;
}

}  // namespace

Server::Server(const std::string& program, const std::string& directory, const Limits& limits)
    : Running(0, -1), directory_(directory) {
  std::filesystem::remove_all(directory_);
  std::filesystem::create_directories(directory_);
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("cannot make a pipe");
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nothing is left behind when the bench is killed
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execl(program.c_str(), program.c_str(), "serve", "--data", directory_.c_str(), "--listen",
            "127.0.0.1:0", "--log-level", "error", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(ends[1]);
  try {
    port_ = read_port(ends[0]);
    deploy(limits);
  } catch (const std::exception& error) {
    ::close(ends[0]);
    end();
    throw std::runtime_error(fmt::format("starting {} serve: {}", program, error.what()));
  }
  ::close(ends[0]);
}

Server::~Server() { end(); }

void Server::end() {
  if (process_ > 0) {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }
  process_ = -1;
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

bool Running::ready() const {
  try {
    call(port_, http::verb::get, "/readyz", "");
    return true;
  } catch (const std::exception&) {
    return false;  // nobody listens yet, or it says that it is not ready
  }
}

void Running::deploy(const Limits& limits) const {
  call(port_, http::verb::put, fmt::format("/v1/workflows/{}", workflow_name), definition(limits));
}

std::map<std::string, double> Running::metrics() const {
  const std::string text = call(port_, http::verb::get, "/metrics", "");
  std::map<std::string, double> values;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const auto space = line.find(' ');
    if (line.starts_with('#') || line.find('{') != std::string::npos || space == std::string::npos)
      continue;
    values[line.substr(0, space)] = std::strtod(line.c_str() + space, nullptr);
  }
  return values;
}

}  // namespace sluice::bench
