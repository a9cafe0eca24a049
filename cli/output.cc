#include "cli/output.h"

#include <cmath>
#include <ostream>

namespace sluice::cli {
namespace {

// One code point from the front of `text`; invalid bytes give U+FFFD, one byte each.
struct CodePoint {
  char32_t value = 0xFFFD;
  std::size_t bytes = 1;
  bool valid = false;
};

CodePoint next_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
  char32_t value = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  const bool too_short = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (too_short || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, length, true};
}

// Not wcwidth(): it answers by the process's locale, and "C" knows no wide characters.
int code_point_width(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return 0;
  const bool combining =
      (c >= 0x300 && c <= 0x36F) || (c >= 0x483 && c <= 0x489) || (c >= 0x591 && c <= 0x5BD) ||
      (c >= 0x64B && c <= 0x65F) || (c >= 0x1AB0 && c <= 0x1AFF) || (c >= 0x1DC0 && c <= 0x1DFF) ||
      (c >= 0x200B && c <= 0x200F) || (c >= 0x20D0 && c <= 0x20FF) ||
      (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xFE20 && c <= 0xFE2F) || c == 0xFEFF;
  if (combining) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0x303E) ||
                    (c >= 0x3041 && c <= 0x33FF) || (c >= 0x3400 && c <= 0x4DBF) ||
                    (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xA000 && c <= 0xA4CF) ||
                    (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                    (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                    (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1F64F) ||
                    (c >= 0x1F680 && c <= 0x1F6FF) || (c >= 0x1F900 && c <= 0x1F9FF) ||
                    (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

const char* escape_of(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::good:
      return "\x1b[32m";
    case Tone::bad:
      return "\x1b[31m";
    case Tone::warn:
      return "\x1b[33m";
    case Tone::dim:
      return "\x1b[2m";
    case Tone::strong:
      return "\x1b[1m";
  }
  return "";
}

}  // namespace

std::string paint(const Terminal& terminal, Tone tone, std::string_view text) {
  if (!terminal.color || tone == Tone::plain || text.empty()) return std::string(text);
  return fmt::format("{}{}\x1b[0m", escape_of(tone), text);
}

Tone status_tone(std::string_view status) {
  if (status == "SUCCEEDED") return Tone::good;
  if (status == "FAILED" || status == "TIMED_OUT") return Tone::bad;
  if (status == "PAUSED" || status == "COMPENSATING" || status == "COMPENSATED") return Tone::warn;
  if (status == "ABORTED") return Tone::dim;
  return Tone::plain;
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const CodePoint c = next_code_point(text);
    width += code_point_width(c.value);
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string shorten(std::string_view text, int columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns <= 0) return "";
  std::string kept;
  int width = 0;
  while (!text.empty()) {
    const CodePoint c = next_code_point(text);
    const int more = code_point_width(c.value);
    if (width + more > columns - 1) break;
    kept.append(text.substr(0, c.bytes));
    width += more;
    text.remove_prefix(c.bytes);
  }
  return kept + "…";
}

std::string printable(std::string_view text, Lines lines) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const CodePoint c = next_code_point(text);
    if (!c.valid)
      shown += "\xEF\xBF\xBD";
    else if (lines == Lines::keep && (c.value == '\n' || c.value == '\t'))
      shown += static_cast<char>(c.value);
    else if (c.value == '\n')
      shown += "\\n";
    else if (c.value == '\t')
      shown += "\\t";
    else if (c.value < 0x20 || (c.value >= 0x7F && c.value < 0xA0))
      shown += fmt::format("\\x{:02x}", static_cast<unsigned>(c.value));
    else
      shown.append(text.substr(0, c.bytes));
    text.remove_prefix(c.bytes);
  }
  return shown;
}

std::string wrap(std::string_view text, int width, int indent) {
  std::string out;
  int column = 0;
  bool line_start = true;
  while (!text.empty()) {
    if (text.front() == '\n') {
      out += '\n';
      out.append(static_cast<std::size_t>(indent), ' ');
      column = 0;
      line_start = true;
      text.remove_prefix(1);
      continue;
    }
    if (text.front() == ' ') {
      text.remove_prefix(1);
      continue;
    }
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(word.size());
    const int word_width = display_width(word);
    if (!line_start && column + 1 + word_width > width - indent) {
      out += '\n';
      out.append(static_cast<std::size_t>(indent), ' ');
      column = 0;
      line_start = true;
    }
    if (!line_start) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word_width;
    line_start = false;
  }
  return out;
}

