#include "base/ids.h"

namespace sluice {
namespace {

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::int64_t epoch_2020_ms = 1'577'836'800'000;
constexpr int counter_bits = 21;

int digit(char c) {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto at = alphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string to_base32(std::int64_t id) {
  std::string text(13, '0');
  auto rest = static_cast<std::uint64_t>(id);
  for (std::size_t i = text.size(); i-- > 0; rest >>= 5) text[i] = alphabet[rest & 31U];
  return text;
}

std::optional<std::int64_t> parse_base32(std::string_view text) {
  if (text.size() != 13) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int d = digit(text[i]);
    if (d < 0 || (i == 0 && d > 7)) return std::nullopt;  // 63 bits: the first digit has three.
    value = value << 5 | static_cast<std::uint64_t>(d);
  }
  return static_cast<std::int64_t>(value);
}

std::int64_t IdSource::next(WallTime now) {
  const std::int64_t from_clock = (now.us / 1000 - epoch_2020_ms) << counter_bits;
  last_ = from_clock > last_ ? from_clock : last_ + 1;
  return last_;
}

}  // namespace sluice
