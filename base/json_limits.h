// How deep JSON from outside may nest arrays and objects, for text and tree alike.
#pragma once

#include <cstddef>

namespace sluice {

constexpr std::size_t json_depth_max = 256;

}  // namespace sluice
