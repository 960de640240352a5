// SPDX-License-Identifier: Apache-2.0
//
// The part of Prober that talks: TLS handshake, request, answer, and what becomes of the
// connection.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>

#include "probe/clock.h"
#include "probe/prober.h"

namespace leeward::probe {
namespace {

bool is_healthy_status(int status) {
  return status >= 200 && status < 400;
}

// Host: the name or address, IPv6 in brackets, the port where it is not the scheme's own.
void write_request(const HealthCheck& check, std::string& request) {
  const std::string& host = check.host_name.empty() ? check.address : check.host_name;
  const bool bare_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
  const std::uint16_t usual = is_tls(check.type) ? 443 : 80;
  request.clear();
  auto out = std::back_inserter(request);
  // A zone ("%eth0") means nothing to the server.
  out = fmt::format_to(out, "GET {} HTTP/1.1\r\nHost: {}{}{}", check.path, bare_v6 ? "[" : "",
                       std::string_view(host).substr(0, host.find('%')), bare_v6 ? "]" : "");
  if (check.port != usual) {
    out = fmt::format_to(out, ":{}", check.port);
  }
  fmt::format_to(out,
                 "\r\nUser-Agent: Leeward-Health-Check\r\nAccept: */*\r\nConnection: {}\r\n\r\n",
                 check.fresh_connection ? "close" : "keep-alive");
}

}  // namespace

void Prober::handshake(Session& session) {
  switch (session.tls.handshake()) {
    case TlsSession::Step::kDone:
      give_place_back(session);
      return send_request(session);
    case TlsSession::Step::kWantRead:
      return wait_read(session);
    case TlsSession::Step::kWantWrite:
      return wait_write(session);
    case TlsSession::Step::kClosed:
      finish(session, ProbeOutcome::kTlsError, "connection closed during the TLS handshake");
      return release(session);
    case TlsSession::Step::kFailed:
      finish(session, ProbeOutcome::kTlsError, session.tls.error());
      return release(session);
  }
}

void Prober::send_request(Session& session) {
  const HealthCheck& check = session.target->check;
  session.response = HttpResponse(is_string_match(check.type) ? HttpResponse::kBodyWindowMax : 0);
  session.bytes_read = 0;
  session.state = State::kSending;
  write_request(check, request_);
  session.unsent = request_;
  continue_send(session);
}

void Prober::continue_send(Session& session) {
  while (!session.unsent.empty()) {
    std::size_t count = 0;
    Outcome why;
    switch (write_some(session, session.unsent, count, why)) {
      case Io::kMoved:
        session.unsent.erase(0, count);
        break;
      case Io::kWantRead:
        return wait_read(session);
      case Io::kWantWrite:
        return wait_write(session);
      case Io::kClosed:
      case Io::kFailed:
        return on_closed(session, std::move(why));
    }
  }
  session.state = State::kReceiving;
  wait_read(session);
}

void Prober::receive(Session& session) {
  // Ends because each turn moves bytes and kResponseBytesMax ends the session.
  const std::uint32_t generation = session.generation;
  for (;;) {
    std::size_t count = 0;
    Outcome why;
    switch (read_some(session, count, why)) {
      case Io::kMoved:
        session.bytes_read += count;
        session.response.feed(std::string_view(buffer_.data(), count));
        judge(session);
        break;
      case Io::kWantRead:
        return wait_read(session);
      case Io::kWantWrite:
        return wait_write(session);
      case Io::kClosed:
      case Io::kFailed:
        return on_closed(session, std::move(why));
    }
    const bool goes_on = session.generation == generation &&
                         (session.state == State::kReceiving || session.state == State::kDraining);
    if (!goes_on) {
      return;
    }
    if (!session.tls && count < buffer_.size()) {
      return wait_read(session);  // the socket is empty: spare the call that would say so
    }
  }
}

// Decides as soon as the bytes allow, then what becomes of the connection.
void Prober::judge(Session& session) {
  const HttpResponse& response = session.response;
  if (session.sequence != 0 && response.headers_done()) {
    if (!is_healthy_status(response.status())) {
      finish(session, ProbeOutcome::kBadStatus, fmt::format("HTTP {}", response.status()));
    } else if (!is_string_match(session.target->check.type)) {
      finish(session, ProbeOutcome::kSuccess, fmt::format("HTTP {}", response.status()));
    } else {
      judge_body(session);
    }
  }
  if (session.sequence != 0) {
    if (response.progress() == HttpResponse::Progress::kMalformed) {
      finish(session, ProbeOutcome::kMalformed, response.error());
    } else if (session.bytes_read >= kResponseBytesMax) {
      finish(session, ProbeOutcome::kMalformed, "over 128 KiB received without a result");
    } else {
      return;
    }
  }
  after_result(session);
}

void Prober::judge_body(Session& session) {
  const HttpResponse& response = session.response;
  const std::string& wanted = session.target->check.search_string;
  if (response.body_window().find(wanted) != std::string_view::npos) {
    finish(session, ProbeOutcome::kSuccess, fmt::format("HTTP {}", response.status()));
  } else if (response.window_full() || response.progress() == HttpResponse::Progress::kDone) {
    finish(session, ProbeOutcome::kNoMatch,
           fmt::format("HTTP {}, search string not in the first {} bytes of the body",
                       response.status(), response.body_window().size()));
  }
}

void Prober::after_result(Session& session) {
  const HttpResponse& response = session.response;
  const bool wanted = !session.target->check.fresh_connection;
  switch (response.progress()) {
    case HttpResponse::Progress::kDone:
      return wanted && response.keep_alive() ? become_idle(session) : release(session);
    case HttpResponse::Progress::kNeedMore:
      if (wanted && response.body_bytes() <= kDrainBytesMax &&
          session.bytes_read < kResponseBytesMax) {
        session.state = State::kDraining;
        return;
      }
      return release(session);
    case HttpResponse::Progress::kTruncated:
    case HttpResponse::Progress::kMalformed:
      return release(session);
  }
}

// The other side closed or reset the connection.
void Prober::on_closed(Session& session, Outcome why) {
  if (session.sequence == 0) {
    return release(session);
  }
  if (session.reused && !session.response.any_byte() && why.outcome == ProbeOutcome::kClosed) {
    session.reused = false;
    ++counters_.reuse_retries;
    close_socket(session);
    return resolve(session, mono_now());
  }
  const bool answered = session.response.any_byte();
  if (why.outcome == ProbeOutcome::kClosed && answered) {
    session.response.finish();  // a body may end with the connection
    judge(session);
    if (session.target == nullptr || session.sequence == 0) {
      return;
    }
    why.detail = "connection closed in the middle of the response";
  }
  finish(session, why.outcome, why.detail);
  release(session);
}

void Prober::become_idle(Session& session) {
  if (session.target->idle != Target::kNone) {
    return release(session);  // one per target is enough: bursts do not leave a crowd behind
  }
  session.target->idle = session.index;
  session.state = State::kIdle;
  session.response = HttpResponse();
  session.unsent = {};
  session.addresses.reset();
  wait_read(session);
}

// An idle connection became readable: closed, or TLS housekeeping, or bytes that nobody asked for.
void Prober::check_idle(Session& session) {
  std::size_t count = 0;
  Outcome why;
  const Io what = read_some(session, count, why);
  if (what == Io::kWantRead) {
    return wait_read(session);
  }
  if (what == Io::kClosed || what == Io::kFailed) {
    closed_.push_back(session.target);
  }
  release(session);
}

Prober::Io Prober::read_some(Session& session, std::size_t& count, Outcome& why) {
  why = {ProbeOutcome::kClosed, "connection closed before an answer"};
  if (session.tls) {
    switch (session.tls.read(buffer_.data(), buffer_.size(), count)) {
      case TlsSession::Step::kDone:
        return Io::kMoved;
      case TlsSession::Step::kWantRead:
        return Io::kWantRead;
      case TlsSession::Step::kWantWrite:
        return Io::kWantWrite;
      case TlsSession::Step::kClosed:
        return Io::kClosed;
      case TlsSession::Step::kFailed:
        why = {ProbeOutcome::kTlsError, session.tls.error()};
        return Io::kFailed;
    }
  }
  const ssize_t result =
      ::recv(session.socket.native_handle(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (result > 0) {
    count = static_cast<std::size_t>(result);
    return Io::kMoved;
  }
  if (result == 0) {
    return Io::kClosed;
  }
  if (errno == EAGAIN || errno == EINTR) {
    return Io::kWantRead;
  }
  why = exchange_failure(errno);
  return Io::kFailed;
}

Prober::Io Prober::write_some(Session& session, std::string_view bytes, std::size_t& count,
                              Outcome& why) {
  why = {ProbeOutcome::kClosed, "connection closed before an answer"};
  if (session.tls) {
    switch (session.tls.write(bytes, count)) {
      case TlsSession::Step::kDone:
        return Io::kMoved;
      case TlsSession::Step::kWantRead:
        return Io::kWantRead;
      case TlsSession::Step::kWantWrite:
        return Io::kWantWrite;
      case TlsSession::Step::kClosed:
        return Io::kClosed;
      case TlsSession::Step::kFailed:
        why = {ProbeOutcome::kTlsError, session.tls.error()};
        return Io::kFailed;
    }
  }
  const ssize_t result = ::send(session.socket.native_handle(), bytes.data(), bytes.size(),
                                MSG_NOSIGNAL | MSG_DONTWAIT);
  if (result >= 0) {
    count = static_cast<std::size_t>(result);
    return Io::kMoved;
  }
  if (errno == EAGAIN || errno == EINTR) {
    return Io::kWantWrite;
  }
  why = exchange_failure(errno);
  return Io::kFailed;
}

}  // namespace leeward::probe
