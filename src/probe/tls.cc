// SPDX-License-Identifier: Apache-2.0
#include "probe/tls.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "probe/socket_address.h"

namespace leeward::probe {
namespace {

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("OpenSSL error {:#x}", code);
}

}  // namespace

Result<TlsContext> make_tls_context(bool verify, const std::string& ca_file) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) {
    return fail(ErrorCode::kInternal, "TLS context: " + openssl_reason());
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // RELEASE_BUFFERS: thousands of idle connections must not keep two 16 KiB records each.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A server that closes without close_notify is common and no reason to call it dead.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (!verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    return context;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
      return fail(ErrorCode::kFailedPrecondition,
                  "reading the system's certificate store: " + openssl_reason());
    }
  } else if (SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("ca_file {}: {}; it must be a readable PEM file with certificates",
                            ca_file, openssl_reason()));
  }
  return context;
}

void TlsSession::Free::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

Result<TlsSession> TlsSession::create(const TlsContext& context, int socket,
                                      const std::string& host) {
  ERR_clear_error();
  TlsSession session;
  session.ssl_.reset(SSL_new(context.get()));
  SSL* ssl = session.ssl_.get();
  bool ok = ssl != nullptr && SSL_set_fd(ssl, socket) == 1;
  if (ok && parse_address(host)) {
    ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  } else if (ok) {
    ok = SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
  }
  if (!ok) {
    return fail(ErrorCode::kInvalidArgument, "TLS set-up: " + openssl_reason());
  }
  SSL_set_connect_state(ssl);
  return session;
}

TlsSession::Step TlsSession::step_of(int result) {
  const int error_number = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return Step::kDone;
    case SSL_ERROR_WANT_READ:
      return Step::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return Step::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Step::kClosed;
    case SSL_ERROR_SYSCALL:
      if (error_number == 0 || error_number == ECONNRESET || error_number == EPIPE) {
        return Step::kClosed;
      }
      error_ = std::system_category().message(error_number);
      return Step::kFailed;
    default: {
      const long verdict = SSL_get_verify_result(ssl_.get());
      const bool verifying = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0;
      error_ = !verifying || verdict == X509_V_OK
                   ? openssl_reason()
                   : fmt::format("certificate: {}", X509_verify_cert_error_string(verdict));
      return Step::kFailed;
    }
  }
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  errno = 0;
  return step_of(SSL_do_handshake(ssl_.get()));
}

TlsSession::Step TlsSession::write(std::string_view bytes, std::size_t& count) {
  ERR_clear_error();
  errno = 0;
  return step_of(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count));
}

TlsSession::Step TlsSession::read(char* buffer, std::size_t size, std::size_t& count) {
  ERR_clear_error();
  errno = 0;
  return step_of(SSL_read_ex(ssl_.get(), buffer, size, &count));
}

}  // namespace leeward::probe
