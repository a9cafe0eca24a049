// MD5, for what others' protocols want it for; never for secrets. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

// 32 lower-case hexadecimal digits.
std::string md5_hex(std::string_view data);

}  // namespace sluice
