// Text for people: tables, colours, times, and a progress bar.
//
// Colour is used only on a terminal, and not when NO_COLOR is set or --no-color was given. Widths
// count terminal columns, not bytes: UTF-8 is decoded, East Asian wide characters count two,
// combining marks none. Text that comes from outside is shown with its control characters escaped,
// so that a payload cannot steer the terminal.
//
// Threads: not thread-safe, caller serialises; Progress too.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace sluice::cli {

struct Terminal {
  bool is_terminal = false;
  bool color = false;
  int width = 100;  // columns; of no meaning unless is_terminal
};

enum class Tone { plain, good, bad, warn, dim, strong };
std::string paint(const Terminal& terminal, Tone tone, std::string_view text);
// The tone of a run's status.
Tone status_tone(std::string_view status);

// Columns that `text` takes on a terminal.
int display_width(std::string_view text);
// `text` cut to `columns`, with "…" as its last column if something was cut.
std::string shorten(std::string_view text, int columns);
// Control characters as \n, \t, \x1b; invalid UTF-8 as U+FFFD. Lines::keep leaves line breaks and
// tabs.
enum class Lines { escape, keep };
std::string printable(std::string_view text, Lines lines = Lines::escape);
// Words wrapped to `width` columns, each line after the first indented.
std::string wrap(std::string_view text, int width, int indent = 0);

// 350 µs, 12 ms, 3.2 s, 4 min 10 s, 2 h 5 min, 3 d 4 h.
std::string humane(Duration d);
// "3 s ago", "in 4 min"; "just now" within a second.
std::string humane_age(WallTime then, WallTime now);
std::string humane_count(std::int64_t n);  // 12 345 with thin grouping: "12,345"
std::string humane_bytes(std::int64_t n);  // 1.4 GB
// "1 run", "2 runs".
std::string counted(std::int64_t n, std::string_view noun);

// A JSON value in one line of at most `columns`.
std::string one_line(const Json& value, int columns);

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
    bool elastic = false;  // may be shortened when the terminal is narrow
  };
  struct Cell {
    std::string text;
    Tone tone = Tone::plain;
    Cell(std::string t, Tone n = Tone::plain) : text(std::move(t)), tone(n) {}
    Cell(const char* t) : text(t) {}
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void row(std::vector<Cell> cells);  // REQUIRES: one per column
  bool empty() const { return rows_.empty(); }
  // Columns that are empty in every row are left out. Nothing is cut unless `terminal` is one.
  std::string text(const Terminal& terminal) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// "label   value" lines under one another, aligned; empty values are left out.
std::string fields(const Terminal& terminal,
                   const std::vector<std::pair<std::string, std::string>>& pairs);

// One line that is redrawn in place; silent unless `terminal` is one.
class Progress {
 public:
  Progress(std::ostream& out, Terminal terminal, std::string what, std::int64_t total);
  ~Progress();  // clears the line
  void advance(std::int64_t by = 1);

 private:
  void draw();

  std::ostream& out_;
  Terminal terminal_;
  std::string what_;
  std::int64_t total_, done_ = 0;
  std::int64_t drawn_permille_ = -1;
};

}  // namespace sluice::cli
