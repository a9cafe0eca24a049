// The number by which a compiled machine names a state. Constants only; thread-safe.
#pragma once

#include <cstdint>

namespace sluice::workflows {

using StateIndex = std::uint32_t;
inline constexpr StateIndex no_state = 0xFFFFFFFF;

}  // namespace sluice::workflows
