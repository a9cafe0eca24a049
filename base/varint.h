// Compact numbers and strings in a byte string: what our own blobs are made of.
//
// A number is written seven bits a byte, low bits first, the top bit set on all but the last; a
// string is its length and its bytes. Negative numbers, such as a time before 1970, take ten bytes.
// A Reader that runs out of bytes reads zeros and says so in ok().
//
// Threads: not thread-safe, caller serialises.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}
  void number(std::int64_t value) {
    auto rest = static_cast<std::uint64_t>(value);
    if (rest < 0x80) {
      out_.push_back(static_cast<char>(rest));
      return;
    }
    char bytes[10];
    std::size_t size = 0;
    for (; rest >= 0x80; rest >>= 7) bytes[size++] = static_cast<char>(rest | 0x80);
    bytes[size++] = static_cast<char>(rest);
    out_.append(bytes, size);
  }
  void text(std::string_view value) {
    number(static_cast<std::int64_t>(value.size()));
    out_.append(value);
  }

 private:
  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}
  std::int64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) {
        ok_ = false;
        return 0;
      }
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return static_cast<std::int64_t>(value);
    }
    ok_ = false;
    return 0;
  }
  std::string_view text() {
    const auto size = static_cast<std::uint64_t>(number());
    if (size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const auto value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  bool done() const { return rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace sluice
