#include "outbound/address.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netdb.h>

#include <array>
#include <cstring>
#include <memory>

namespace sluice::outbound {
namespace {

constexpr std::size_t addresses_max = 16;

struct Block {
  std::uint32_t base;
  int bits;
};
constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  return a << 24 | b << 16 | c << 8;
}
// RFC 6890 and its successors.
constexpr std::array<Block, 15> not_public = {{{v4(0, 0, 0), 8},
                                               {v4(10, 0, 0), 8},
                                               {v4(100, 64, 0), 10},
                                               {v4(127, 0, 0), 8},
                                               {v4(169, 254, 0), 16},
                                               {v4(172, 16, 0), 12},
                                               {v4(192, 0, 0), 24},
                                               {v4(192, 0, 2), 24},
                                               {v4(192, 88, 99), 24},
                                               {v4(192, 168, 0), 16},
                                               {v4(198, 18, 0), 15},
                                               {v4(198, 51, 100), 24},
                                               {v4(203, 0, 113), 24},
                                               {v4(224, 0, 0), 4},
                                               {v4(240, 0, 0), 4}}};

bool is_public_v4(std::uint32_t address) {
  for (const Block& block : not_public)
    if ((address ^ block.base) >> (32 - block.bits) == 0) return false;
  return true;
}

std::uint32_t word(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool is_public_v6(const std::array<unsigned char, 16>& b) {
  constexpr std::array<unsigned char, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::equal(mapped.begin(), mapped.end(), b.begin())) return is_public_v4(word(&b[12]));
  if ((b[0] & 0xE0U) != 0x20) return false;                   // only 2000::/3 is given out
  if (word(b.data()) >> 9 == 0x20010000U >> 9) return false;  // 2001::/23: Teredo and others
  if (word(b.data()) == 0x20010DB8U) return false;            // documentation
  if (b[0] == 0x20 && b[1] == 0x02) return is_public_v4(word(&b[2]));  // 6to4
  if (b[0] == 0x3F && b[1] == 0xFF && b[2] < 0x10) return false;       // documentation
  return true;
}

}  // namespace

bool is_public(std::string_view address) {
  const std::string text(address);
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return is_public_v4(ntohl(four.s_addr));
  std::array<unsigned char, 16> six{};
  return ::inet_pton(AF_INET6, text.c_str(), six.data()) == 1 && is_public_v6(six);
}

Result<std::vector<std::string>> resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  if (error != 0)
    return make_error(Errc::unavailable,
                      fmt::format("the host \"{}\" is not found: {}", host, ::gai_strerror(error)));
  std::vector<std::string> addresses;
  for (const addrinfo* each = list.get(); each != nullptr && addresses.size() < addresses_max;
       each = each->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0)
      addresses.emplace_back(text.data());
  }
  if (addresses.empty())
    return make_error(Errc::unavailable, fmt::format("the host \"{}\" has no address", host));
  return addresses;
}

}  // namespace sluice::outbound
