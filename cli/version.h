// Which Sluice this is; the build gives the number (CMakeLists.txt, project VERSION).
#pragma once

namespace sluice::cli {
extern const char* const version;
}  // namespace sluice::cli
