// Numbers by decimal picture: "#,##0.00;(#,##0.00)", "00.000e0", "0%".
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workflows/jsonata/failure.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/pictures.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

using Text = std::u32string;

// The symbols that are one character, and what the digits are.
struct Symbols {
  char32_t decimal, grouping, exponent, zero, digit, pattern;
  Text minus, percent, per_mille;

  bool is_digit(char32_t c) const { return c >= zero && c < zero + 10; }
  bool is_active(char32_t c) const {
    return is_digit(c) || c == decimal || c == exponent || c == grouping || c == digit ||
           c == pattern;
  }
  std::size_t count_digits(const Text& text, bool optional_too) const {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [&](char32_t c) {
      return is_digit(c) || (optional_too && c == digit);
    }));
  }
};

struct Picture {
  Text whole, prefix, suffix, active, mantissa, integer, fraction;
  bool has_exponent = false;
  Text exponent;
};

Picture split(const Text& whole, const Symbols& symbols) {
  Picture picture;
  picture.whole = whole;
  const auto bound = [&](char32_t c) { return symbols.is_active(c) && c != symbols.exponent; };
  const auto first = std::find_if(whole.begin(), whole.end(), bound);
  const auto last = std::find_if(whole.rbegin(), whole.rend(), bound);
  if (first != whole.end()) {
    picture.prefix.assign(whole.begin(), first);
    picture.suffix.assign(last.base(), whole.end());
    picture.active.assign(first, last.base());
  } else {
    picture.active = whole;
  }
  picture.mantissa = picture.active;
  // An exponent's sign right behind the active part counts: what it announces is missing.
  const std::size_t at = whole.find(symbols.exponent, picture.prefix.size());
  if (at != Text::npos && at <= whole.size() - picture.suffix.size()) {
    const std::size_t size = at - picture.prefix.size();
    picture.has_exponent = true;
    picture.mantissa = picture.active.substr(0, size);
    if (size < picture.active.size()) picture.exponent = picture.active.substr(size + 1);
  }
  const std::size_t point = picture.mantissa.find(symbols.decimal);
  picture.integer = picture.mantissa.substr(0, point);
  if (point != Text::npos) picture.fraction = picture.mantissa.substr(point + 1);
  return picture;
}

void validate(const Picture& picture, const Symbols& symbols) {
  const Text& whole = picture.whole;
  const auto times = [&](const Text& symbol) {
    const std::size_t at = whole.find(symbol);
    return at == Text::npos ? 0 : at == whole.rfind(symbol) ? 1 : 2;
  };
  const auto has_digit = [&](const Text& text) { return symbols.count_digits(text, false) > 0; };
  // As in the reference, the last rule that is broken is the one that is named.
  std::string_view broken;
  const std::size_t point = whole.find(symbols.decimal);
  if (point != whole.rfind(symbols.decimal)) broken = "D3081";
  if (times(symbols.percent) > 1) broken = "D3082";
  if (times(symbols.per_mille) > 1) broken = "D3083";
  if (times(symbols.percent) > 0 && times(symbols.per_mille) > 0) broken = "D3084";
  if (symbols.count_digits(picture.mantissa, true) == 0) broken = "D3085";
  if (!std::all_of(picture.active.begin(), picture.active.end(),
                   [&](char32_t c) { return symbols.is_active(c); }))
    broken = "D3086";
  if (point != Text::npos) {
    if ((point > 0 && whole[point - 1] == symbols.grouping) ||
        (point + 1 < whole.size() && whole[point + 1] == symbols.grouping))
      broken = "D3087";
  } else if (!picture.integer.empty() && picture.integer.back() == symbols.grouping) {
    broken = "D3088";
  }
  if (whole.find(Text(2, symbols.grouping)) != Text::npos) broken = "D3089";
  if (const std::size_t at = picture.integer.find(symbols.digit);
      at != Text::npos && has_digit(picture.integer.substr(0, at)))
    broken = "D3090";
  if (const std::size_t at = picture.fraction.rfind(symbols.digit);
      at != Text::npos && has_digit(picture.fraction.substr(at)))
    broken = "D3091";
  if (picture.has_exponent) {
    if (!picture.exponent.empty() && times(symbols.percent) + times(symbols.per_mille) > 0)
      broken = "D3092";
    if (picture.exponent.empty() ||
        symbols.count_digits(picture.exponent, false) != picture.exponent.size())
      broken = "D3093";
  }
  if (!broken.empty()) fail(broken);
}

struct Layout {
  std::vector<std::size_t> integer_groups, fraction_groups;
  std::size_t regular_group = 0;
  std::size_t integer_min = 0, scaling = 0, fraction_min = 0, fraction_max = 0, exponent_min = 0;
};

