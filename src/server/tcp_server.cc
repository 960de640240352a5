// SPDX-License-Identifier: Apache-2.0
#include "server/tcp_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/answer.h"
#include "server/tcp_framing.h"

namespace leeward::server {
namespace {

constexpr std::size_t kReadBytes = 16UL << 10;
constexpr std::size_t kOutputBytesKept = 4UL << 10;
constexpr int kEventsMax = 64;
constexpr int kAcceptsPerEventMax = 64;

using Clock = std::chrono::steady_clock;

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

// The client's address without its port, as a key.
std::string client_key(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
    return {reinterpret_cast<const char*>(&v6->sin6_addr), sizeof v6->sin6_addr};
  }
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
  return {reinterpret_cast<const char*>(&v4->sin_addr), sizeof v4->sin_addr};
}

bool add_to_epoll(int epoll, int fd, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

UniqueFd open_reserve() {
  return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

struct TcpServer::Connection {
  UniqueFd fd;
  std::string client;
  routing::ClientNetwork network{};
  Clock::time_point active;  // last whole message, or output emptied
  FrameReader reader;
  std::vector<std::uint8_t> output;
  std::size_t output_begin = 0;
  bool input_ended = false;
  bool answered_since_touch = false;
  std::uint32_t watched = 0;

  [[nodiscard]] std::size_t output_pending() const { return output.size() - output_begin; }
};

Result<std::unique_ptr<TcpServer>> TcpServer::create(std::vector<UniqueFd> listeners,
                                                     const SnapshotCell<Snapshot>& cell,
                                                     TcpLimits limits, Rng rng,
                                                     Transfers* transfers) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd reserve = open_reserve();
  bool good = epoll.valid() && wake.valid() && reserve.valid() &&
              add_to_epoll(epoll.get(), wake.get(), EPOLLIN);
  for (const UniqueFd& listener : listeners) {
    good = good && add_to_epoll(epoll.get(), listener.get(), EPOLLIN);
  }
  if (!good) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("cannot start DNS over TCP: {}; raise the limit of file descriptors "
                            "(ulimit -n)",
                            std::generic_category().message(errno)));
  }
  return std::unique_ptr<TcpServer>(new TcpServer(std::move(listeners), std::move(epoll),
                                                  std::move(wake), std::move(reserve), cell, limits,
                                                  rng, transfers));
}

TcpServer::TcpServer(std::vector<UniqueFd> listeners, UniqueFd epoll, UniqueFd wake,
                     UniqueFd reserve, const SnapshotCell<Snapshot>& cell, TcpLimits limits,
                     Rng rng, Transfers* transfers)
    : listeners_(std::move(listeners)),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      reserve_(std::move(reserve)),
      reader_(cell),
      limits_(limits),
      rng_(rng),
      input_(kReadBytes),
      answer_(dns::kTcpBufferBytesMin),
      transfers_(transfers) {}

TcpServer::~TcpServer() = default;

