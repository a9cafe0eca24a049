#include <doctest/doctest.h>

#include <sstream>

#include "cli/output.h"

namespace sluice::cli {
namespace {
bool contains_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}
}  // namespace

TEST_CASE("durations are told in the two units that matter") {
  struct Row {
    std::int64_t us;
    const char* text;
  };
  for (const auto& [us, text] : std::initializer_list<Row>{{0, "0 µs"},
                                                           {999, "999 µs"},
                                                           {1'000, "1 ms"},
                                                           {999'999, "999 ms"},
                                                           {1'000'000, "1.0 s"},
                                                           {3'290'000, "3.2 s"},
                                                           {59'999'999, "59 s"},
                                                           {60'000'000, "1 min"},
                                                           {250'000'000, "4 min 10 s"},
                                                           {7'500'000'000, "2 h 5 min"},
                                                           {86'400'000'000, "1 d"},
                                                           {273'600'000'000, "3 d 4 h"},
                                                           {-2'000'000, "-2.0 s"}})
    CHECK(humane({us}) == text);
}

TEST_CASE("ages say which side of now they are on") {
  const WallTime now{1'800'000'000'000'000};
  CHECK(humane_age(now, now) == "just now");
  CHECK(humane_age(now - milliseconds(400), now) == "just now");
  CHECK(humane_age(now - seconds(3), now) == "3 s ago");
  CHECK(humane_age(now - seconds(200), now) == "3 min 20 s ago");
  CHECK(humane_age(now + seconds(240), now) == "in 4 min");
}

TEST_CASE("large numbers are grouped and bytes have a unit") {
  CHECK(humane_count(0) == "0");
  CHECK(humane_count(999) == "999");
  CHECK(humane_count(1'000) == "1,000");
  CHECK(humane_count(-1'234'567) == "-1,234,567");
  CHECK(humane_bytes(999) == "999 B");
  CHECK(humane_bytes(1'400'000'000) == "1.4 GB");
  CHECK(counted(1, "run") == "1 run");
  CHECK(counted(2, "run") == "2 runs");
}

TEST_CASE("width counts columns, not bytes") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("größe") == 5);
  CHECK(display_width("日本") == 4);
  CHECK(display_width("e\xCC\x81") == 1);  // e and a combining accent
  CHECK(display_width("\xFF") == 1);       // invalid UTF-8 is shown as one character
}

TEST_CASE("text is shortened between characters and says so") {
  CHECK(shorten("payment", 7) == "payment");
  CHECK(shorten("payment", 6) == "payme…");
  CHECK(shorten("größe", 3) == "gr…");
  CHECK(shorten("日本語", 4) == "日…");  // a wide character does not fit by half
  CHECK(shorten("payment", 0).empty());
}

TEST_CASE("text from outside cannot steer the terminal") {
  CHECK(printable("a\x1b[2Jb\n") == "a\\x1b[2Jb\\n");
  CHECK(printable("\xC2\x9B") == "\\x9b");  // the one-character form of ESC [
  CHECK(printable("gr\xC3\xB6\xC3") == "grö\xEF\xBF\xBD");
  CHECK(printable("a\nb\x07", Lines::keep) == "a\nb\\x07");
}

TEST_CASE("a table aligns its columns and leaves out those that are empty everywhere") {
  Table table({{"QUEUE"}, {"READY", Table::Align::right}, {"STATE"}});
  table.row({"pay", "12", ""});
  table.row({"größe", "3", ""});
  CHECK(table.text({}) ==
        "QUEUE  READY\n"
        "pay       12\n"
        "größe      3\n");
}

TEST_CASE(
    "a table is fitted to a terminal by its elastic columns, and never cut where no terminal is") {
  Table table({{"ID"}, {"ERROR", Table::Align::left, true}});
  table.row({"0123456789", "a long story that does not fit"});
  CHECK(contains_line(table.text({.is_terminal = true, .color = false, .width = 30}),
                      "0123456789  a long story that…"));
  CHECK(contains_line(table.text({}), "0123456789  a long story that does not fit"));
  // It gives up when nothing elastic is left: a broken line is better than a lost id.
  CHECK(contains_line(table.text({.is_terminal = true, .color = false, .width = 5}),
                      "0123456789  a long …"));
}

TEST_CASE("colour is used only where it is wanted") {
  const Terminal plain, colored{.is_terminal = true, .color = true, .width = 80};
  CHECK(paint(plain, Tone::bad, "FAILED") == "FAILED");
  CHECK(paint(colored, Tone::bad, "FAILED") == "\x1b[31mFAILED\x1b[0m");
  CHECK(paint(colored, Tone::plain, "x") == "x");
  // Colours have no width: the columns after them stay aligned.
  Table table({{"STATUS"}, {"NAME"}});
  table.row({{"FAILED", Tone::bad}, "a"});
  table.row({"RUNNING", "b"});
  CHECK(contains_line(table.text(colored), "\x1b[31mFAILED\x1b[0m   a"));
}

TEST_CASE("fields are aligned and empty ones left out") {
  CHECK(fields({}, {{"name", "x"}, {"labels", ""}, {"started", "y"}}) ==
        "  name     x\n"
        "  started  y\n");
}

TEST_CASE("paragraphs are wrapped at words") {
  CHECK(wrap("one two three", 8) == "one two\nthree");
  CHECK(wrap("one two three", 10, 2) == "one two\n  three");
  CHECK(wrap("averylongword x", 5) == "averylongword\nx");
  CHECK(wrap("one\ntwo", 20) == "one\ntwo");
}

TEST_CASE("progress is silent without a terminal and cleans up on one") {
  std::ostringstream silent;
  { Progress(silent, {}, "replaying", 2).advance(); }
  CHECK(silent.str().empty());
  std::ostringstream shown;
  {
    Progress progress(shown, {.is_terminal = true, .color = false, .width = 80}, "replaying", 2);
    progress.advance();
    CHECK(shown.str().ends_with("1 of 2"));
  }
  CHECK(shown.str().ends_with("\r\x1b[K"));
}

}  // namespace sluice::cli
