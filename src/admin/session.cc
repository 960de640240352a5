// SPDX-License-Identifier: Apache-2.0
#include "admin/session.h"

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

#include "admin/api.h"
#include "admin/problem.h"

namespace leeward::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

using HttpRequest = http::request<http::string_body>;
using HttpResponse = http::response<http::string_body>;

constexpr std::size_t kReadBytes = 4096;
constexpr unsigned kFollowerRetryMs = 1000;

std::string text_of(std::string_view view) {
  return std::string(view);
}

std::optional<std::string> optional_header(const HttpRequest& from, http::field field) {
  const auto found = from.find(field);
  return found == from.end() ? std::nullopt : std::optional(text_of(found->value()));
}

Request to_request(HttpRequest&& from) {
  Request request;
  request.method = text_of(from.method_string());
  request.target = text_of(from.target());
  request.host = optional_header(from, http::field::host);
  request.origin = optional_header(from, http::field::origin);
  request.authorization = text_of(from[http::field::authorization]);
  request.content_type = text_of(from[http::field::content_type]);
  request.accept = text_of(from[http::field::accept]);
  if (const auto found = from.find("Last-Event-ID"); found != from.end()) {
    request.last_event_id = text_of(found->value());
  }
  request.body = std::move(from.body());
  return request;
}

MountedRequest to_mounted(HttpRequest&& from) {
  MountedRequest request;
  request.method = text_of(from.method_string());
  request.target = text_of(from.target());
  for (const auto& field : from) {
    std::string name = text_of(field.name_string());
    std::ranges::transform(name, name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    request.headers.emplace_back(std::move(name), text_of(field.value()));
  }
  request.body = std::move(from.body());
  return request;
}

// HTTP that is wrong in itself, before any route; nothing: the client is gone, say nothing.
std::optional<Response> response_to(const error_code& error) {
  if (error == http::error::body_limit) {
    return http_problem(413, "the body is larger than this API takes");
  }
  if (error == http::error::header_limit) {
    return http_problem(431, "the headers are larger than this API takes");
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != make_error_code(http::error::bad_line_ending).category()) {
    return std::nullopt;
  }
  return http_problem(400, fmt::format("this is not HTTP/1.1: {}", error.message()));
}

// Requests that RFC 9112 section 3.2 and 6.1 want refused, because proxies read them differently.
std::optional<Response> check_framing(const HttpRequest& request) {
  const auto hosts = request.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && request.version() >= 11)) {
    return http_problem(400, "an HTTP/1.1 request needs exactly one Host header");
  }
  if (request.count(http::field::transfer_encoding) > 0 &&
      request.count(http::field::content_length) > 0) {
    return http_problem(400, "Transfer-Encoding and Content-Length exclude each other");
  }
  return std::nullopt;
}

template <typename Stream>
class SessionOn final : public Session, public std::enable_shared_from_this<SessionOn<Stream>> {
 public:
  static constexpr bool kTls = !std::is_same_v<Stream, beast::tcp_stream>;

  SessionOn(Stream stream, std::shared_ptr<asio::ssl::context> tls,
            std::shared_ptr<SessionContext> context, std::function<void()> on_end)
      : tls_(std::move(tls)),
        stream_(std::move(stream)),
        context_(std::move(context)),
        on_end_(std::move(on_end)),
        timer_(stream_.get_executor()) {}

  ~SessionOn() override { end(); }

