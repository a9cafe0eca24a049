// SLUICE_CHECK(condition, "what was expected"): a broken promise inside the program.
//
// Active in every build. It prints the place and aborts: the state in memory cannot be trusted any
// more, and a restart recovers from disk.
#pragma once

namespace sluice {
[[noreturn]] void check_failed(const char* condition, const char* expected, const char* file,
                               int line);
}  // namespace sluice

#define SLUICE_CHECK(condition, expected)                                 \
  do {                                                                    \
    if (!(condition)) [[unlikely]]                                        \
      ::sluice::check_failed(#condition, (expected), __FILE__, __LINE__); \
  } while (false)
