// SPDX-License-Identifier: Apache-2.0
//
// Sessions, resolving and connecting. The exchange itself is in exchange.cc.
#include "probe/prober.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/check.h"
#include "probe/clock.h"

namespace leeward::probe {
namespace {

constexpr std::size_t kBufferBytes = 16 * 1024;

}  // namespace

Target::Target(HealthCheck health_check, TlsContext context)
    : check(std::move(health_check)),
      tls(std::move(context)),
      address(parse_address(check.address)) {
  if (address) {
    address->set_port(check.port);
  }
}

Prober::Prober(boost::asio::io_context& io, std::mutex& mutex, std::shared_ptr<Resolver> resolver,
               std::size_t connects_max)
    : io_(io),
      mutex_(mutex),
      resolver_(std::move(resolver)),
      connects_max_(std::max<std::size_t>(connects_max, 1)),
      buffer_(kBufferBytes) {
  // Asio makes its reactor with the first socket and throws where descriptors have run out: have
  // that happen here, at start, and not in a probe.
  const boost::asio::posix::stream_descriptor reactor(io_);
  // Runs on a resolver thread. It lives no longer than the prober (weak_ptr), but a call may be
  // under way when the prober dies: it only posts, and the io_context outlives the listener's last
  // call because the owner destroys the prober, then waits (see the destructor).
  listener_ = std::make_shared<Resolver::Listener>([this](const std::string& name) {
    boost::asio::post(io_, [this, name] {
      const std::lock_guard lock(mutex_);
      on_resolved(name);
    });
  });
}

Prober::~Prober() {
  // Wait for a listener call under way: it holds a reference while it runs.
  const std::weak_ptr<Resolver::Listener> gone = listener_;
  listener_.reset();
  while (!gone.expired()) {
    usleep(100);
  }
  for (Session& session : sessions_) {
    close_socket(session);
  }
}

void Prober::start(Target& target, std::uint64_t sequence, Duration timeout, MonoTime now) {
  const bool may_reuse = target.idle != Target::kNone && !target.check.fresh_connection;
  if (may_reuse && now - sessions_[target.idle].started <= kIdleMax) {
    Session& session = sessions_[target.idle];
    target.idle = Target::kNone;
    session.sequence = sequence;
    session.started = now;
    session.deadline = session.step_deadline = now + timeout;
    session.reused = true;
    ++counters_.connections_reused;
    send_request(session);
    return;
  }
  if (may_reuse) {
    release(sessions_[target.idle]);
  }
  Session& session = allocate(target);
  session.sequence = sequence;
  session.started = now;
  session.deadline = session.step_deadline = now + timeout;
  resolve(session, now);
}

void Prober::advance(Target& target, MonoTime now, bool stalled) {
  // Backwards: release() moves the last one into the hole.
  for (std::size_t i = target.sessions.size(); i-- > 0;) {
    Session& session = sessions_[target.sessions[i]];
    if (session.state == State::kIdle) {
      continue;
    }
    if (now >= session.deadline) {
      if (session.sequence != 0) {
        finish_overdue(session, stalled);
      }
      release(session);
    } else if (now >= session.step_deadline) {
      attempt_failed(session, {ProbeOutcome::kTimeout, "no connection in time"});
    }
  }
}

MonoTime Prober::next_deadline(const Target& target) const {
  MonoTime next = MonoTime::max();
  for (const std::uint32_t index : target.sessions) {
    const Session& session = sessions_[index];
    if (session.state != State::kIdle) {
      next = std::min(next, std::min(session.deadline, session.step_deadline));
    }
  }
  return next;
}

void Prober::drop(Target& target) {
  while (!target.sessions.empty()) {
    release(sessions_[target.sessions.back()]);
  }
  std::erase_if(finished_, [&](const Finished& each) { return each.target == &target; });
  std::erase(closed_, &target);
}

std::vector<Finished> Prober::take_finished() {
  return std::exchange(finished_, {});
}

std::vector<Target*> Prober::take_closed() {
  return std::exchange(closed_, {});
}

Prober::Counters Prober::counters() const {
  Counters counters = counters_;
  counters.connecting = connecting_;
  counters.connects_waiting = queue_.size();
  counters.sessions = sessions_.size() - free_.size();
  return counters;
}

Prober::Session& Prober::allocate(Target& target) {
  if (free_.empty()) {
    const auto index = static_cast<std::uint32_t>(sessions_.size());
    sessions_.emplace_back(io_).index = index;
    free_.push_back(index);
  }
  Session& session = sessions_[free_.back()];
  free_.pop_back();
  session.target = &target;
  session.reused = false;
  session.addresses_tried = 0;
  target.sessions.push_back(session.index);
  return session;
}

void Prober::release(Session& session) {
  Target& target = *session.target;
  if (target.idle == session.index) {
    target.idle = Target::kNone;
  }
  const auto place = std::ranges::find(target.sessions, session.index);
  LEEWARD_CHECK(place != target.sessions.end(), "a session is listed by its target");
  *place = target.sessions.back();
  target.sessions.pop_back();

  if (session.state == State::kResolving) {
    resolving_.erase({target.check.address, session.index});
  }
  close_socket(session);
  session.target = nullptr;
  session.sequence = 0;
  session.addresses.reset();
  session.response = HttpResponse();
  session.unsent = {};
  session.state = State::kFree;
  free_.push_back(session.index);
  give_place_back(session);
}

// Handlers of the old socket that are still queued find another generation and do nothing.
void Prober::close_socket(Session& session) {
  session.tls = TlsSession();
  ++session.generation;
  session.waits_read = session.waits_write = false;
  if (session.socket.is_open()) {
    boost::system::error_code ignored;
    session.socket.close(ignored);
  }
}

Prober::Session* Prober::find(Token token) {
  Session& session = sessions_[token.index];
  return session.generation == token.generation && session.target != nullptr ? &session : nullptr;
}

void Prober::wait_read(Session& session) {
  if (!session.waits_read) {
    session.waits_read = true;
    session.socket.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                              [this, token = token_of(session)](boost::system::error_code error) {
                                if (error != boost::asio::error::operation_aborted) {
                                  on_ready(token, true);
                                }
                              });
  }
}

