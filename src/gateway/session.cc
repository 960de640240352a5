// SPDX-License-Identifier: Apache-2.0
#include "gateway/session.h"

#include <array>
#include <optional>
#include <random>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <zlib.h>

namespace leeward::gateway {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::request_parser<http::string_body>;

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// As DynamoDB makes them: 52 letters and digits. For logs, not a secret.
std::string make_request_id() {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  thread_local std::minstd_rand engine{std::random_device{}()};
  std::string id(52, 'A');
  for (char& c : id) {
    c = kAlphabet[engine() % kAlphabet.size()];
  }
  return id;
}

std::string crc_of(std::string_view body) {
  const auto crc = crc32_z(0, reinterpret_cast<const unsigned char*>(body.data()), body.size());
  return std::to_string(crc);
}

std::string_view reason(int status) {
  const auto text = http::obsolete_reason(static_cast<http::status>(status));
  return {text.data(), text.size()};
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return lower;
}

Incoming view_of(const Parser::value_type& message) {
  Incoming incoming;
  incoming.received.method = message.method_string();
  incoming.received.path = message.target();
  incoming.received.body = message.body();
  incoming.received.headers.reserve(16);
  for (const auto& field : message) {
    incoming.received.headers.push_back({lower_case(field.name_string()), field.value()});
  }
  incoming.target = message["X-Amz-Target"];
  incoming.authorization = message[http::field::authorization];
  incoming.peer = message["x-leeward-peer"];
  return incoming;
}

// Requests that RFC 9112 sections 3.2 and 6.1 want refused, because proxies read them differently.
std::optional<std::string_view> framing_fault(const Parser::value_type& message) {
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() >= 11)) {
    return "an HTTP/1.1 request needs exactly one Host header";
  }
  if (message.count(http::field::transfer_encoding) > 0 &&
      message.count(http::field::content_length) > 0) {
    return "Transfer-Encoding and Content-Length exclude each other";
  }
  for (const auto* once : {"X-Amz-Target", "Authorization", "x-leeward-peer"}) {
    if (message.count(once) > 1) {
      return "X-Amz-Target, Authorization and x-leeward-peer may each stand there once";
    }
  }
  return std::nullopt;
}

}  // namespace

