// Picture strings: how numbers, dates and times are written and read (XPath and XQuery Functions
// 3.1, chapters 4.7 and 9.8). Internal. Throws Failure (D308…, D309…, D313…). Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::workflows::jsonata {

enum class LetterCase { lower, upper, title };

// A parsed integer picture: "1", "#,##0", "Ww", "i", "A;o", …
struct IntegerFormat {
  enum class Kind { decimal, letters, roman, words, sequence };
  struct Separator {
    int position;  // digits to its right
    char32_t character;
  };
  Kind kind = Kind::decimal;
  LetterCase letters = LetterCase::lower;
  bool ordinal = false;
  char32_t zero = U'0';
  int mandatory_digits = 0;
  int optional_digits = 0;
  bool regular = false;  // one separator, repeated; `separators` holds it once
  std::vector<Separator> separators;
  int parse_width = 0;  // digits to read exactly, 0 for any number
  std::string token;    // of a sequence, which is not supported
};
IntegerFormat parse_integer_picture(std::string_view picture);
std::string format_integer(double value, const IntegerFormat& format);
// NaN if `text` is not in the format.
double read_integer(std::string_view text, const IntegerFormat& format);
// The pattern of what read_integer takes, and whether any of it is fixed.
std::string integer_pattern(const IntegerFormat& format);

std::string number_to_words(double value, bool ordinal);
double words_to_number(std::string_view text);

// The characters of a decimal format; the first code point of each counts, but for the texts.
struct NumberSymbols {
  std::string decimal = ".", grouping = ",", exponent = "e", minus = "-", percent = "%",
              per_mille = "\u2030", zero = "0", digit = "#", pattern = ";";
};
std::string format_number(double value, std::string_view picture, const NumberSymbols& symbols);

// Milliseconds since 1970, written by `picture` (ISO 8601 if absent) in a zone of `offset` hours
// and minutes (as in +0130: 130).
std::string format_time(double millis, std::optional<std::string_view> picture, double offset);
// Absent if `text` is not in the format. What the picture leaves out at the front is taken from
// now.
std::optional<double> read_time(std::string_view text, std::string_view picture, double now_ms);
// ISO 8601; absent if it is not.
std::optional<double> read_iso_time(std::string_view text);

}  // namespace sluice::workflows::jsonata
