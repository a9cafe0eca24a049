// Changing the input of what is done again: the same change for one or for many.
//
// Thread-safe (no shared state).
#pragma once

#include <cstddef>

#include "base/doc.h"
#include "base/json.h"
#include "base/result.h"

namespace sluice::orchestrator {

inline constexpr std::size_t patch_operations_max = 100;

struct Edit {
  bool merge = false;  // RFC 7396, JSON Merge Patch; else RFC 6902, JSON Patch
  Json document;
};

// Whether it has the form of a JSON Patch; else a problem for each operation at fault, below
// `pointer`.
Status check_patch(const Json& document, const std::string& pointer);

// invalid_argument: the patch does not apply to this document; too_large: what comes of it is
// larger than `bytes_max`, or nested too deeply. REQUIRES: check_patch() held.
Result<Doc> edited(const Doc& input, const Edit& edit, std::size_t bytes_max);

}  // namespace sluice::orchestrator
