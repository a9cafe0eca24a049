#include "base/md5.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/check.h"

namespace sluice {

std::string md5_hex(std::string_view data) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  SLUICE_CHECK(EVP_Digest(data.data(), data.size(), bytes, &length, EVP_md5(), nullptr) == 1,
               "a digest");
  std::string out;
  for (unsigned int i = 0; i < length; ++i) out += fmt::format("{:02x}", bytes[i]);
  return out;
}

}  // namespace sluice
