// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend.h"

#include <array>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

namespace leeward::gateway {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// DynamoDB Local closes after 30 s without a request, Amazon later.
constexpr auto kIdleLimit = std::chrono::seconds(20);
constexpr std::size_t kMaxIdle = 64;
constexpr std::size_t kReadBytes = 32 * 1024;
constexpr std::uint64_t kMaxAnswerBytes = 64ULL << 20U;

WallTime wall_now() {
  return WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

// Feeds the parser by hand, as the session does; and waits first, since no answer is there yet.
Task<error_code> read_plain(Socket& socket, beast::flat_buffer& buffer,
                            http::response_parser<http::string_body>& parser) {
  parser.eager(true);
  for (;;) {
    error_code error;
    std::tie(error) = co_await socket.async_wait(asio::socket_base::wait_read, kTuple);
    if (error) {
      co_return error;
    }
    const std::size_t bytes = socket.read_some(buffer.prepare(kReadBytes), error);
    if (error == asio::error::would_block) {
      continue;
    }
    if (error == asio::error::eof && parser.got_some()) {  // an answer may end with its connection
      error = {};
      parser.put_eof(error);
      co_return error;
    }
    if (error) {
      co_return error;
    }
    buffer.commit(bytes);
    buffer.consume(parser.put(buffer.data(), error));
    if (error && error != http::error::need_more) {
      co_return error;
    }
    if (parser.is_done()) {
      co_return error_code();
    }
  }
}

}  // namespace

struct Backend::Connection final : Watched {
  Connection(asio::io_context& io, Watchdog& watchdog) : socket(io), watchdog_(watchdog) {
    watchdog_.add(this);
  }
  ~Connection() override { watchdog_.remove(this); }

  void expire() override {
    expired = true;
    error_code ignored;
    socket.close(ignored);
  }

  Socket socket;
  std::optional<asio::ssl::stream<Socket&>> tls;
  beast::flat_buffer buffer;
  bool reused = false;
  bool expired = false;
  SteadyTime idle_since;

