#include "workflows/jsonata/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sluice::workflows::jsonata {
namespace {

std::string not_finite_text(double number) {
  if (std::isnan(number)) return "NaN";
  return number < 0 ? "-Infinity" : "Infinity";
}

}  // namespace

std::string number_text(double number) {
  if (!std::isfinite(number)) return not_finite_text(number);
  if (number == 0) return "0";
  if (number == std::floor(number) && std::fabs(number) < 1e15)
    return fmt::format_int(static_cast<long long>(number)).str();
  // The shortest digits, from which the text is arranged.
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  std::string_view written(buffer, static_cast<std::size_t>(end - buffer));
  const bool negative = written.front() == '-';
  if (negative) written.remove_prefix(1);
  const std::size_t mark = written.find('e');
  std::string digits(1, written[0]);
  if (mark > 2) digits += written.substr(2, mark - 2);
  int exponent = 0;
  std::string_view shown = written.substr(mark + 1);
  if (shown.front() == '+') shown.remove_prefix(1);
  std::from_chars(shown.data(), shown.data() + shown.size(), exponent);

  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // digits before the point
  std::string out;
  if (count <= point && point <= 21) {
    out = digits + std::string(static_cast<std::size_t>(point - count), '0');
  } else if (point > 0 && point <= 21) {
    out = digits;
    out.insert(static_cast<std::size_t>(point), ".");
  } else if (point > -6 && point <= 0) {
    out = "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else {
    out = digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    out += fmt::format("e{}{}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  return negative ? "-" + out : out;
}

std::string number_text(double number, int radix) {
  if (radix == 10 || !std::isfinite(number)) return number_text(number);
  double left = std::fabs(number);
  std::string out;
  // Digits beyond a double's 53 bits are not known, and are zeros.
  while (left >= 0x1p53) {
    left /= radix;
    out += '0';
  }
  do {
    const double digit = std::fmod(left, radix);
    out += "0123456789abcdefghijklmnopqrstuvwxyz"[static_cast<std::size_t>(digit)];
    left = (left - digit) / radix;
  } while (left > 0);
  if (number < 0) out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

std::string fixed_text(double number, int digits) {
  if (!std::isfinite(number) || std::fabs(number) >= 1e21) return number_text(number);
  std::string out = fmt::format("{:.{}f}", number, digits);
  // An exact half is the one case in which printing rounds the other way than the language does.
  const std::string exact = fmt::format("{:.{}f}", number, digits + 1);
  if (exact.back() == '5' &&
      fmt::format("{:.1100f}", number).find_first_not_of('0', exact.size()) == std::string::npos) {
    const double away = std::nextafter(number, number < 0 ? -INFINITY : INFINITY);
    out = fmt::format("{:.{}f}", away, digits);
  }
  return out;
}

double at_fifteen_digits(double number) {
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific, 14).ptr;
  double read = number;
  std::from_chars(buffer, end, read);
  return read;
}

std::optional<double> read_decimal(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at > start;
  };
  if (at < text.size() && text[at] == '-') ++at;
  if (!digits()) return std::nullopt;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return std::nullopt;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!digits()) return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;
  double read = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), read);
  if (error != std::errc::result_out_of_range) return read;
  // Too large or too small to hold: the exponent's sign, or else the digits' number, tells which.
  const std::size_t mark = text.find_first_of("eE");
  const bool small =
      mark == text.npos ? text.substr(0, 3).find("0.") != text.npos : text[mark + 1] == '-';
  const double size = small ? 0.0 : HUGE_VAL;
  return text.front() == '-' ? -size : size;
}

double round_half_up(double number) {
  const double below = std::floor(number);
  return number - below >= 0.5 ? below + 1 : below;
}

namespace {

// `number` times ten to the power of `places`, by its text, so that 1.005 is not 1.00499….
double shifted(double number, double places) {
  const std::string text = number_text(number);
  const std::size_t mark = text.find('e');
  double exponent = places;
  if (mark != text.npos) exponent += std::strtod(text.c_str() + mark + 1, nullptr);
  if (!std::isfinite(number) || exponent != std::floor(exponent)) return NAN;
  exponent = std::clamp(exponent, -5000.0, 5000.0);
  return read_decimal(fmt::format("{}e{}", text.substr(0, mark), static_cast<int>(exponent)))
      .value_or(NAN);
}

}  // namespace

double round_to(double number, double precision) {
  if (precision != 0) number = shifted(number, precision);
  double rounded = round_half_up(number);
  if (std::fabs(rounded - number) == 0.5 && std::fabs(std::fmod(rounded, 2)) == 1) rounded -= 1;
  if (precision != 0) rounded = shifted(rounded, -precision);
  return rounded == 0 ? 0 : rounded;
}

}  // namespace sluice::workflows::jsonata
