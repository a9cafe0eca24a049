// A client that says exactly the bytes it is told to, over a blocking socket.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sluice::api::http_test {

class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    REQUIRE(fd_ >= 0);
    if (receive_buffer > 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~RawSocket() { close(); }
  RawSocket(RawSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), rest_(std::move(other.rest_)) {}
  RawSocket& operator=(RawSocket&&) = delete;

  // False: the other side no longer takes it.
  bool say(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void stop_sending() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  // The next response, its body by Content-Length. "" when the connection is over.
  std::string response(bool with_body = true) {
    std::size_t end = 0;
    while ((end = rest_.find("\r\n\r\n")) == std::string::npos)
      if (!hear()) return {};
    std::size_t size = end + 4;
    const auto length = rest_.find("Content-Length: ");
    if (with_body && length < end) size += std::stoul(rest_.substr(length + 16));
    while (rest_.size() < size)
      if (!hear()) return {};
    std::string whole = rest_.substr(0, size);
    rest_.erase(0, size);
    return whole;
  }
  // Everything until the other side closes.
  std::string until_closed() {
    while (hear()) {
    }
    return std::exchange(rest_, {});
  }
  // Has the other side closed (in order or by reset)? Waits for it.
  bool closed() {
    while (hear()) {
    }
    return true;
  }

 private:
  bool hear() {
    char bytes[16384];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) FAIL("nothing came for a minute");
    if (n <= 0) return false;
    rest_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  std::string rest_;
};

inline std::string get_request(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}
inline std::string post_request(std::string_view path, std::string_view body,
                                std::string_view more = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more) + "\r\n" + std::string(body);
}
inline int status_of(const std::string& response) {
  return response.size() > 12 ? std::stoi(response.substr(9, 3)) : 0;
}

}  // namespace sluice::api::http_test
