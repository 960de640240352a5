// SPDX-License-Identifier: Apache-2.0
//
// Certificates made on the spot for tests.
#pragma once

#include <memory>
#include <string>

using SSL_CTX = struct ssl_ctx_st;

namespace leeward::probe {

struct CertificateWish {
  std::string names = "DNS:good.test,IP:127.0.0.1";  // subjectAltName
  bool self_signed = false;
  bool expired = false;
};

class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  [[nodiscard]] const std::string& ca_file() const { return ca_file_; }  // PEM
  // A server's context with a certificate of this authority.
  [[nodiscard]] std::shared_ptr<SSL_CTX> server(const CertificateWish& wish) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
  std::string ca_file_;
};

}  // namespace leeward::probe
