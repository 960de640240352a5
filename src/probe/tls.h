// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL for probes: contexts shared by all checks with the same trust, sessions that work
// directly on a non-blocking socket (no buffers of our own: an idle connection costs OpenSSL's few
// KiB).
//
// Thread-safety: contexts may be shared; a TlsSession has one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace leeward::probe {

using TlsContext = std::shared_ptr<SSL_CTX>;

// `verify`: against `ca_file` (PEM), or the system's store where it is empty.
[[nodiscard]] Result<TlsContext> make_tls_context(bool verify, const std::string& ca_file);

class TlsSession {
 public:
  enum class Step : std::uint8_t { kDone, kWantRead, kWantWrite, kClosed, kFailed };

  // `host`: what the certificate must name; sent as SNI when it is a name. The socket stays owned
  // by the caller and must outlive the session.
  static Result<TlsSession> create(const TlsContext& context, int socket, const std::string& host);

  TlsSession() = default;

  Step handshake();
  // Sets `count` to the bytes moved when kDone.
  Step write(std::string_view bytes, std::size_t& count);
  Step read(char* buffer, std::size_t size, std::size_t& count);

  // Why the last step was kFailed: OpenSSL's reason, or the certificate's fault.
  [[nodiscard]] const std::string& error() const { return error_; }
  explicit operator bool() const { return ssl_ != nullptr; }

 private:
  struct Free {
    void operator()(SSL* ssl) const;
  };

  Step step_of(int result);

  std::unique_ptr<SSL, Free> ssl_;
  std::string error_;
};

}  // namespace leeward::probe
