#include "workflows/jsonata/text.h"

#include <fmt/format.h>
#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "workflows/jsonata/arena.h"

namespace sluice::workflows::jsonata {

std::u32string code_points(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) out += next_code_point(text, at);
  return out;
}

std::string to_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t code : text) append_utf8(out, code);
  return out;
}

bool is_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t eight = 0;
    if (at + sizeof eight <= text.size()) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    if (lead < 0xC2 || lead > 0xF4) return false;
    const std::size_t size = lead < 0xE0 ? 2u : lead < 0xF0 ? 3u : 4u;
    if (at + size > text.size()) return false;
    for (std::size_t i = 1; i < size; ++i)
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return false;
    const char32_t code = next_code_point(text, at);
    if (is_surrogate(code) || code > 0x10FFFF || (size == 3 && code < 0x800) ||
        (size == 4 && code < 0x10000))
      return false;
  }
  return true;
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::size_t offset_of(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  while (at < text.size() && count > 0) {
    ++at;
    while (at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
    --count;
  }
  return at;
}

std::size_t count_units(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text)
    units += (c & 0xC0) == 0x80 ? 0u : static_cast<unsigned char>(c) >= 0xF0 ? 2u : 1u;
  return units;
}

int compare(std::string_view a, std::string_view b) {
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (left == a.end() || right == b.end()) return left == a.end() ? (right == b.end() ? 0 : -1) : 1;
  // Above the surrogates, UTF-16 puts U+E000 to U+FFFF behind what needs a pair.
  const auto rank = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0xEE || byte == 0xEF ? byte + 0x10 : int{byte};
  };
  return rank(*left) < rank(*right) ? -1 : 1;
}

bool has_surrogate(std::string_view text) {
  for (std::size_t at = text.find('\xED'); at != text.npos; at = text.find('\xED', at + 1))
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) return true;
  return false;
}

std::string without_surrogates(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    append_utf8(out, is_surrogate(code) ? 0xFFFD : code);
  }
  return out;
}

namespace {

// glibc has this locale inside; it does not depend on what is installed.
locale_t unicode() {
  static const locale_t made = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  SLUICE_CHECK(made != nullptr, "the locale C.UTF-8 is missing");
  return made;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; });
}

}  // namespace

std::string to_upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  if (is_ascii(text)) {
    for (const char c : text) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return out;
  }
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    // The letters whose capitals are more than one.
    if (code == 0xDF)
      out += "SS";
    else if (code == 0x149)
      out += "\xCA\xBCN";
    else if (code >= 0xFB00 && code <= 0xFB06)
      out += std::string_view("FF\0FI\0FL\0FFIFFLST\0ST\0", 21)
                 .substr((code - 0xFB00) * 3, code == 0xFB03 || code == 0xFB04 ? 3 : 2);
    else
      append_utf8(out, towupper_l(static_cast<wint_t>(code), unicode()));
  }
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  if (is_ascii(text)) {
    for (const char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return out;
  }
  bool after_letter = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    if (code == 0x130) {
      out += "i\xCC\x87";
    } else if (code == 0x3A3) {
      // Sigma is written differently at the end of a word.
      std::size_t behind = at;
      const bool letter_follows =
          at < text.size() &&
          iswalpha_l(static_cast<wint_t>(next_code_point(text, behind)), unicode());
      append_utf8(out, after_letter && !letter_follows ? 0x3C2 : 0x3C3);
    } else {
      append_utf8(out, towlower_l(static_cast<wint_t>(code), unicode()));
    }
    after_letter = iswalpha_l(static_cast<wint_t>(code), unicode()) != 0;
  }
  return out;
}

template <class Out>
void append_json_string(Out& out, std::string_view text) {
  const auto escape = [](char32_t code) {
    return fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code));
  };
  const bool odd = has_surrogate(text);
  out.append(std::string_view("\""));
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    std::string written;
    std::size_t behind = at + 1;
    if (byte == '"' || byte == '\\') {
      written = {'\\', static_cast<char>(byte)};
    } else if (byte < 0x20) {
      const std::string_view named = "\b\f\n\r\t";
      const auto found = named.find(static_cast<char>(byte));
      written = found == named.npos ? escape(byte) : std::string{'\\', "bfnrt"[found]};
    } else if (odd && byte == 0xED) {
      const char32_t code = next_code_point(text, behind = at);
      if (is_surrogate(code)) written = escape(code);
    }
    if (!written.empty()) {
      out.append(text.substr(copied, at - copied));
      out.append(std::string_view(written));
      copied = behind;
    }
    at = behind;
  }
  out.append(text.substr(copied));
  out.append(std::string_view("\""));
}
template void append_json_string(std::string& out, std::string_view text);
template void append_json_string(TextBuilder& out, std::string_view text);

}  // namespace sluice::workflows::jsonata
