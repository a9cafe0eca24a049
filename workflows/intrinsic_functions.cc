// The functions themselves: pure, given their arguments' values.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <cmath>
#include <unordered_set>

#include "workflows/intrinsic.h"
#include "workflows/json_compare.h"

namespace sluice::workflows {
namespace {

constexpr std::size_t text_characters_max = 10'000;  // of Base64 and Hash
constexpr std::int64_t range_items_max = 1'000;

using Outcome = std::variant<Json, std::string>;

Outcome wrong_type(std::size_t argument, const char* expected, const Json& found) {
  return fmt::format("argument {} must be {}, but was {} of type {}", argument + 1, expected,
                     excerpt(found, 200), type_name(found));
}

// A whole number in the range of 64 bits. The service rounds halves up, also below zero.
std::optional<std::int64_t> whole(const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double rounded = std::floor(value.get<double>() + 0.5);
  if (!(rounded >= -9.2e18 && rounded <= 9.2e18)) return std::nullopt;
  return static_cast<std::int64_t>(rounded);
}

bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      code = code << 6 | (next & 0x3Fu);
    }
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    if ((length == 3 && (code < 0x800 || surrogate)) ||
        (length == 4 && (code < 0x10000 || code > 0x10FFFF)))
      return false;
    i += length;
  }
  return true;
}

// How the service prints values: objects and arrays in Java's manner, {a=1, b=[x, y]}.
void print(const Json& value, std::string& out, Work& work) {
  if (!work.spend()) return;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (work.spend(static_cast<std::int64_t>(text.size() / 64))) out += text;
  } else if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.items()) {
      if (!std::exchange(first, false)) out += ", ";
      out += key;
      out += '=';
      print(member, out, work);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    bool first = true;
    for (const Json& element : value) {
      if (!std::exchange(first, false)) out += ", ";
      print(element, out, work);
    }
    out += ']';
  } else {
    out += to_text(value);
  }
}

Outcome format(CallValues& call) {
  const Json& first = call.values[0];
  if (!first.is_string()) return wrong_type(0, "a string", first);
  const std::string& pattern =
      call.first_text ? call.first_text->written : first.get_ref<const std::string&>();
  std::string out;
  std::size_t next = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char escaped = pattern[++i];
      if (call.first_text && (escaped == 'n' || escaped == 't' || escaped == 'r'))
        out += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : '\r';
      else if (call.first_text || escaped == '{' || escaped == '}' || escaped == '\\')
        out += escaped;
      else
        out += {c, escaped};
    } else if (c == '{' && i + 1 < pattern.size() && pattern[i + 1] == '}') {
      if (next == call.values.size())
        return fmt::format("the template has more placeholders than the {} given values",
                           call.values.size() - 1);
      print(call.values[next++], out, call.work);
      ++i;
      if (call.work.exhausted()) return Json();
    } else {
      out += c;
    }
  }
  if (next != call.values.size())
    return fmt::format("the template has {} placeholders, but {} values are given", next - 1,
                       call.values.size() - 1);
  return Json(std::move(out));
}

Outcome string_to_json(CallValues& call) {
  if (!call.values[0].is_string()) return wrong_type(0, "a string", call.values[0]);
  const auto& text = call.values[0].get_ref<const std::string&>();
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return Json();
  auto parsed = parse_json(text, {.depth_max = 200, .refuse_duplicate_keys = false});
  if (!parsed) return fmt::format("the string is not JSON: {}", parsed.error().detail);
  if (!call.work.spend_copy(*parsed)) return Json();
  if (parsed->is_number() && parsed->get<double>() == 0 &&
      text.find_first_of(".eE") == std::string::npos)
    return Json(0);
  return *std::move(parsed);
}

Outcome json_to_string(CallValues& call) { return Json(to_text(call.values[0])); }

Outcome array(CallValues& call) {
  Json out = Json::array();
  for (Json& value : call.values) out.push_back(std::move(value));
  return out;
}