 private:
  Watchdog& watchdog_;
};

Result<HostAndPort> parse_url(std::string_view url) {
  HostAndPort parsed;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    parsed.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected http://HOST:PORT or https://HOST", url));
  }
  if (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  parsed.header = rest;
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  const std::size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parsed.host = rest.substr(0, colon);
  if (bracket != std::string_view::npos && parsed.host.size() > 2) {
    parsed.host = parsed.host.substr(1, bracket - 1);
  }
  parsed.port = colon == std::string_view::npos ? (parsed.tls ? "443" : "80")
                                                : std::string(rest.substr(colon + 1));
  const bool digits = parsed.port.find_first_not_of("0123456789") == std::string::npos;
  if (parsed.host.empty() || parsed.port.empty() || parsed.port.size() > 5 || !digits ||
      rest.find_first_of("/?#@ \t\r\n") != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected http://HOST:PORT or https://HOST, no path", url));
  }
  return parsed;
}

Backend::Backend(asio::io_context& io, Watchdog& watchdog, HostAndPort where,
                 std::string aws_region, const dynamodb::Credentials& credentials,
                 std::string peer_name)
    : io_(io),
      watchdog_(watchdog),
      where_(std::move(where)),
      peer_line_(peer_name.empty() ? "" : fmt::format("x-leeward-peer: {}\r\n", peer_name)),
      signer_(credentials, std::move(aws_region)) {
  if (where_.tls) {
    tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
    error_code ignored;  // without the system's certificates every handshake says so
    tls_->set_default_verify_paths(ignored);
    tls_->set_verify_mode(asio::ssl::verify_peer, ignored);
  }
}

Backend::~Backend() = default;

void Backend::close() {
  closed_ = true;
  idle_.clear();
}

Backend::Pooled Backend::take_idle() {
  const SteadyTime now = std::chrono::steady_clock::now();
  while (!idle_.empty()) {
    Pooled connection = std::move(idle_.back());
    idle_.pop_back();
    if (now - connection->idle_since < kIdleLimit && connection->socket.is_open()) {
      connection->reused = true;
      return connection;
    }
  }
  return nullptr;
}

Task<std::expected<Backend::Pooled, std::string>> Backend::connect(SteadyTime deadline) {
  auto connection = std::make_unique<Connection>(io_, watchdog_);
  connection->deadline = deadline;
  const auto failed = [&](const error_code& error) {
    return std::unexpected(fmt::format(
        "{}: {}", where_.header, connection->expired ? "no connection in time" : error.message()));
  };
  asio::ip::basic_resolver<tcp, Executor> resolver(io_);
  error_code error;
  const auto address = asio::ip::make_address(where_.host, error);
  if (!error) {
    const auto port = static_cast<std::uint16_t>(std::stoul(where_.port));
    std::tie(error) =
        co_await connection->socket.async_connect(tcp::endpoint(address, port), kTuple);
  } else {
    auto [resolve_error, found] = co_await resolver.async_resolve(where_.host, where_.port, kTuple);
    error = resolve_error;
    if (!error) {
      auto [connect_error, endpoint] =
          co_await asio::async_connect(connection->socket, found, kTuple);
      error = connect_error;
    }
  }
  if (error) {
    co_return failed(error);
  }
  connection->socket.set_option(tcp::no_delay(true), error);
  connection->socket.non_blocking(true, error);
  if (tls_ != nullptr) {
    connection->tls.emplace(connection->socket, *tls_);
    connection->tls->set_verify_callback(asio::ssl::host_name_verification(where_.host), error);
    SSL_set_tlsext_host_name(connection->tls->native_handle(), where_.host.c_str());
    std::tie(error) =
        co_await connection->tls->async_handshake(asio::ssl::stream_base::client, kTuple);
    if (error) {
      co_return failed(error);
    }
  }
  co_return connection;
}

std::string Backend::request_head(std::string_view target, std::string_view body) {
  return fmt::format(
      "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nX-Amz-Target: {}\r\n"
      "Accept-Encoding: identity\r\n{}{}Content-Length: {}\r\n\r\n",
      where_.header, kContentType, target, peer_line_,
      signer_.header_lines(where_.header, target, body, wall_now()), body.size());
}

Task<Backend::Attempt> Backend::exchange(Pooled connection, const std::string& head,
                                         std::string_view body, SteadyTime deadline) {
  Connection& c = *connection;
  c.deadline = deadline;
  const std::array<asio::const_buffer, 2> parts = {asio::buffer(head),
                                                   asio::buffer(body.data(), body.size())};
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxAnswerBytes);
  error_code error;
  if (c.tls) {
    std::tie(error, std::ignore) = co_await asio::async_write(*c.tls, parts, kTuple);
    if (!error) {
      std::tie(error, std::ignore) = co_await http::async_read(*c.tls, c.buffer, parser, kTuple);
    }
  } else {
    error = co_await write_all(c.socket, parts);
    if (!error) {
      error = co_await read_plain(c.socket, c.buffer, parser);
    }
  }
  c.deadline = SteadyTime::max();
  if (error) {
    co_return Attempt{
        std::unexpected(fmt::format("{}: {}", where_.header,
                                    c.expired ? "no answer in time" : error.message())),
        c.reused && !c.expired && !parser.got_some()};
  }
  auto& message = parser.get();
  RawAnswer answer{static_cast<int>(message.result_int()), std::move(message.body()),
                   std::string(message["x-amzn-RequestId"]), std::string(message["x-amz-crc32"])};
  if (message.keep_alive() && !closed_ && idle_.size() < kMaxIdle) {
    c.idle_since = std::chrono::steady_clock::now();
    idle_.push_back(std::move(connection));
  }
  co_return Attempt{std::move(answer)};
}

Task<RawResult> Backend::send(std::string_view target, std::string_view body, Duration timeout) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  const std::string head = request_head(target, body);
  if (Pooled connection = take_idle()) {
    Attempt attempt = co_await exchange(std::move(connection), head, body, deadline);
    if (!attempt.stale) {
      co_return std::move(attempt.result);
    }
  }
  auto connection = co_await connect(deadline);
  if (!connection) {
    co_return std::unexpected(std::move(connection.error()));
  }
  Attempt attempt = co_await exchange(std::move(*connection), head, body, deadline);
  co_return std::move(attempt.result);
}

}  // namespace leeward::gateway
