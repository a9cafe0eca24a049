// Base64 and URLs.
#include <fmt/format.h>

#include <algorithm>

#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

using std::string_view;

constexpr string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
// What encodeURIComponent leaves as it is, and what encodeURI does beyond that.
constexpr string_view unreserved =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()";
constexpr string_view reserved = ";/?:@&=+$,#";

// Characters are bytes here, and those above U+00FF lose what does not fit.
Value base64encode(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  evaluator.spend_text(text.size());
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    if (code >= 0x10000) {
      // Both halves of the pair.
      bytes += static_cast<char>(0xD800 + ((code - 0x10000) >> 10));
      bytes += static_cast<char>(0xDC00 + ((code - 0x10000) & 0x3FF));
    } else {
      bytes += static_cast<char>(code);
    }
  }
  TextBuilder out(evaluator.heap().arena);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      out.append(i <= count ? base64_digits[group >> (18 - 6 * i) & 63] : '=');
  }
  return Value(out.finish());
}

Value base64decode(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  evaluator.spend_text(call[0].as_string().size());
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : call[0].as_string()) {
    if (c == '=') break;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
    const std::size_t digit = base64_digits.find(c);
    if (digit == base64_digits.npos) continue;
    bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xFFFFFF;
    if ((count += 6) < 8) continue;
    count -= 8;
    append_utf8(out, bits >> count & 0xFF);
  }
  return evaluator.heap().text(out);
}

Value encode(Evaluator& evaluator, const Call& call, string_view kept, string_view name) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  evaluator.spend_text(text.size() * 2);
  if (has_surrogate(text))
    fail("D3140", {.token = std::string(name), .value = evaluator.excerpt(call[0])});
  TextBuilder out(evaluator.heap().arena);
  for (const char c : text) {
    if (unreserved.find(c) != unreserved.npos || kept.find(c) != kept.npos)
      out.append(c);
    else
      out.append(fmt::format("%{:02X}", static_cast<unsigned char>(c)));
  }
  return Value(out.finish());
}

bool is_utf8(string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t code = next_code_point(text, at);
    std::string again;
    append_utf8(again, code);
    if (is_surrogate(code) || code > 0x10FFFF || again != text.substr(start, at - start))
      return false;
  }
  return true;
}

Value decode(Evaluator& evaluator, const Call& call, string_view kept, string_view name) {
  if (call[0].is_undefined()) return {};
  const string_view text = call[0].as_string();
  evaluator.spend_text(text.size());
  const auto digit = [&](std::size_t at) {
    const string_view digits = "0123456789abcdef0123456789ABCDEF";
    const std::size_t found = at < text.size() ? digits.find(text[at]) : digits.npos;
    if (found == digits.npos)
      fail("D3140", {.token = std::string(name), .value = evaluator.excerpt(call[0])});
    return found % 16;
  };
  std::string out;
  // What is decoded must be whole characters by itself.
  std::string decoded;
  const auto flush = [&] {
    if (!is_utf8(decoded))
      fail("D3140", {.token = std::string(name), .value = evaluator.excerpt(call[0])});
    out += decoded;
    decoded.clear();
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      flush();
      out += text[at];
      continue;
    }
    const char c = static_cast<char>(digit(at + 1) * 16 + digit(at + 2));
    if (c >= 0 && kept.find(c) != kept.npos) {
      flush();
      out += text.substr(at, 3);
    } else {
      decoded += c;
    }
    at += 2;
  }
  flush();
  return evaluator.heap().text(out);
}

Value encode_url_component(Evaluator& evaluator, const Call& call) {
  return encode(evaluator, call, "", "encodeUrlComponent");
}
Value encode_url(Evaluator& evaluator, const Call& call) {
  return encode(evaluator, call, reserved, "encodeUrl");
}
Value decode_url_component(Evaluator& evaluator, const Call& call) {
  return decode(evaluator, call, "", "decodeUrlComponent");
}
Value decode_url(Evaluator& evaluator, const Call& call) {
  return decode(evaluator, call, reserved, "decodeUrl");
}

constexpr Builtin functions[] = {
    {"base64encode", "<s-:s>", 1, base64encode},
    {"base64decode", "<s-:s>", 1, base64decode},
    {"encodeUrlComponent", "<s-:s>", 1, encode_url_component},
    {"encodeUrl", "<s-:s>", 1, encode_url},
    {"decodeUrlComponent", "<s-:s>", 1, decode_url_component},
    {"decodeUrl", "<s-:s>", 1, decode_url},
};

}  // namespace

std::span<const Builtin> encoding_functions() { return functions; }

}  // namespace sluice::workflows::jsonata
