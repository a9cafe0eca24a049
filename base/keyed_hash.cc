#include "base/keyed_hash.h"

#include <bit>
#include <cstring>
#include <string>

#include "base/random.h"

namespace sluice {
namespace {

struct Key {
  std::uint64_t low = 0, high = 0;
};

Key draw_key() {
  const std::string secret = random_secret(sizeof(Key));
  Key key;
  std::memcpy(&key.low, secret.data(), 8);
  std::memcpy(&key.high, secret.data() + 8, 8);
  return key;
}

struct State {
  std::uint64_t a, b, c, d;
  void round() {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
  void take(std::uint64_t word) {
    d ^= word;
    round();
    a ^= word;
  }
};

}  // namespace

std::uint64_t keyed_hash(std::string_view text) {
  static const Key key = draw_key();
  State s{key.low ^ 0x736f6d6570736575ULL, key.high ^ 0x646f72616e646f6dULL,
          key.low ^ 0x6c7967656e657261ULL, key.high ^ 0x7465646279746573ULL};
  const char* at = text.data();
  std::size_t rest = text.size();
  for (; rest >= 8; at += 8, rest -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    s.take(word);
  }
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  for (std::size_t i = 0; i < rest; ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  s.take(last);
  s.c ^= 0xff;
  for (int i = 0; i < 3; ++i) s.round();
  return s.a ^ s.b ^ s.c ^ s.d;
}

}  // namespace sluice