Outcome array_partition(CallValues& call) {
  Json& list = call.values[0];
  if (!list.is_array()) return wrong_type(0, "an array", list);
  const auto size = whole(call.values[1]);
  if (!size || *size < 1) return wrong_type(1, "a positive whole number", call.values[1]);
  Json out = Json::array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i % static_cast<std::size_t>(*size) == 0) out.push_back(Json::array());
    out.back().push_back(std::move(list[i]));
  }
  return out;
}

Outcome array_contains(CallValues& call) {
  const Json& list = call.values[0];
  if (!list.is_array()) return wrong_type(0, "an array", list);
  return Json(std::any_of(list.begin(), list.end(), [&](const Json& element) {
    return equal_json(element, call.values[1]);
  }));
}

Outcome array_range(CallValues& call) {
  std::int64_t numbers[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const auto number = whole(call.values[i]);
    if (!number || std::abs(static_cast<double>(*number)) > 4e18)
      return wrong_type(i, "a whole number", call.values[i]);
    numbers[i] = *number;
  }
  const auto [from, to, step] = numbers;
  if (step == 0) return std::string("argument 3, the step, must not be 0");
  Json out = Json::array();
  // The distance, not the value, is counted: `from + n * step` could leave the range of 64 bits.
  if ((step > 0) == (from <= to) || from == to) {
    const std::uint64_t distance =
        from <= to ? static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from)
                   : static_cast<std::uint64_t>(from) - static_cast<std::uint64_t>(to);
    const std::uint64_t stride = static_cast<std::uint64_t>(step > 0 ? step : -step);
    const std::uint64_t items = distance / stride + 1;
    if (items > static_cast<std::uint64_t>(range_items_max))
      return fmt::format("the range has {} items, more than {}", items, range_items_max);
    for (std::uint64_t i = 0; i < items; ++i)
      out.push_back(from + static_cast<std::int64_t>(i) * step);
  }
  return out;
}

Outcome array_get_item(CallValues& call) {
  Json& list = call.values[0];
  if (!list.is_array()) return wrong_type(0, "an array", list);
  const auto index = whole(call.values[1]);
  if (!index) return wrong_type(1, "a whole number", call.values[1]);
  if (*index < 0 || std::cmp_greater_equal(*index, list.size()))
    return fmt::format("index {} is out of bounds of an array of {} items", *index, list.size());
  return std::move(list[static_cast<std::size_t>(*index)]);
}

Outcome array_length(CallValues& call) {
  if (!call.values[0].is_array()) return wrong_type(0, "an array", call.values[0]);
  return Json(call.values[0].size());
}

// Equal values have equal text: members sorted, and 1.0 written as 1.
std::string identity(const Json& value) {
  if (value.is_object()) {
    std::vector<std::string> members;
    for (const auto& [key, member] : value.items())
      members.push_back(to_text(Json(key)) + ":" + identity(member));
    std::sort(members.begin(), members.end());
    std::string out = "{";
    for (const auto& member : members) out += member + ",";
    return out + "}";
  }
  if (value.is_array()) {
    std::string out = "[";
    for (const Json& element : value) out += identity(element) + ",";
    return out + "]";
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number == std::floor(number) && std::fabs(number) < 9e15)
      return std::to_string(static_cast<std::int64_t>(number));
  }
  return to_text(value);
}

Outcome array_unique(CallValues& call) {
  if (!call.values[0].is_array()) return wrong_type(0, "an array", call.values[0]);
  std::unordered_set<std::string> seen;
  Json out = Json::array();
  for (Json& element : call.values[0])
    if (seen.insert(identity(element)).second) out.push_back(std::move(element));
  return out;
}

