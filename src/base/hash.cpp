#include "base/hash.hpp"

#include <openssl/evp.h>

#include <array>
#include <fstream>

#include "base/error.hpp"

namespace layersweep::base {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  ensure(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1, "OpenSSL has no SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes) {
  ensure(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "SHA-256 update failed");
}

void Sha256::add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }

std::string Sha256::hex() {
  std::array<unsigned char, 32> digest{};
  ensure(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr) == 1, "SHA-256 final failed");
  std::string text;
  for (const unsigned char byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

std::string sha256_of_text(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hash.hex();
}

std::string sha256_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw InputError(fmt::format("cannot read {}", file.string()), errno_text(errno));
  Sha256 hash;
  std::array<char, 1 << 16> block;
  while (in.read(block.data(), block.size()) || in.gcount() > 0) {
    hash.add(std::string_view(block.data(), static_cast<std::size_t>(in.gcount())));
  }
  // A folder opens, too; without this it and a failing disk would give the hash of what came before the error.
  if (in.bad()) throw InputError(fmt::format("cannot read {}", file.string()), "it is not a readable file");
  return hash.hex();
}

}  // namespace layersweep::base
