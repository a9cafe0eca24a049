// What the States Language adds.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <cmath>

#include "base/check.h"
#include "workflows/jsonata/evaluator.h"
#include "workflows/jsonata/number_text.h"
#include "workflows/jsonata/text.h"

namespace sluice::workflows::jsonata {
namespace {

double whole(Value value, int argument) {
  const double number = value.is_number() ? value.as_number() : NAN;
  if (!std::isfinite(number) || number != std::floor(number))
    fail("T0410", {.value = number_text(number), .index = argument});
  return number;
}

Value partition(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  Heap& heap = evaluator.heap();
  const double size = whole(call[1], 2);
  if (size < 1)
    fail("D3137",
         {.text = fmt::format("The chunk size of $partition must be at least 1, but was {}",
                              number_text(size))});
  const auto items = heap.items(call[0].as_array());
  evaluator.spend(static_cast<std::int64_t>(items.size()));
  Array* chunks = heap.new_array();
  Array* chunk = nullptr;
  for (const Value item : items) {
    if (chunk == nullptr || chunk->size >= size) {
      chunk = heap.new_array();
      heap.push(chunks, Value(chunk));
    }
    heap.push(chunk, item);
  }
  return Value(chunks);
}

Value range(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined() || call[1].is_undefined()) return {};
  const double first = whole(call[0], 1), last = whole(call[1], 2);
  const double step = call[2].is_undefined() ? 1 : whole(call[2], 3);
  if (step == 0) fail("D3137", {.text = "The step of $range must not be 0"});
  Array* numbers = evaluator.heap().new_sequence();
  const double size = std::floor((last - first) / step) + 1;
  if (size > 1e7) fail("D2014", {.token = "range", .value = number_text(size)});
  for (double i = 0; i < size; ++i) {
    evaluator.spend(1);
    evaluator.heap().push(numbers, Value(first + i * step));
  }
  return Value(numbers);
}

Value hash(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const std::string data = without_surrogates(call[0].as_string());
  const std::string_view name = call[1].is_string() ? call[1].as_string() : std::string_view();
  evaluator.spend_text(data.size() * 4);
  const EVP_MD* digest = name == "MD5"       ? EVP_md5()
                         : name == "SHA-1"   ? EVP_sha1()
                         : name == "SHA-256" ? EVP_sha256()
                         : name == "SHA-384" ? EVP_sha384()
                         : name == "SHA-512" ? EVP_sha512()
                                             : nullptr;
  if (digest == nullptr)
    fail("D3137",
         {.text = fmt::format("The algorithm of $hash must be MD5, SHA-1, SHA-256, SHA-384 or "
                              "SHA-512, but was {}",
                              evaluator.excerpt(call[1]))});
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  SLUICE_CHECK(EVP_Digest(data.data(), data.size(), bytes, &size, digest, nullptr) == 1,
               "a known digest of bytes in memory");
  std::string out;
  for (unsigned int i = 0; i < size; ++i) out += fmt::format("{:02x}", bytes[i]);
  return evaluator.heap().text(out);
}

// With a seed, the first number of java.util.Random, which is what the service answers with.
Value random(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return Value(evaluator.random().unit());
  constexpr std::uint64_t multiplier = 0x5DEECE66D, mask = (std::uint64_t{1} << 48) - 1;
  const double given = std::trunc(call[0].as_number());
  const auto seed = static_cast<std::uint64_t>(
      std::isfinite(given) && std::fabs(given) < 9.2e18 ? static_cast<std::int64_t>(given) : 0);
  std::uint64_t state = (seed ^ multiplier) & mask;
  const auto bits = [&](int count) {
    state = (state * multiplier + 0xB) & mask;
    return state >> (48 - count);
  };
  const std::uint64_t high = bits(26) << 27;
  return Value(static_cast<double>(high + bits(27)) * 0x1p-53);
}

Value uuid(Evaluator& evaluator, const Call&) {
  // Version 4: random but for the version and the variant.
  const std::uint64_t high = (evaluator.random().next() & ~0xF000ull) | 0x4000;
  const std::uint64_t low = (evaluator.random().next() & ~(3ull << 62)) | 1ull << 63;
  return evaluator.heap().text(fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32,
                                           high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48,
                                           low & 0xFFFFFFFFFFFF));
}

Value parse(Evaluator& evaluator, const Call& call) {
  if (call[0].is_undefined()) return {};
  const std::string text = without_surrogates(call[0].as_string());
  evaluator.spend_text(text.size() * 4);
  // The tree is made beside the arena, of which it counts as a part.
  evaluator.heap().arena.allocate(text.size() * 4);
  auto parsed = parse_json(text, {.refuse_duplicate_keys = false});
  if (!parsed)
    fail("D3137", {.text = "The text given to $parse is not JSON: " + parsed.error().detail});
  return evaluator.import(std::move(*parsed));
}

constexpr Builtin functions[] = {
    {"partition", "<an:a>", 2, partition},
    {"range", "<nnn?:a<n>>", 3, range},
    {"hash", "<s-s:s>", 2, hash},
    {"random", "<n?:n>", 1, random},
    {"uuid", "<:s>", 0, uuid},
    {"parse", "<s-:x>", 1, parse},
};

}  // namespace

std::span<const Builtin> states_functions() { return functions; }

}  // namespace sluice::workflows::jsonata