// The text of a Base64 or Hash argument, or what is wrong with it.
std::variant<const std::string*, std::string> bounded_text(const CallValues& call) {
  const Json& value = call.values[0];
  if (!value.is_string()) return std::get<std::string>(wrong_type(0, "a string", value));
  const auto& text = value.get_ref<const std::string&>();
  const auto characters =
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  if (std::cmp_greater(characters, text_characters_max))
    return fmt::format("argument 1 has {} characters, more than {}", characters,
                       text_characters_max);
  return &text;
}

Outcome base64_encode(CallValues& call) {
  const auto text = bounded_text(call);
  if (const auto* why = std::get_if<std::string>(&text)) return *why;
  const std::string& in = *std::get<0>(text);
  std::string out(4 * ((in.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(in.data()),
                                     static_cast<int>(in.size()));
  out.resize(static_cast<std::size_t>(length));
  return Json(std::move(out));
}

Outcome base64_decode(CallValues& call) {
  const auto text = bounded_text(call);
  if (const auto* why = std::get_if<std::string>(&text)) return *why;
  const std::string& in = *std::get<0>(text);
  const std::string invalid = "argument 1 is not Base64";
  // OpenSSL overlooks padding in odd places and white space around the text, so these are looked at
  // here.
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t data = std::min(in.find('='), in.size());
  const std::size_t padding = in.size() - data;
  if (in.find_first_not_of('=', data) != std::string::npos || padding > 2) return invalid;
  if (in.substr(0, data).find_first_not_of(alphabet) != std::string::npos) return invalid;
  if (data % 4 == 1 || (padding != 0 && in.size() % 4 != 0)) return invalid;
  std::string padded = in.substr(0, data);
  const std::size_t missing = (4 - data % 4) % 4;
  padded.append(missing, '=');
  std::string out(padded.size() / 4 * 3 + 1, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(padded.data()),
                                     static_cast<int>(padded.size()));
  if (length < 0) return invalid;
  out.resize(static_cast<std::size_t>(length) - missing);
  if (!valid_utf8(out))
    return std::string("argument 1 does not decode to UTF-8 text, which JSON needs");
  return Json(std::move(out));
}

Outcome hash(CallValues& call) {
  std::string data;
  if (call.values[0].is_string()) {
    const auto text = bounded_text(call);
    if (const auto* why = std::get_if<std::string>(&text)) return *why;
    data = *std::get<0>(text);
  } else {
    data = to_text(call.values[0]);
    if (data.size() > text_characters_max)
      return fmt::format("argument 1 has {} characters, more than {}", data.size(),
                         text_characters_max);
  }
  const Json& name = call.values[1];
  const EVP_MD* digest = nullptr;
  if (name == "MD5") digest = EVP_md5();
  if (name == "SHA-1") digest = EVP_sha1();
  if (name == "SHA-256") digest = EVP_sha256();
  if (name == "SHA-384") digest = EVP_sha384();
  if (name == "SHA-512") digest = EVP_sha512();
  if (digest == nullptr) return wrong_type(1, "MD5, SHA-1, SHA-256, SHA-384 or SHA-512", name);
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  SLUICE_CHECK(EVP_Digest(data.data(), data.size(), bytes, &length, digest, nullptr) == 1,
               "a digest");
  std::string out;
  for (unsigned int i = 0; i < length; ++i) out += fmt::format("{:02x}", bytes[i]);
  return Json(std::move(out));
}

Outcome json_merge(CallValues& call) {
  for (const std::size_t i : {0u, 1u})
    if (!call.values[i].is_object()) return wrong_type(i, "an object", call.values[i]);
  if (call.values[2] != false)
    return std::string("argument 3 must be false: only shallow merging is supported");
  Json merged = std::move(call.values[0]);
  for (auto& [key, value] : call.values[1].items()) merged[key] = std::move(value);
  return merged;
}

Outcome math_random(CallValues& call) {
  const auto from = whole(call.values[0]), to = whole(call.values[1]);
  if (!from) return wrong_type(0, "a whole number", call.values[0]);
  if (!to) return wrong_type(1, "a whole number", call.values[1]);
  if (*from >= *to) return fmt::format("the end {} must be larger than the start {}", *to, *from);
  const std::uint64_t width = static_cast<std::uint64_t>(*to) - static_cast<std::uint64_t>(*from);
  std::uint64_t offset = 0;
  if (call.values.size() == 3) {
    const auto seed = whole(call.values[2]);
    if (!seed) return wrong_type(2, "a whole number", call.values[2]);
    offset = Random(static_cast<std::uint64_t>(*seed)).below(width);
  } else {
    offset = call.chance.below(width);
  }
  return Json(static_cast<std::int64_t>(static_cast<std::uint64_t>(*from) + offset));
}

Outcome math_add(CallValues& call) {
  const auto left = whole(call.values[0]), right = whole(call.values[1]);
  if (!left) return wrong_type(0, "a number", call.values[0]);
  if (!right) return wrong_type(1, "a number", call.values[1]);
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*left, *right, &sum))
    return std::string("the sum leaves the range of 64 bits");
  return Json(sum);
}