class Session final : public Watched {
 public:
  Session(Socket socket, Responder& responder, const SessionLimits& limits, Watchdog& watchdog,
          SessionList& list)
      : socket_(std::move(socket)),
        responder_(responder),
        limits_(limits),
        watchdog_(watchdog),
        list_(list) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    watchdog_.add(this);
    list_.sessions_.insert(this);
  }
  ~Session() override {
    list_.body_bytes_ -= held_bytes_;
    list_.sessions_.erase(this);
    watchdog_.remove(this);
  }

  void expire() override { close(); }

  void finish() {
    if (waiting_) {
      close();
    }
  }

  Task<void> run() {
    while (socket_.is_open() && !list_.finishing_) {
      if (!co_await wait_for_request()) {
        break;
      }
      Parser parser;
      parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
      parser.body_limit(limits_.body_bytes);
      if (!co_await read(parser)) {
        break;
      }
      deadline = SteadyTime::max();
      const bool head = parser.get().method() == http::verb::head;
      const bool keep = parser.get().keep_alive();
      Reply reply = co_await responder_.respond(view_of(parser.get()));
      if (reply.reset) {
        reset();
        break;
      }
      hold(0);
      const bool goes_on = keep && !list_.finishing_;
      if (!co_await write(reply, goes_on, head) || !goes_on) {
        break;
      }
    }
    close();
  }

 private:
  void close() {
    error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_both, ignored);
    socket_.close(ignored);
  }

  void reset() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

  void expect_within(std::chrono::seconds time) {
    deadline = std::chrono::steady_clock::now() + time;
  }

  // Reads what there is into buffer_, whose former content the parser has taken or will take.
  Task<error_code> read_some() {
    const auto [error, bytes] =
        co_await socket_.async_read_some(buffer_.prepare(kReadBytes), kTuple);
    buffer_.commit(bytes);
    co_return error;
  }

  Task<bool> wait_for_request() {
    if (buffer_.size() > 0) {  // sent together with the one before
      co_return true;
    }
    expect_within(limits_.idle);
    waiting_ = true;
    const error_code error = co_await read_some();
    waiting_ = false;
    co_return !error;
  }

  // Counts the request's body among those of all sessions; false: there is no room for it.
  bool hold(std::size_t body_bytes) {
    list_.body_bytes_ = list_.body_bytes_ - held_bytes_ + body_bytes;
    held_bytes_ = body_bytes;
    return list_.body_bytes_ <= limits_.worker_body_bytes;
  }

  // Feeds the parser by hand: Beast's composed reads cost a turn of the event loop even where all
  // bytes are here already. False: the connection ends; the client has been told why if it could
  // be.
  Task<bool> read(Parser& parser) {
    expect_within(limits_.request);
    parser.eager(true);
    bool continued = false;
    for (;;) {
      error_code error;
      if (buffer_.size() > 0) {
        buffer_.consume(parser.put(buffer_.data(), error));
      }
      if (error && error != http::error::need_more) {
        co_await refuse(error);
        co_return false;
      }
      if (!hold(parser.get().body().size())) {
        co_await write(responder_.refuse(503, "too much is being sent at once; try again"), false,
                       false);
        co_return false;
      }
      if (parser.is_done()) {
        break;
      }
      if (parser.is_header_done() && !std::exchange(continued, true) &&
          beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        const std::array<asio::const_buffer, 1> text = {asio::buffer(kContinue)};
        co_await write_all(socket_, text);
      }
      if (error = co_await read_some(); error) {
        co_return false;
      }
    }
    if (const auto fault = framing_fault(parser.get())) {
      co_await write(responder_.refuse(400, *fault), false, false);
      co_return false;
    }
    co_return true;
  }

  Task<void> refuse(const error_code& error) {
    Reply reply;
    if (error == http::error::body_limit) {
      reply = responder_.refuse(413, "the request is larger than 16 MiB");
    } else if (error == http::error::header_limit) {
      reply = responder_.refuse(431, "the headers are larger than 16 KiB");
    } else {
      reply = responder_.refuse(400, fmt::format("this is not HTTP/1.1: {}", error.message()));
    }
    if (co_await write(reply, false, false)) {
      co_await drain();
    }
  }

  // Reads on for a moment: a close with unread bytes is a reset, which takes the answer along.
  Task<void> drain() {
    error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    expect_within(std::chrono::seconds(2));
    for (;;) {
      buffer_.clear();
      if (co_await read_some()) {
        co_return;
      }
    }
  }

  // Whether it could be written.
  Task<bool> write(const Reply& reply, bool keep, bool head) {
    const std::string begin = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nx-amzn-RequestId: {}\r\nx-amz-crc32: {}\r\n"
        "Content-Length: {}\r\n{}\r\n",
        reply.status, reason(reply.status), reply.content_type,
        reply.request_id.empty() ? make_request_id() : reply.request_id,
        reply.crc32.empty() ? crc_of(reply.body) : reply.crc32, reply.body.size(),
        keep ? "" : "Connection: close\r\n");
    expect_within(limits_.write);
    const std::array<asio::const_buffer, 2> parts = {
        asio::buffer(begin), asio::buffer(reply.body.data(), head ? 0 : reply.body.size())};
    co_return !co_await write_all(socket_, parts);
  }

  Socket socket_;
  Responder& responder_;
  const SessionLimits& limits_;
  Watchdog& watchdog_;
  SessionList& list_;
  beast::flat_buffer buffer_;
  bool waiting_ = false;
  std::size_t held_bytes_ = 0;
};

void SessionList::finish() {
  finishing_ = true;
  for (Session* session : sessions_) {
    session->finish();
  }
}

Task<void> run_session(Socket socket, Responder& responder, const SessionLimits& limits,
                       Watchdog& watchdog, SessionList& list) {
  Session session(std::move(socket), responder, limits, watchdog, list);
  co_await session.run();
}

}  // namespace leeward::gateway
