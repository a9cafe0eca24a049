// Whether this build carries a sanitizer, whose own memory and slowness a test must not measure.
#pragma once

namespace sluice::test_support {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace sluice::test_support