Outcome string_split(CallValues& call) {
  for (const std::size_t i : {0u, 1u})
    if (!call.values[i].is_string()) return wrong_type(i, "a string", call.values[i]);
  const auto& text = call.values[0].get_ref<const std::string&>();
  const auto& separators = call.values[1].get_ref<const std::string&>();
  const auto character_at = [](const std::string& in, std::size_t at) {
    std::size_t end = at + 1;
    while (end < in.size() && (in[end] & 0xC0) == 0x80) ++end;
    return std::string_view(in).substr(at, end - at);
  };
  std::unordered_set<std::string_view> ends;
  for (std::size_t i = 0; i < separators.size(); i += character_at(separators, i).size())
    ends.insert(character_at(separators, i));
  Json out = Json::array();
  std::string token;
  const auto finish = [&] {
    if (!token.empty() && call.work.spend()) out.push_back(std::exchange(token, {}));
  };
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view character = character_at(text, i);
    if (ends.contains(character))
      finish();
    else
      token += character;
    i += character.size();
  }
  finish();
  return out;
}

Outcome uuid(CallValues& call) {
  const std::uint64_t high = (call.chance.next() & 0xFFFFFFFFFFFF0FFFULL) | 0x4000;
  const std::uint64_t low = (call.chance.next() & 0x3FFFFFFFFFFFFFFFULL) | 0x8000000000000000ULL;
  return Json(fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF,
                          high & 0xFFFF, low >> 48, low & 0xFFFFFFFFFFFFULL));
}

constexpr std::size_t any_number = 100'000;
constexpr IntrinsicFunction functions[] = {
    {"Format", 1, any_number, format},
    {"StringToJson", 1, 1, string_to_json},
    {"JsonToString", 1, 1, json_to_string},
    {"Array", 0, any_number, array},
    {"ArrayPartition", 2, 2, array_partition},
    {"ArrayContains", 2, 2, array_contains},
    {"ArrayRange", 3, 3, array_range},
    {"ArrayGetItem", 2, 2, array_get_item},
    {"ArrayLength", 1, 1, array_length},
    {"ArrayUnique", 1, 1, array_unique},
    {"Base64Encode", 1, 1, base64_encode},
    {"Base64Decode", 1, 1, base64_decode},
    {"Hash", 2, 2, hash},
    {"JsonMerge", 3, 3, json_merge},
    {"MathRandom", 2, 3, math_random},
    {"MathAdd", 2, 2, math_add},
    {"StringSplit", 2, 2, string_split},
    {"UUID", 0, 0, uuid},
};

}  // namespace

const IntrinsicFunction* find_intrinsic(std::string_view name) {
  for (const IntrinsicFunction& function : functions)
    if (function.name == name) return &function;
  return nullptr;
}

}  // namespace sluice::workflows