Layout lay_out(const Picture& picture, const Symbols& symbols) {
  Layout layout;
  for (std::size_t i = 0; i < picture.integer.size(); ++i)
    if (picture.integer[i] == symbols.grouping)
      layout.integer_groups.push_back(symbols.count_digits(picture.integer.substr(i), true));
  for (std::size_t i = 0; i < picture.fraction.size(); ++i)
    if (picture.fraction[i] == symbols.grouping)
      layout.fraction_groups.push_back(symbols.count_digits(picture.fraction.substr(0, i), true));
  std::size_t factor = 0;
  for (const std::size_t group : layout.integer_groups) factor = std::gcd(factor, group);
  layout.regular_group = factor;
  for (std::size_t i = 1; i <= layout.integer_groups.size(); ++i)
    if (std::find(layout.integer_groups.begin(), layout.integer_groups.end(), i * factor) ==
        layout.integer_groups.end())
      layout.regular_group = 0;

  layout.integer_min = layout.scaling = symbols.count_digits(picture.integer, false);
  layout.fraction_min = symbols.count_digits(picture.fraction, false);
  layout.fraction_max = symbols.count_digits(picture.fraction, true);
  if (layout.integer_min == 0 && layout.fraction_max == 0) {
    if (picture.has_exponent)
      layout.fraction_min = layout.fraction_max = 1;
    else
      layout.integer_min = 1;
  }
  if (picture.has_exponent && layout.integer_min == 0 &&
      picture.integer.find(symbols.digit) != Text::npos)
    layout.integer_min = 1;
  if (layout.integer_min == 0 && layout.fraction_min == 0) layout.fraction_min = 1;
  if (picture.has_exponent) layout.exponent_min = symbols.count_digits(picture.exponent, false);
  return layout;
}

Text digits_of(double value, std::size_t places, const Symbols& symbols) {
  Text out = code_points(fixed_text(std::fabs(value), static_cast<int>(places)));
  for (char32_t& c : out)
    if (c >= U'0' && c <= U'9') c = c - U'0' + symbols.zero;
  return out;
}

}  // namespace

std::string format_number(double value, std::string_view picture_text, const NumberSymbols& given) {
  const auto one = [](const std::string& text) { return code_points(text).front(); };
  const Symbols symbols{
      one(given.decimal),       one(given.grouping),        one(given.exponent),
      one(given.zero),          one(given.digit),           one(given.pattern),
      code_points(given.minus), code_points(given.percent), code_points(given.per_mille)};
  std::vector<Picture> pictures;
  std::vector<Text> parts(1);
  for (const char32_t c : code_points(picture_text)) {
    if (c == symbols.pattern)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  if (parts.size() > 2) fail("D3080");
  for (const Text& part : parts) pictures.push_back(split(part, symbols));
  for (const Picture& each : pictures) validate(each, symbols);
  if (pictures.size() == 1) {
    pictures.push_back(pictures.front());
    pictures.back().prefix.insert(0, symbols.minus);
  }
  const Picture& picture = pictures[value >= 0 ? 0 : 1];
  const Layout layout = lay_out(picture, symbols);

  if (picture.whole.find(symbols.percent) != Text::npos)
    value *= 100;
  else if (picture.whole.find(symbols.per_mille) != Text::npos)
    value *= 1000;
  int exponent = 0;
  if (layout.exponent_min > 0 && value != 0) {
    const double most = std::pow(10, static_cast<double>(layout.scaling));
    const double least = std::pow(10, static_cast<double>(layout.scaling) - 1);
    while (std::fabs(value) < least) value *= 10, --exponent;
    while (std::fabs(value) > most && std::isfinite(value)) value /= 10, ++exponent;
  }
  const std::size_t places = std::min<std::size_t>(layout.fraction_max, 100);
  const Text digits = digits_of(round_to(value, static_cast<double>(places)), places, symbols);
  const std::size_t point = digits.find(U'.');
  Text integer = digits.substr(0, point);
  Text fraction = point == Text::npos ? Text() : digits.substr(point + 1);
  integer.erase(0, std::min(integer.find_first_not_of(symbols.zero), integer.size()));
  fraction.erase(fraction.find_last_not_of(symbols.zero) + 1);
  if (integer.size() < layout.integer_min)
    integer.insert(0, layout.integer_min - integer.size(), symbols.zero);
  if (fraction.size() < layout.fraction_min) fraction.resize(layout.fraction_min, symbols.zero);

  const std::size_t integer_size = integer.size();
  const auto group_integer = [&](std::size_t from_end) {
    if (from_end < integer_size) integer.insert(integer_size - from_end, 1, symbols.grouping);
  };
  if (layout.regular_group > 0) {
    for (std::size_t at = layout.regular_group; at < integer_size; at += layout.regular_group)
      group_integer(at);
  } else {
    std::vector<std::size_t> groups = layout.integer_groups;
    std::sort(groups.begin(), groups.end());
    for (const std::size_t at : groups) group_integer(at);
  }
  for (std::size_t i = layout.fraction_groups.size(); i > 0; --i)
    if (const std::size_t at = layout.fraction_groups[i - 1]; at < fraction.size())
      fraction.insert(at, 1, symbols.grouping);

  Text out = picture.prefix + integer;
  if (!fraction.empty()) out += symbols.decimal + fraction;
  if (layout.exponent_min > 0) {
    Text written = digits_of(exponent, 0, symbols);
    if (written.size() < layout.exponent_min)
      written.insert(0, layout.exponent_min - written.size(), symbols.zero);
    out += symbols.exponent;
    if (exponent < 0) out += symbols.minus;
    out += written;
  }
  return to_utf8(out + picture.suffix);
}

}  // namespace sluice::workflows::jsonata