void TcpServer::stop() {
  stopping_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

void TcpServer::run() {
  std::array<epoll_event, kEventsMax> events{};
  while (!stopping_.load(std::memory_order_acquire)) {
    const int count = epoll_wait(epoll_.get(), events.data(), kEventsMax, wait_milliseconds());
    (void)reader_.get();  // an idle server lets go of old tables, too
    for (int i = 0; i < count && !stopping_.load(std::memory_order_acquire); ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      handle_event(event.data.fd, event.events);
    }
    close_expired();
  }
  while (!connections_.empty()) {
    close_connection(connections_.begin());
  }
  listeners_.clear();
}

int TcpServer::wait_milliseconds() const {
  constexpr std::int64_t kRefreshMilliseconds = 1000;
  if (connections_.empty()) {
    return static_cast<int>(kRefreshMilliseconds);
  }
  const auto due = connections_.front().active + limits_.idle_timeout - Clock::now();
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(due).count();
  return static_cast<int>(std::clamp<std::int64_t>(milliseconds, 0, kRefreshMilliseconds));
}

void TcpServer::handle_event(int fd, std::uint32_t events) {
  if (fd == wake_.get()) {
    return;  // stopping_ says the rest
  }
  // Looked up, not pointed to: an earlier event of this round may have closed the connection. A
  // descriptor reused within the round gets one spurious event, which reads and finds nothing.
  if (const auto found = by_fd_.find(fd); found != by_fd_.end()) {
    serve(found->second, events);
    return;
  }
  const bool listener = std::any_of(listeners_.begin(), listeners_.end(),
                                    [&](const UniqueFd& l) { return l.get() == fd; });
  if (listener) {
    accept_all(fd);
  }
}

void TcpServer::accept_all(int listener) {
  for (int i = 0; i < kAcceptsPerEventMax; ++i) {
    SocketAddress client;
    client.size = sizeof client.storage;
    UniqueFd fd(accept4(listener, reinterpret_cast<sockaddr*>(&client.storage), &client.size,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      adopt(std::move(fd), client);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (!make_room_after(errno, listener)) {
        return;
      }
    }
    // Else the client is gone already (ECONNABORTED, network errors): the next one.
  }
}

// The listener would stay readable, and epoll would spin: somebody must go. True: try again.
bool TcpServer::make_room_after(int error, int listener) {
  counters_.accept_failed.add(1);
  if (!connections_.empty()) {
    counters_.tcp_evicted.add(1);
    close_connection(connections_.begin());
    return true;
  }
  if (error == EMFILE || error == ENFILE) {
    reserve_.reset();
    const UniqueFd refused(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  }
  if (!reserve_.valid()) {
    reserve_ = open_reserve();
  }
  return false;
}

void TcpServer::adopt(UniqueFd fd, const SocketAddress& client) {
  const std::string key = client_key(client);
  const auto same = [&](const Connection& c) { return c.client == key; };
  if (connections_.size() >= limits_.connections_max) {
    counters_.tcp_evicted.add(1);
    close_connection(connections_.begin());
  } else if (static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                    same)) >= limits_.connections_per_client_max) {
    counters_.tcp_evicted.add(1);
    close_connection(std::find_if(connections_.begin(), connections_.end(), same));
  }
  const int one = 1;
  (void)setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (!add_to_epoll(epoll_.get(), fd.get(), EPOLLIN)) {
    counters_.accept_failed.add(1);
    return;
  }
  const int number = fd.get();
  connections_.emplace_back();
  Connection& connection = connections_.back();
  connection.fd = std::move(fd);
  connection.client = key;
  connection.network = network_of(client.storage);
  connection.active = Clock::now();
  connection.watched = EPOLLIN;
  by_fd_[number] = std::prev(connections_.end());
  counters_.tcp_accepted.add(1);
  counters_.tcp_open.add(1);
}

void TcpServer::serve(Connections::iterator at, std::uint32_t events) {
  Connection& connection = *at;
  bool alive = (events & (EPOLLERR | EPOLLHUP)) == 0;
  if (alive && (events & EPOLLIN) != 0 && !connection.input_ended &&
      connection.output_pending() <= limits_.output_bytes_max) {
    alive = read_some(connection);
  }
  // Answering stops when the queue is full and goes on when some of it is written.
  while (alive) {
    const std::size_t unanswered = connection.reader.pending();
    answer_pending(connection);
    alive = write_some(connection);
    if (connection.output_pending() > 0 || connection.reader.pending() == unanswered) {
      break;
    }
  }
  if (connection.reader.broken()) {
    counters_.tcp_refused.add(1);
    alive = false;
  }
  // After a half-close the client still gets its answers.
  if (!alive || (connection.input_ended && connection.output_pending() == 0)) {
    close_connection(at);
    return;
  }
  watch(connection);
  touch(at);
}

// False: the connection is dead.
bool TcpServer::read_some(Connection& connection) {
  const ssize_t got = recv(connection.fd.get(), input_.data(), input_.size(), 0);
  if (got < 0) {
    return would_block(errno);
  }
  if (got == 0) {
    connection.input_ended = true;
    return true;
  }
  counters_.received_bytes.add(static_cast<std::uint64_t>(got));
  connection.reader.feed({input_.data(), static_cast<std::size_t>(got)});
  return true;
}

void TcpServer::answer_pending(Connection& connection) {
  const Snapshot& snapshot = reader_.get();
  while (connection.output_pending() <= limits_.output_bytes_max) {
    const auto message = connection.reader.next();
    if (!message) {
      return;
    }
    counters_.queries.add(1);
    connection.answered_since_touch = true;
    const dns::Query query{.bytes = *message,
                           .transport = dns::Transport::kTcp,
                           .random = rng_.next(),
                           .client = connection.network,
                           .now_seconds = static_cast<std::uint32_t>(std::time(nullptr))};
    if (transfers_ != nullptr && transfer(connection, query)) {
      continue;
    }
    dns::AnswerFacts facts;
    std::size_t size = dns::answer(snapshot.context(&signatures_), query, answer_, &facts);
    if (facts.has_tsig && transfers_ != nullptr) {
      size = transfers_->sign_answer(query.bytes, answer_, size, query.now_seconds);
    }
    if (size == 0) {
      counters_.ignored.add(1);
      continue;
    }
    counters_.count_response(answer_.data());
    append_frame({answer_.data(), size}, connection.output);
  }
}

// True: it was a transfer that was asked for. All of it is queued: who reads slowly keeps it in
// memory until the time for an answer is over.
bool TcpServer::transfer(Connection& connection, const dns::Query& query) {
  const auto messages = transfers_->answer(query.bytes, connection.network, query.now_seconds);
  if (!messages) {
    return false;
  }
  for (const Transfers::Message& message : *messages) {
    counters_.count_response(message.data());
    append_frame(message, connection.output);
  }
  return true;
}

// False: the connection is dead.
bool TcpServer::write_some(Connection& connection) {
  while (connection.output_pending() > 0) {
    const ssize_t sent =
        send(connection.fd.get(), connection.output.data() + connection.output_begin,
             connection.output_pending(), MSG_NOSIGNAL);
    if (sent < 0) {
      const bool alive = would_block(errno);
      drop_sent(connection);
      return alive;
    }
    counters_.sent_bytes.add(static_cast<std::uint64_t>(sent));
    connection.output_begin += static_cast<std::size_t>(sent);
  }
  drop_sent(connection);
  return true;
}

// Gives memory back: a thousand clients that once had large answers must not keep it.
void TcpServer::drop_sent(Connection& connection) {
  if (connection.output_pending() == 0) {
    connection.output_begin = 0;
    connection.output.clear();
    if (connection.output.capacity() > kOutputBytesKept) {
      connection.output.shrink_to_fit();
    }
  } else if (connection.output_begin > kReadBytes) {
    connection.output.erase(
        connection.output.begin(),
        connection.output.begin() + static_cast<std::ptrdiff_t>(connection.output_begin));
    connection.output_begin = 0;
  }
}

// Reads only from who reads our answers.
void TcpServer::watch(Connection& connection) {
  std::uint32_t wanted = 0;
  if (!connection.input_ended && connection.output_pending() <= limits_.output_bytes_max) {
    wanted |= EPOLLIN;
  }
  if (connection.output_pending() > 0) {
    wanted |= EPOLLOUT;
  }
  if (wanted != connection.watched) {
    epoll_event event{.events = wanted, .data = {.fd = connection.fd.get()}};
    (void)epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
    connection.watched = wanted;
  }
}

void TcpServer::touch(Connections::iterator connection) {
  if (connection->answered_since_touch && connection->output_pending() == 0) {
    connection->answered_since_touch = false;
    connection->active = Clock::now();
    connections_.splice(connections_.end(), connections_, connection);
  }
}

void TcpServer::close_connection(Connections::iterator connection) {
  by_fd_.erase(connection->fd.get());
  connections_.erase(connection);  // closing takes it out of epoll, too
  counters_.tcp_open.subtract(1);
}

void TcpServer::close_expired() {
  const auto now = Clock::now();
  while (!connections_.empty() && connections_.front().active + limits_.idle_timeout <= now) {
    counters_.tcp_timed_out.add(1);
    close_connection(connections_.begin());
  }
}

}  // namespace leeward::server
