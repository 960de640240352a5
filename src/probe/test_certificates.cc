// SPDX-License-Identifier: Apache-2.0
#include "probe/test_certificates.h"

#include <cstdio>
#include <cstdlib>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "base/check.h"

namespace leeward::probe {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

Key make_key() {
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  LEEWARD_CHECK(extension != nullptr, "the extension is well formed");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate make_certificate(const std::string& name, EVP_PKEY* key, bool expired) {
  Certificate certificate(X509_new(), X509_free);
  static int serial = 1;
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  constexpr long kDay = 24L * 3600;
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -2 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), expired ? -kDay : kDay);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

struct TestAuthority::Keys {
  Key key;
  Certificate certificate;
};

TestAuthority::TestAuthority() : keys_(std::make_unique<Keys>()) {
  keys_->key = make_key();
  keys_->certificate = make_certificate("Test authority", keys_->key.get(), false);
  X509* ca = keys_->certificate.get();
  X509_set_issuer_name(ca, X509_get_subject_name(ca));
  add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(ca, ca, NID_key_usage, "critical,keyCertSign");
  X509_sign(ca, keys_->key.get(), EVP_sha256());
  std::string path = "/tmp/leeward_probe_ca_XXXXXX";
  const int fd = mkstemp(path.data());
  LEEWARD_CHECK(fd >= 0, "a temporary file can be made");
  std::FILE* file = fdopen(fd, "w");
  PEM_write_X509(file, ca);
  LEEWARD_CHECK(std::fclose(file) == 0, "the temporary file can be written");
  ca_file_ = path;
}

TestAuthority::~TestAuthority() {
  unlink(ca_file_.c_str());
}

std::shared_ptr<SSL_CTX> TestAuthority::server(const CertificateWish& wish) const {
  const Key key = make_key();
  const Certificate certificate = make_certificate("server", key.get(), wish.expired);
  X509* issuer = wish.self_signed ? certificate.get() : keys_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  add_extension(certificate.get(), issuer, NID_subject_alt_name, wish.names);
  X509_sign(certificate.get(), wish.self_signed ? key.get() : keys_->key.get(), EVP_sha256());
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  LEEWARD_CHECK(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1 &&
                    SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1,
                "OpenSSL takes its own certificate");
  return context;
}

}  // namespace leeward::probe
