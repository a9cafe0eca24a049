#include "orchestrator/packing.h"

#include <zstd.h>

#include <memory>

#include "base/check.h"

namespace sluice::orchestrator {
namespace {

constexpr int level = 1;  // the fastest of the usual ones; more gains little with JSON

struct Drop {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

bool pack_bytes(std::string_view bytes, std::string& out) {
  thread_local const std::unique_ptr<ZSTD_CCtx, Drop> context(ZSTD_createCCtx());
  SLUICE_CHECK(context != nullptr, "memory for packing");
  out.resize(bytes.size() - bytes.size() / 8);
  const std::size_t size =
      ZSTD_compressCCtx(context.get(), out.data(), out.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size) != 0) return false;  // It does not fit.
  out.resize(size);
  return true;
}

std::optional<std::string> unpack_bytes(std::string_view packed, std::size_t size) {
  thread_local const std::unique_ptr<ZSTD_DCtx, Drop> context(ZSTD_createDCtx());
  SLUICE_CHECK(context != nullptr, "memory for unpacking");
  // Rows that nobody damaged say both sizes alike; others take no memory before they are refused.
  if (ZSTD_getFrameContentSize(packed.data(), packed.size()) != size) return std::nullopt;
  std::string bytes(size, '\0');
  const std::size_t got =
      ZSTD_decompressDCtx(context.get(), bytes.data(), size, packed.data(), packed.size());
  if (ZSTD_isError(got) != 0 || got != size) return std::nullopt;
  return bytes;
}

}  // namespace sluice::orchestrator
