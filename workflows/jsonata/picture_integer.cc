// Integers by picture: digits, letters, Roman numerals, words.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "workflows/jsonata/failure.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/pictures.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

using std::string_view;

constexpr string_view small_numbers[] = {"Zero",    "One",     "Two",       "Three",    "Four",
                                         "Five",    "Six",     "Seven",     "Eight",    "Nine",
                                         "Ten",     "Eleven",  "Twelve",    "Thirteen", "Fourteen",
                                         "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"};
constexpr string_view small_ordinals[] = {
    "Zeroth",     "First",     "Second",    "Third",       "Fourth",     "Fifth",     "Sixth",
    "Seventh",    "Eighth",    "Ninth",     "Tenth",       "Eleventh",   "Twelfth",   "Thirteenth",
    "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth"};
constexpr string_view decades[] = {"Twenty", "Thirty",  "Forty",  "Fifty",
                                   "Sixty",  "Seventy", "Eighty", "Ninety"};
constexpr string_view magnitudes[] = {"Thousand", "Million", "Billion", "Trillion"};

struct Roman {
  double value;
  string_view letters;
};
constexpr Roman romans[] = {{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"},
                            {90, "xc"},  {50, "l"},   {40, "xl"}, {10, "x"},   {9, "ix"},
                            {5, "v"},    {4, "iv"},   {1, "i"}};

// Where the digits of the world's decimal scripts begin.
constexpr char32_t zeros[] = {0x30,   0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6,
                              0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0,
                              0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80,
                              0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900,
                              0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10};

constexpr double text_number_max = 1e300;  // words and Roman numerals of more would not end

std::string ordinal_of(std::string word) {
  if (word.back() == 'y') {
    word.pop_back();
    return word + "ieth";
  }
  return word + "th";
}

std::string words(double number, bool follows, bool ordinal) {
  const auto place = static_cast<std::size_t>(number);
  if (number <= 19)
    return (follows ? " and " : "") +
           std::string(ordinal ? small_ordinals[place] : small_numbers[place]);
  if (number < 100) {
    std::string out = (follows ? " and " : "") + std::string(decades[place / 10 - 2]);
    if (place % 10 > 0) return out + "-" + words(static_cast<double>(place % 10), false, ordinal);
    return ordinal ? ordinal_of(out) : out;
  }
  std::string out = follows ? ", " : "";
  double rest = 0;
  if (number < 1000) {
    out += std::string(small_numbers[place / 100]) + " Hundred";
    rest = static_cast<double>(place % 100);
  } else {
    const auto magnitude = static_cast<std::size_t>(std::clamp(
        std::floor(std::log10(number) / 3), 1.0, static_cast<double>(std::size(magnitudes))));
    const double factor = std::pow(10, static_cast<double>(magnitude * 3));
    const double mantissa = std::floor(number / factor);
    rest = number - mantissa * factor;
    out += words(mantissa, false, false) + " " + std::string(magnitudes[magnitude - 1]);
  }
  if (rest > 0) return out + words(rest, true, ordinal);
  return ordinal ? out + "th" : out;
}

using WordTable = std::vector<std::pair<std::string, double>>;

const WordTable& word_table() {
  static const WordTable table = [] {
    WordTable made;
    const auto add = [&](string_view word, double value) {
      made.emplace_back(to_lower(word), value);
    };
    for (std::size_t i = 0; i < std::size(small_numbers); ++i)
      add(small_numbers[i], static_cast<double>(i));
    for (std::size_t i = 0; i < std::size(small_ordinals); ++i)
      add(small_ordinals[i], static_cast<double>(i));
    for (std::size_t i = 0; i < std::size(decades); ++i) {
      add(decades[i], static_cast<double>(i + 2) * 10);
      add(ordinal_of(std::string(decades[i])), static_cast<double>(i + 2) * 10);
    }
    add("hundred", 100);
    add("hundredth", 100);
    for (std::size_t i = 0; i < std::size(magnitudes); ++i) {
      add(magnitudes[i], std::pow(10, static_cast<double>(i + 1) * 3));
      add(ordinal_of(std::string(magnitudes[i])), std::pow(10, static_cast<double>(i + 1) * 3));
    }
    return made;
  }();
  return table;
}

// The repetition of one separator, or 0.
int regular_distance(const std::vector<IntegerFormat::Separator>& separators) {
  if (separators.empty()) return 0;
  int factor = 0;
  for (const auto& separator : separators) {
    if (separator.character != separators.front().character) return 0;
    factor = std::gcd(factor, separator.position);
  }
  for (std::size_t i = 1; i <= separators.size(); ++i)
    if (std::none_of(separators.begin(), separators.end(), [&](const auto& separator) {
          return separator.position == static_cast<int>(i) * factor;
        }))
      return 0;
  return factor;
}

std::string format_decimal(double value, const IntegerFormat& format) {
  std::u32string digits = code_points(number_text(value));
  if (digits.size() < static_cast<std::size_t>(format.mandatory_digits))
    digits.insert(0, static_cast<std::size_t>(format.mandatory_digits) - digits.size(), U'0');
  std::string suffix;
  if (format.ordinal) {
    const char32_t last = digits.back();
    const bool teen = digits.size() > 1 && digits[digits.size() - 2] == U'1';
    suffix = teen ? "th" : last == U'1' ? "st" : last == U'2' ? "nd" : last == U'3' ? "rd" : "th";
  }
  for (char32_t& digit : digits)
    if (digit >= U'0' && digit <= U'9') digit = digit - U'0' + format.zero;
  const std::size_t size = digits.size();
  const auto insert = [&](std::size_t from_end, char32_t character) {
    if (from_end < size) digits.insert(size - from_end, 1, character);
  };
  if (format.regular) {
    const auto distance = static_cast<std::size_t>(format.separators.front().position);
    for (std::size_t at = distance; at < size; at += distance)
      insert(at, format.separators.front().character);
  } else {
    // Those nearest the end first: an insertion does not move what is before it.
    for (const auto& separator : format.separators)
      insert(static_cast<std::size_t>(separator.position), separator.character);
  }
  return to_utf8(digits) + suffix;
}

double read_prefix(string_view text) {
  std::size_t at = 0;
  while (at < text.size() && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r'))) ++at;
  const bool negative = at < text.size() && text[at] == '-';
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  const std::size_t start = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  if (at == start) return NAN;
  const double value = read_decimal(text.substr(start, at - start)).value_or(NAN);
  return negative ? -value : value;
}

}  // namespace

std::string number_to_words(double value, bool ordinal) {
  if (!(value <= text_number_max)) fail("D1001", {.value = number_text(value)});
  return words(value, false, ordinal);
}

double words_to_number(string_view text) {
  static const std::unordered_map<std::string, double> values(word_table().begin(),
                                                              word_table().end());
  const auto is_space = [&](std::size_t at) {
    return at < text.size() && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r'));
  };
  std::vector<double> parts{0};
  std::string word;
  const auto take = [&] {
    const auto found = values.find(word);
    const double value = found == values.end() ? NAN : found->second;
    word.clear();
    if (value < 100) {
      double top = parts.back();
      parts.pop_back();
      if (top >= 1000) {
        parts.push_back(top);
        top = 0;
      }
      parts.push_back(top + value);
    } else {
      parts.back() *= value;
    }
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t separator = 0;
    if (text[at] == ',' && is_space(at + 1))
      separator = 2;
    else if (is_space(at) && text.substr(at + 1, 3) == "and" && is_space(at + 4))
      separator = 5;
    else if (is_space(at) || text[at] == '\\' || text[at] == '-')
      separator = 1;
    if (separator == 0) {
      word += text[at++];
      continue;
    }
    take();
    at += separator;
  }
  take();
  return std::accumulate(parts.begin(), parts.end(), 0.0);
}

IntegerFormat parse_integer_picture(string_view picture) {
  IntegerFormat format;
  const std::size_t semicolon = picture.rfind(';');
  const string_view primary = picture.substr(0, semicolon);
  if (semicolon != picture.npos) format.ordinal = picture.substr(semicolon + 1).starts_with('o');
  using Kind = IntegerFormat::Kind;
  const struct {
    string_view text;
    Kind kind;
    LetterCase letters;
  } named[] = {
      {"A", Kind::letters, LetterCase::upper}, {"a", Kind::letters, LetterCase::lower},
      {"I", Kind::roman, LetterCase::upper},   {"i", Kind::roman, LetterCase::lower},
      {"W", Kind::words, LetterCase::upper},   {"w", Kind::words, LetterCase::lower},
      {"Ww", Kind::words, LetterCase::title},
  };
  for (const auto& name : named) {
    if (name.text != primary) continue;
    format.kind = name.kind;
    format.letters = name.letters;
    return format;
  }
  bool has_zero = false;
  int position = 0;
  const std::u32string characters = code_points(primary);
  for (std::size_t i = characters.size(); i > 0; --i) {
    const char32_t character = characters[i - 1];
    const auto* zero = std::find_if(std::begin(zeros), std::end(zeros), [&](char32_t first) {
      return character >= first && character <= first + 9;
    });
    if (zero != std::end(zeros)) {
      if (has_zero && format.zero != *zero) fail("D3131");
      format.zero = *zero;
      has_zero = true;
      ++format.mandatory_digits;
      ++position;
    } else if (character == U'#') {
      ++format.optional_digits;
      ++position;
    } else {
      format.separators.push_back({position, character});
    }
  }
  if (format.mandatory_digits == 0) {
    format.kind = Kind::sequence;
    format.token = primary;
    return format;
  }
  if (const int distance = regular_distance(format.separators); distance > 0) {
    format.regular = true;
    format.separators = {{distance, format.separators.front().character}};
  }
  return format;
}

std::string format_integer(double value, const IntegerFormat& format) {
  const bool negative = value < 0;
  value = std::fabs(value);
  std::string out;
  switch (format.kind) {
    case IntegerFormat::Kind::letters:
      for (double left = value; left > 0; left = std::floor((left - 1) / 26))
        out.insert(0, 1,
                   static_cast<char>(std::fmod(left - 1, 26) +
                                     (format.letters == LetterCase::upper ? 'A' : 'a')));
      break;
    case IntegerFormat::Kind::roman:
      // Each further thousand is a letter.
      if (!(value < 1e6)) fail("D1001", {.value = number_text(value)});
      for (const Roman& roman : romans)
        for (; value >= roman.value; value -= roman.value) out += roman.letters;
      if (format.letters == LetterCase::upper) out = to_upper(out);
      break;
    case IntegerFormat::Kind::words:
      out = number_to_words(value, format.ordinal);
      if (format.letters == LetterCase::upper) out = to_upper(out);
      if (format.letters == LetterCase::lower) out = to_lower(out);
      break;
    case IntegerFormat::Kind::decimal:
      out = format_decimal(value, format);
      break;
    case IntegerFormat::Kind::sequence:
      fail("D3130", {.value = json_text(format.token)});
  }
  return negative ? "-" + out : out;
}

double read_integer(string_view text, const IntegerFormat& format) {
  switch (format.kind) {
    case IntegerFormat::Kind::letters: {
      double value = 0;
      for (const char c : text)
        value = value * 26 + (c - (format.letters == LetterCase::upper ? 'A' : 'a') + 1);
      return value;
    }
    case IntegerFormat::Kind::roman: {
      const std::string upper =
          format.letters == LetterCase::upper ? std::string(text) : to_upper(text);
      double value = 0, most = 1;
      for (auto letter = upper.rbegin(); letter != upper.rend(); ++letter) {
        const string_view known = "IVXLCDM";
        constexpr double worth[] = {1, 5, 10, 50, 100, 500, 1000};
        const std::size_t found = known.find(*letter);
        if (found == known.npos) return NAN;
        value += worth[found] < most ? -worth[found] : worth[found];
        most = std::max(most, worth[found]);
      }
      return value;
    }
    case IntegerFormat::Kind::words:
      return words_to_number(to_lower(text));
    case IntegerFormat::Kind::decimal: {
      if (format.ordinal)
        text = text.substr(0, text.size() - std::min<std::size_t>(2, text.size()));
      std::string digits;
      for (const char32_t character : code_points(text)) {
        const bool separates =
            std::any_of(format.separators.begin(), format.separators.end(),
                        [&](const auto& separator) { return separator.character == character; });
        if (separates) continue;
        const bool own = character >= format.zero && character <= format.zero + 9;
        append_utf8(digits, own ? character - format.zero + U'0' : character);
      }
      return read_prefix(digits);
    }
    case IntegerFormat::Kind::sequence:
      break;
  }
  fail("D3130", {.value = json_text(format.token)});
}

std::string integer_pattern(const IntegerFormat& format) {
  const bool upper = format.letters == LetterCase::upper;
  switch (format.kind) {
    case IntegerFormat::Kind::letters:
      return upper ? "[A-Z]+" : "[a-z]+";
    case IntegerFormat::Kind::roman:
      return upper ? "[MDCLXVI]+" : "[mdclxvi]+";
    case IntegerFormat::Kind::words: {
      std::string pattern = "(?:";
      for (const auto& [word, value] : word_table()) pattern += word + "|";
      return pattern + "and|[\\-, ])+";
    }
    case IntegerFormat::Kind::decimal:
      return (format.parse_width > 0 ? fmt::format("[0-9]{{{}}}", format.parse_width) : "[0-9]+") +
             std::string(format.ordinal ? "(?:th|st|nd|rd)" : "");
    case IntegerFormat::Kind::sequence:
      break;
  }
  fail("D3130", {.value = json_text(format.token)});
}

}  // namespace sluice::workflows::jsonata