  void start() override {
    waiting_since_ = ++context_->clock;
    tcp().expires_after(context_->limits.first_byte);
    if constexpr (kTls) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](const error_code& error) {
                                error ? self->close() : self->wait_for_request();
                              });
    } else {
      wait_for_request();
    }
  }

  void finish() override {
    finishing_ = true;
    if (!answering_) {
      close();
    }
  }

  void close() override {
    if (closed_) {
      return;
    }
    closed_ = true;
    error_code ignored;
    tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    tcp().close();
    timer_.cancel();
    end();
  }

  [[nodiscard]] std::optional<std::uint64_t> waiting_since() const override {
    return waiting_since_;
  }

 private:
  beast::tcp_stream& tcp() { return beast::get_lowest_layer(stream_); }

  // Leaves the shared counts and the server's list, once.
  void end() {
    if (subscription_) {
      context_->events.unsubscribe(*subscription_);
      subscription_.reset();
      --context_->followers;
    }
    if (auto on_end = std::exchange(on_end_, nullptr)) {
      on_end();
    }
  }

  void wait_for_request() {
    if (closed_) {
      return;
    }
    if (buffer_.size() > 0) {  // sent together with the one before
      return read_request();
    }
    if (!waiting_since_) {
      waiting_since_ = ++context_->clock;
    }
    tcp().expires_after(served_ == 0 ? context_->limits.first_byte : context_->limits.idle);
    stream_.async_read_some(
        buffer_.prepare(kReadBytes),
        [self = this->shared_from_this()](const error_code& error, std::size_t bytes) {
          if (error) {
            return self->close();
          }
          self->buffer_.commit(bytes);
          self->read_request();
        });
  }

  void read_request() {
    waiting_since_.reset();
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(context_->limits.header_bytes));
    parser_->body_limit(context_->mounted
                            ? std::max(context_->limits.body_bytes, ApiServer::kMountedBodyBytesMax)
                            : context_->limits.body_bytes);
    tcp().expires_after(context_->limits.request);  // for the whole request, not per read
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](const error_code& error, std::size_t) {
                       self->on_request(error);
                     });
  }

  void on_request(const error_code& error) {
    if (closed_) {
      return;
    }
    if (error) {
      const std::optional<Response> response = response_to(error);
      if (!response) {
        return close();
      }
      keep_alive_ = false;
      head_ = false;
      version_ = 11;
      return write(*response);
    }
    HttpRequest request = parser_->release();
    keep_alive_ = request.keep_alive();
    head_ = request.method() == http::verb::head;
    version_ = request.version();
    if (const std::optional<Response> bad = check_framing(request)) {
      keep_alive_ = false;
      return write(*bad);
    }
    if (context_->mounted && request.target().starts_with(context_->mounted_prefix)) {
      return answer_mounted(to_mounted(std::move(request)));
    }
    // Zone files are large; everything else that comes here is not.
    if (request.body().size() > context_->limits.body_bytes &&
        !request.target().starts_with("/v1/zones/")) {
      return write(http_problem(413, "the body is larger than this API takes"));
    }
    answer(to_request(std::move(request)));
  }

  void answer_mounted(MountedRequest request) {
    const std::uint64_t number = begin_answering();
    context_->mounted(std::move(request),
                      [self = this->shared_from_this(), number](Response response) {
                        self->respond(number, std::move(response));
                      });
  }

  // The number of the request that is being answered; its deadline runs.
  std::uint64_t begin_answering() {
    answering_ = true;
    const std::uint64_t number = ++served_;
    tcp().expires_never();
    timer_.expires_after(context_->limits.control_plane);
    timer_.async_wait([self = this->shared_from_this(), number](const error_code& error) {
      if (!error) {
        self->respond(number, http_problem(504,
                                           "the command has not ended in time and may still take "
                                           "effect; look at /v1/decisions"));
      }
    });
    return number;
  }

  void answer(const Request& request) {
    const std::uint64_t number = begin_answering();
    context_->router.handle(request, [self = this->shared_from_this(), number](Response response) {
      self->respond(number, std::move(response));
    });
  }

  // Only the first answer to a request counts: the deadline and the control plane race.
  void respond(std::uint64_t number, Response response) {
    if (closed_ || number != served_ || number == responded_) {
      return;
    }
    responded_ = number;
    answering_ = false;
    timer_.cancel();
    if (!response.follow_events) {
      return write(std::move(response));
    }
    if (context_->followers >= context_->limits.followers) {
      return write(problem(
          {ErrorCode::kResourceExhausted, "too many clients follow the events; try again later"}));
    }
    follow(response);
  }

  void write(Response response) {
    keep_alive_ = keep_alive_ && !finishing_;
    response_ = HttpResponse(static_cast<http::status>(response.status), version_);
    response_.reason(reason_phrase(response.status));
    response_.set(http::field::content_type, response.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : response.headers) {
      response_.set(name, value);
    }
    response_.body() = std::move(response.body);
    response_.keep_alive(keep_alive_);
    response_.prepare_payload();
    if (head_) {
      response_.body().clear();  // the length stays: that of the answer to GET
    }
    answering_ = true;
    tcp().expires_after(context_->limits.response);
    http::async_write(stream_, response_,
                      [self = this->shared_from_this()](const error_code& error, std::size_t) {
                        self->on_written(error);
                      });
  }

  void on_written(const error_code& error) {
    answering_ = false;
    if (closed_) {
      return;
    }
    if (error || !keep_alive_ || finishing_) {
      return linger(error);
    }
    wait_for_request();
  }

  // Closing a socket with unread bytes resets it, and the client may lose the answer: so say that
  // nothing more comes, and read what still arrives for a moment.
  void linger(const error_code& error) {
    error_code ignored;
    tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    if (error || ignored || finishing_) {
      return close();
    }
    waiting_since_ = ++context_->clock;  // may make room for others
    tcp().expires_after(std::min<Duration>(context_->limits.response, std::chrono::seconds(1)));
    drain(16);
  }

  void drain(int reads_left) {
    buffer_.clear();
    tcp().async_read_some(
        buffer_.prepare(kReadBytes),
        [self = this->shared_from_this(), reads_left](const error_code& error, std::size_t) {
          if (error || reads_left == 0) {
            return self->close();
          }
          self->drain(reads_left - 1);
        });
  }

  // ---- following events ----

  void follow(const Response& response) {
    ++context_->followers;
    std::string begin = fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\nretry: {}\n",
        response.content_type, kFollowerRetryMs);
    begin += first_frames(response.last_event_id);
    subscription_ = context_->events.subscribe(
        [this](const StoredEvent& event) { send_to_follower(event.frame); });
    tcp().expires_never();
    send_to_follower(std::move(begin));
    watch_follower();
    schedule_heartbeat();
  }

  // What a client missed; or, where it starts anew, the id from which it can resume later.
  [[nodiscard]] std::string first_frames(const std::optional<std::string>& last_event_id) const {
    const std::string here = fmt::format("id: {}\n", context_->events.last_id());
    if (!last_event_id) {
      return here + "\n";
    }
    const EventLog::Replay replay = context_->events.since(*last_event_id);
    if (!replay.complete) {
      return here +
             "event: reset\ndata: {\"detail\":\"events were missed; read the state anew\"}\n\n";
    }
    std::string frames = "\n";
    for (const StoredEvent& event : replay.events) {
      frames += event.frame;
    }
    return frames;
  }

  void send_to_follower(std::string frame) {
    if (closed_) {
      return;
    }
    const bool begin = queue_.empty();
    queued_bytes_ += frame.size();
    if (!begin && queued_bytes_ > context_->limits.follower_queue_bytes) {
      return close();  // too slow; it can come back with the last id that it saw
    }
    queue_.push_back(std::move(frame));
    if (begin) {
      write_to_follower();
    }
  }

  void write_to_follower() {
    asio::async_write(stream_, asio::buffer(queue_.front()),
                      [self = this->shared_from_this()](const error_code& error, std::size_t) {
                        if (error || self->closed_) {
                          return self->close();
                        }
                        ++self->frames_taken_;
                        self->queued_bytes_ -= self->queue_.front().size();
                        self->queue_.pop_front();
                        if (!self->queue_.empty()) {
                          self->write_to_follower();
                        }
                      });
  }

  // A follower sends nothing more; the read ends when it is gone.
  void watch_follower() {
    buffer_.clear();
    stream_.async_read_some(
        buffer_.prepare(kReadBytes),
        [self = this->shared_from_this()](const error_code&, std::size_t) { self->close(); });
  }

  void schedule_heartbeat() {
    timer_.expires_after(context_->limits.heartbeat);
    timer_.async_wait(
        [self = this->shared_from_this(), taken = frames_taken_](const error_code& error) {
          if (error || self->closed_) {
            return;
          }
          if (!self->queue_.empty() && self->frames_taken_ == taken) {
            return self->close();  // took nothing for a whole heartbeat
          }
          self->send_to_follower(":\n\n");
          self->schedule_heartbeat();
        });
  }

  std::shared_ptr<asio::ssl::context> tls_;  // outlives the stream that refers to it
  Stream stream_;
  std::shared_ptr<SessionContext> context_;
  std::function<void()> on_end_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  HttpResponse response_;
  bool keep_alive_ = false;
  bool head_ = false;
  unsigned version_ = 11;
  bool answering_ = false;  // between a request's end and its answer's end
  bool finishing_ = false;
  bool closed_ = false;
  std::uint64_t served_ = 0;
  std::uint64_t responded_ = 0;  // the last request that has its answer, on its way or there
  std::optional<std::uint64_t> waiting_since_;

  std::optional<EventLog::SubscriptionId> subscription_;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t frames_taken_ = 0;
};

}  // namespace

std::shared_ptr<Session> make_session(asio::ip::tcp::socket socket,
                                      std::shared_ptr<asio::ssl::context> tls,
                                      std::shared_ptr<SessionContext> context,
                                      std::function<void()> on_end) {
  beast::tcp_stream plain(std::move(socket));
  if (tls == nullptr) {
    return std::make_shared<SessionOn<beast::tcp_stream>>(std::move(plain), nullptr,
                                                          std::move(context), std::move(on_end));
  }
  using TlsStream = asio::ssl::stream<beast::tcp_stream>;
  TlsStream stream(std::move(plain), *tls);
  return std::make_shared<SessionOn<TlsStream>>(std::move(stream), std::move(tls),
                                                std::move(context), std::move(on_end));
}

}  // namespace leeward::admin
