// Numbers and their texts, as JavaScript writes and reads them. Internal. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::workflows::jsonata {

// The shortest text that reads back as the same number: 1, 0.5, 1e+21, 1e-7, Infinity, NaN.
std::string number_text(double number);
// In a radix from 2 to 36. REQUIRES: a whole number or not finite.
std::string number_text(double number, int radix);
// With `digits` behind the point, halves away from zero; from 1e21 on as number_text.
std::string fixed_text(double number, int digits);
// With at most fifteen digits that count, which hides the noise of binary fractions.
double at_fifteen_digits(double number);
// All of `text`: digits with an optional sign, fraction and exponent, nothing else.
std::optional<double> read_decimal(std::string_view text);
// To the nearest whole number, halves upwards, as Math.round.
double round_half_up(double number);
// To `precision` decimal places, halves to even.
double round_to(double number, double precision);

}  // namespace sluice::workflows::jsonata