void Prober::wait_write(Session& session) {
  if (!session.waits_write) {
    session.waits_write = true;
    session.socket.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                              [this, token = token_of(session)](boost::system::error_code error) {
                                if (error != boost::asio::error::operation_aborted) {
                                  on_ready(token, false);
                                }
                              });
  }
}

void Prober::on_ready(Token token, bool readable) {
  const std::lock_guard lock(mutex_);
  Session* session = find(token);
  if (session == nullptr) {
    return;
  }
  (readable ? session->waits_read : session->waits_write) = false;
  switch (session->state) {
    case State::kConnecting: {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(session->socket.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size);
      return error == 0 ? connected(*session) : attempt_failed(*session, connect_failure(error));
    }
    case State::kHandshake:
      return handshake(*session);
    case State::kSending:
      return continue_send(*session);
    case State::kReceiving:
    case State::kDraining:
      return receive(*session);
    case State::kIdle:
      return check_idle(*session);
    case State::kFree:
    case State::kResolving:
    case State::kQueued:
      return;
  }
}

void Prober::resolve(Session& session, MonoTime now) {
  if (session.target->address) {
    return take_place_and_connect(session);
  }
  const std::string& name = session.target->check.address;
  session.state = State::kResolving;
  auto answer = resolver_->lookup(name, listener_, now);
  if (answer) {
    return use_answer(session, std::move(answer));
  }
  resolving_.emplace(name, session.index);
}

void Prober::on_resolved(const std::string& name) {
  std::vector<std::uint32_t> waiting;
  for (auto each = resolving_.lower_bound({name, 0});
       each != resolving_.end() && each->first == name; each = resolving_.erase(each)) {
    waiting.push_back(each->second);
  }
  const MonoTime now = mono_now();
  for (const std::uint32_t index : waiting) {
    // One failing at once must not touch the others; still, look before using.
    if (sessions_[index].state == State::kResolving) {
      resolve(sessions_[index], now);
    }
  }
}

void Prober::use_answer(Session& session, std::shared_ptr<const Resolver::Answer> answer) {
  if (answer->addresses.empty()) {
    finish(session, ProbeOutcome::kNameResolution,
           fmt::format("{}: {}", session.target->check.address, answer->error));
    return release(session);
  }
  session.addresses = std::move(answer);
  take_place_and_connect(session);
}

std::uint32_t Prober::addresses_total(const Session& session) const {
  return session.addresses ? static_cast<std::uint32_t>(session.addresses->addresses.size()) : 1;
}

SocketAddress Prober::current_address(const Session& session) const {
  if (!session.addresses) {
    return *session.target->address;
  }
  const auto& all = session.addresses->addresses;
  SocketAddress address =
      all[(session.target->address_first + session.addresses_tried) % all.size()];
  address.set_port(session.target->check.port);
  return address;
}

void Prober::take_place_and_connect(Session& session) {
  if (connecting_ >= connects_max_) {
    session.state = State::kQueued;
    queue_.push_back(token_of(session));
    return;
  }
  ++connecting_;
  session.holds_place = true;
  connect(session);
}