std::string humane(Duration d) {
  if (d.us < 0) return "-" + humane({-d.us});
  if (d.us < 1'000) return fmt::format("{} µs", d.us);
  if (d.us < 1'000'000) return fmt::format("{} ms", d.us / 1'000);
  if (d.us < 10'000'000)
    return fmt::format("{:.1f} s", std::floor(static_cast<double>(d.us) / 1e5) / 10);
  const std::int64_t s = d.us / 1'000'000;
  const auto two = [](std::int64_t big, const char* unit, std::int64_t small,
                      const char* small_unit) {
    return small == 0 ? fmt::format("{} {}", big, unit)
                      : fmt::format("{} {} {} {}", big, unit, small, small_unit);
  };
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3'600) return two(s / 60, "min", s % 60, "s");
  if (s < 86'400) return two(s / 3'600, "h", s % 3'600 / 60, "min");
  return two(s / 86'400, "d", s % 86'400 / 3'600, "h");
}

std::string humane_age(WallTime then, WallTime now) {
  const Duration age = now - then;
  if (age.us > -1'000'000 && age.us < 1'000'000) return "just now";
  // Tenths of a second are noise in an age.
  const auto whole = [](std::int64_t us) {
    return Duration{us < 10'000'000 ? us / 1'000'000 * 1'000'000 : us};
  };
  const auto text = [&](std::int64_t us) {
    return us < 10'000'000 ? fmt::format("{} s", whole(us).us / 1'000'000) : humane({us});
  };
  return age.us < 0 ? "in " + text(-age.us) : text(age.us) + " ago";
}

std::string humane_count(std::int64_t n) {
  std::string digits = std::to_string(n);
  const std::size_t first = n < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string humane_bytes(std::int64_t n) {
  static constexpr std::array units = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(n);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 || value >= 100 ? fmt::format("{:.0f} {}", value, units[unit])
                                   : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string counted(std::int64_t n, std::string_view noun) {
  return fmt::format("{} {}{}", humane_count(n), noun, n == 1 ? "" : "s");
}

std::string one_line(const Json& value, int columns) {
  return shorten(printable(to_text(value)), columns);
}

void Table::row(std::vector<Cell> cells) {
  SLUICE_CHECK(cells.size() == columns_.size(), "one cell per column");
  rows_.push_back(std::move(cells));
}

std::string Table::text(const Terminal& terminal) const {
  std::vector<int> widths(columns_.size(), 0);
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    for (const auto& row : rows_) widths[c] = std::max(widths[c], display_width(row[c].text));
    if (widths[c] > 0) widths[c] = std::max(widths[c], display_width(columns_[c].title));
  }
  if (terminal.is_terminal) {
    // Takes from the widest elastic column until the line fits or none can give more.
    constexpr int elastic_min = 8;
    const auto total = [&] {
      int sum = -2;
      for (const int w : widths) sum += w > 0 ? w + 2 : 0;
      return sum;
    };
    while (total() > terminal.width) {
      std::size_t widest = columns_.size();
      for (std::size_t c = 0; c < columns_.size(); ++c)
        if (columns_[c].elastic && widths[c] > elastic_min &&
            (widest == columns_.size() || widths[c] > widths[widest]))
          widest = c;
      if (widest == columns_.size()) break;
      --widths[widest];
    }
  }
  std::string out;
  const auto line = [&](auto&& cell_at) {
    std::string text;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (widths[c] == 0) continue;
      const Cell cell = cell_at(c);
      const std::string shown = shorten(cell.text, widths[c]);
      const std::string gap(static_cast<std::size_t>(widths[c] - display_width(shown)), ' ');
      const std::string painted = paint(terminal, cell.tone, shown);
      text += columns_[c].align == Align::right ? gap + painted : painted + gap;
      text += "  ";
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    out += text + "\n";
  };
  line([&](std::size_t c) { return Cell(columns_[c].title, Tone::dim); });
  for (const auto& row : rows_) line([&](std::size_t c) { return row[c]; });
  return out;
}

std::string fields(const Terminal& terminal,
                   const std::vector<std::pair<std::string, std::string>>& pairs) {
  int width = 0;
  for (const auto& [label, value] : pairs)
    if (!value.empty()) width = std::max(width, display_width(label));
  std::string out;
  for (const auto& [label, value] : pairs) {
    if (value.empty()) continue;
    const std::string gap(static_cast<std::size_t>(width - display_width(label) + 2), ' ');
    out += fmt::format("  {}{}{}\n", paint(terminal, Tone::dim, label), gap, value);
  }
  return out;
}

Progress::Progress(std::ostream& out, Terminal terminal, std::string what, std::int64_t total)
    : out_(out), terminal_(terminal), what_(std::move(what)), total_(total) {
  draw();
}

Progress::~Progress() {
  if (terminal_.is_terminal) out_ << "\r\x1b[K" << std::flush;
}

void Progress::advance(std::int64_t by) {
  done_ += by;
  draw();
}

void Progress::draw() {
  if (!terminal_.is_terminal || total_ <= 0) return;
  const std::int64_t permille = std::min<std::int64_t>(1'000, done_ * 1'000 / total_);
  if (permille == drawn_permille_) return;
  drawn_permille_ = permille;
  constexpr std::int64_t bar_columns = 24;
  const auto full = static_cast<std::size_t>(permille * bar_columns / 1'000);
  std::string bar;
  for (std::size_t i = 0; i < static_cast<std::size_t>(bar_columns); ++i)
    bar += i < full ? "█" : "░";
  out_ << "\r\x1b[K"
       << shorten(fmt::format("{}  {}  {} of {}", what_, bar, humane_count(done_),
                              humane_count(total_)),
                  terminal_.width - 1)
       << std::flush;
}

}  // namespace sluice::cli
