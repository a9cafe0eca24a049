#include "cli/version.h"

#ifndef SLUICE_VERSION
#error "the build defines SLUICE_VERSION"
#endif

namespace sluice::cli {
const char* const version = SLUICE_VERSION;
}  // namespace sluice::cli
