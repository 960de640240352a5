// SPDX-License-Identifier: Apache-2.0
#include "dns/signing_key.h"

#include <array>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace leeward::dns {
namespace {

constexpr std::size_t kCoordinateBytes = 32;
constexpr std::uint8_t kProtocol = 3;  // RFC 4034 section 2.1.2

template <auto Function>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    Function(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;

std::uint16_t key_tag(std::string_view rdata) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < rdata.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(rdata[i]);
    sum += (i & 1U) != 0 ? byte : static_cast<std::uint32_t>(byte) << 8;
  }
  return static_cast<std::uint16_t>(sum + (sum >> 16));
}

}  // namespace

Result<Secret> generate_signing_key() {
  const Key key(EVP_EC_gen("P-256"));
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!key || !bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return fail(ErrorCode::kInternal, "OpenSSL could not make a P-256 key");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return Secret(std::string(text, static_cast<std::size_t>(size)));
}

Result<SigningKey> SigningKey::from_pem(const Secret& pem, std::uint16_t flags) {
  const auto wrong = [] {
    return fail(ErrorCode::kInvalidArgument, "this is no P-256 private key in PEM");
  };
  const std::string& text = pem.reveal();
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC) {
    return wrong();
  }
  std::array<char, 32> group{};
  std::size_t group_size = 0;
  std::array<unsigned char, 1 + 2 * kCoordinateBytes> point{};
  std::size_t point_size = 0;
  if (EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &group_size) != 1 ||
      std::string_view(group.data(), group_size) != "prime256v1" ||
      EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                      point.size(), &point_size) != 1 ||
      point_size != point.size() || point[0] != POINT_CONVERSION_UNCOMPRESSED) {
    return wrong();
  }
  SigningKey result;
  result.flags_ = flags;
  result.dnskey_rdata_ = {static_cast<char>(flags >> 8), static_cast<char>(flags & 0xFF),
                          static_cast<char>(kProtocol), static_cast<char>(kEcdsaP256)};
  result.dnskey_rdata_.append(reinterpret_cast<const char*>(point.data()) + 1,
                              2 * kCoordinateBytes);
  result.tag_ = key_tag(result.dnskey_rdata_);
  result.key_ = std::shared_ptr<void>(key.release(), Free{});
  return result;
}

void SigningKey::Free::operator()(void* key) const {
  EVP_PKEY_free(static_cast<EVP_PKEY*>(key));
}

std::string SigningKey::ds_rdata(const Name& zone, std::uint8_t digest_type) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const std::string data = zone.lowered().wire() + dnskey_rdata_;
  EVP_Digest(data.data(), data.size(), digest.data(), &size,
             digest_type == 4 ? EVP_sha384() : EVP_sha256(), nullptr);
  std::string rdata{static_cast<char>(tag_ >> 8), static_cast<char>(tag_ & 0xFF),
                    static_cast<char>(kEcdsaP256), static_cast<char>(digest_type)};
  return rdata.append(reinterpret_cast<const char*>(digest.data()), size);
}

std::optional<std::string> SigningKey::sign(std::string_view data) const {
  const DigestContext context(EVP_MD_CTX_new());
  std::array<unsigned char, 80> der{};
  std::size_t size = der.size();
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr,
                         static_cast<EVP_PKEY*>(key_.get())) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size,
                     reinterpret_cast<const unsigned char*>(data.data()), data.size()) != 1) {
    return std::nullopt;
  }
  const unsigned char* at = der.data();
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::array<unsigned char, 2 * kCoordinateBytes> raw{};
  if (!signature ||
      BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), kCoordinateBytes) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + kCoordinateBytes,
                   kCoordinateBytes) < 0) {
    return std::nullopt;
  }
  return std::string(reinterpret_cast<const char*>(raw.data()), raw.size());
}

}  // namespace leeward::dns
