#include "orchestrator/tokens.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>

#include "base/check.h"

namespace sluice::orchestrator {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t fields_bytes = 1 + 8 + 8 + 8;
constexpr std::size_t token_bytes = fields_bytes + 8;
constexpr std::size_t text_size = token_bytes / 3 * 4;
static_assert(token_bytes % 3 == 0);

std::array<signed char, 256> reverse_alphabet() {
  std::array<signed char, 256> table;
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<signed char>(i);
  return table;
}

}  // namespace

struct Tokens::Cipher {
  EVP_CIPHER_CTX* context = nullptr;

  explicit Cipher(std::string_view secret) {
    SLUICE_CHECK(secret.size() == 16, "a secret of 16 bytes");
    context = EVP_CIPHER_CTX_new();
    const int made =
        EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr,
                           reinterpret_cast<const unsigned char*>(secret.data()), nullptr);
    SLUICE_CHECK(made == 1, "AES-128");
    EVP_CIPHER_CTX_set_padding(context, 0);
  }
  ~Cipher() { EVP_CIPHER_CTX_free(context); }

  // CBC-MAC over two blocks: sound because the message's length is fixed.
  std::array<unsigned char, 8> proof(const unsigned char* fields) {
    std::array<unsigned char, 32> padded{};
    std::memcpy(padded.data(), fields, fields_bytes);
    std::array<unsigned char, 16> block{};
    for (std::size_t at = 0; at < padded.size(); at += 16) {
      for (std::size_t i = 0; i < 16; ++i) block[i] ^= padded[at + i];
      std::array<unsigned char, 16> out{};
      int size = 0;
      const int done = EVP_EncryptUpdate(context, out.data(), &size, block.data(), 16);
      SLUICE_CHECK(done == 1 && size == 16, "one block encrypted");
      block = out;
    }
    std::array<unsigned char, 8> result;
    std::memcpy(result.data(), block.data(), 8);
    return result;
  }
};

Tokens::Tokens(std::string_view secret) : cipher_(std::make_unique<Cipher>(secret)) {}
Tokens::~Tokens() = default;

std::string Tokens::make(const TaskToken& token) {
  std::array<unsigned char, token_bytes> bytes{};
  bytes[0] = static_cast<unsigned char>(token.kind);
  std::memcpy(&bytes[1], &token.id, 8);
  std::memcpy(&bytes[9], &token.number, 8);
  std::memcpy(&bytes[17], &token.run.value, 8);
  const auto proof = cipher_->proof(bytes.data());
  std::memcpy(&bytes[fields_bytes], proof.data(), proof.size());

  std::string text(text_size, '\0');
  for (std::size_t i = 0, o = 0; i < token_bytes; i += 3, o += 4) {
    const unsigned v = static_cast<unsigned>(bytes[i]) << 16 |
                       static_cast<unsigned>(bytes[i + 1]) << 8 | bytes[i + 2];
    text[o] = alphabet[v >> 18 & 63];
    text[o + 1] = alphabet[v >> 12 & 63];
    text[o + 2] = alphabet[v >> 6 & 63];
    text[o + 3] = alphabet[v & 63];
  }
  return text;
}

std::optional<TaskToken> Tokens::read(std::string_view text) {
  static const auto reverse = reverse_alphabet();
  if (text.size() != text_size) return std::nullopt;
  std::array<unsigned char, token_bytes> bytes{};
  for (std::size_t i = 0, o = 0; i < text_size; i += 4, o += 3) {
    unsigned v = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int digit = reverse[static_cast<unsigned char>(text[i + k])];
      if (digit < 0) return std::nullopt;
      v = v << 6 | static_cast<unsigned>(digit);
    }
    bytes[o] = static_cast<unsigned char>(v >> 16);
    bytes[o + 1] = static_cast<unsigned char>(v >> 8);
    bytes[o + 2] = static_cast<unsigned char>(v);
  }
  const auto proof = cipher_->proof(bytes.data());
  if (std::memcmp(&bytes[fields_bytes], proof.data(), proof.size()) != 0) return std::nullopt;
  TaskToken token;
  token.kind = static_cast<TokenKind>(bytes[0]);
  std::memcpy(&token.id, &bytes[1], 8);
  std::memcpy(&token.number, &bytes[9], 8);
  std::memcpy(&token.run.value, &bytes[17], 8);
  return token;
}

}  // namespace sluice::orchestrator
