#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace sluice {

void check_failed(const char* condition, const char* expected, const char* file, int line) {
  std::fprintf(stderr, "sluice: a bug: %s:%d: expected %s (%s)\n", file, line, expected, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace sluice