void Prober::give_place_back(Session& session) {
  if (session.holds_place) {
    session.holds_place = false;
    --connecting_;
    pump_queue();
  }
}

void Prober::pump_queue() {
  if (pumping_) {
    return;  // a connect below failed at once: the loop goes on, without recursion
  }
  pumping_ = true;
  while (connecting_ < connects_max_ && !queue_.empty()) {
    Session* session = find(queue_.front());
    queue_.pop_front();
    if (session != nullptr && session->state == State::kQueued) {
      take_place_and_connect(*session);
    }
  }
  pumping_ = false;
}

void Prober::connect(Session& session) {
  const SocketAddress address = current_address(session);
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return attempt_failed(session, connect_failure(errno));
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int result = ::connect(fd, &address.base, address.size());
  const int error = result == 0 ? 0 : errno;
  if (error != 0 && error != EINPROGRESS) {
    ::close(fd);
    return attempt_failed(session, connect_failure(error));
  }
  ++counters_.connections_opened;
  boost::system::error_code failed;
  session.socket.assign(fd, failed);
  if (failed) {
    ::close(fd);
    return attempt_failed(session, {ProbeOutcome::kLocalError, sanitise_detail(failed.message())});
  }
  if (error == 0) {
    return connected(session);
  }
  session.state = State::kConnecting;
  const std::uint32_t left = addresses_total(session) - session.addresses_tried;
  session.step_deadline = session.deadline;
  if (left > 1) {
    const MonoTime now = mono_now();
    session.step_deadline = now + (session.deadline - now) / left;
  }
  wait_write(session);
}

void Prober::connected(Session& session) {
  session.step_deadline = session.deadline;
  Target& target = *session.target;
  if (session.addresses) {
    target.address_first =
        (target.address_first + session.addresses_tried) % addresses_total(session);
    session.addresses_tried = 0;
  }
  if (target.check.type == CheckType::kTcp) {
    finish(session, ProbeOutcome::kSuccess, "connected");
    return release(session);
  }
  if (!target.tls) {
    give_place_back(session);
    return send_request(session);
  }
  const std::string& host =
      target.check.host_name.empty() ? target.check.address : target.check.host_name;
  auto tls = TlsSession::create(target.tls, session.socket.native_handle(), host);
  if (!tls) {
    finish(session, ProbeOutcome::kTlsError, tls.error().message);
    return release(session);
  }
  session.tls = std::move(*tls);
  session.state = State::kHandshake;
  handshake(session);
}

void Prober::attempt_failed(Session& session, Outcome why) {
  close_socket(session);
  ++session.addresses_tried;
  if (why.outcome != ProbeOutcome::kLocalError &&
      session.addresses_tried < addresses_total(session)) {
    return connect(session);  // keeps its place
  }
  finish(session, why.outcome, why.detail);
  release(session);
}

void Prober::finish(Session& session, ProbeOutcome outcome, std::string_view detail) {
  Finished& finished = finished_.emplace_back();
  finished.target = session.target;
  finished.observation.sequence = std::exchange(session.sequence, 0);
  finished.observation.outcome = outcome;
  finished.observation.started = session.started;
  finished.observation.finished = mono_now();
  finished.observation.detail = sanitise_detail(detail);
}

void Prober::finish_overdue(Session& session, bool stalled) {
  if (stalled) {
    return finish(session, ProbeOutcome::kLocalError, "this checker ran late itself");
  }
  const double limit_ms = to_milliseconds(session.deadline - session.started);
  const auto timed_out = [&](ProbeOutcome outcome, std::string_view what) {
    finish(session, outcome, fmt::format("{} within {:.0f} ms", what, limit_ms));
  };
  switch (session.state) {
    case State::kResolving:
      return timed_out(ProbeOutcome::kNameResolution,
                       fmt::format("{}: no address", session.target->check.address));
    case State::kQueued:
      return timed_out(ProbeOutcome::kLocalError, "no free place to connect from");
    case State::kConnecting:
      return timed_out(ProbeOutcome::kTimeout, "no connection");
    case State::kHandshake:
      return timed_out(ProbeOutcome::kTimeout, "no TLS handshake");
    case State::kReceiving:
      return timed_out(ProbeOutcome::kTimeout,
                       session.response.any_byte() ? "response not finished" : "no answer");
    case State::kSending:
    case State::kDraining:
    case State::kIdle:
    case State::kFree:
      return timed_out(ProbeOutcome::kTimeout, "no answer");
  }
}

}  // namespace leeward::probe
