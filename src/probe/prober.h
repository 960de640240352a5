// SPDX-License-Identifier: Apache-2.0
//
// Runs probes on one io_context: resolve, connect, TLS, request, answer; one deadline for all of
// it. Thousands of probes at once, so a session is a small hand-written state machine on a
// non-blocking socket and not a coroutine; Asio waits for readiness.
//
// Connections are kept: one idle connection per target is used by its next probe. A lost SYN costs
// a second, a lost segment on an open connection does not. When a reused connection turns out
// closed before any byte of an answer, that says nothing about the target (servers close idle
// connections, and restart): the probe tries once more on a fresh connection, within the same
// deadline.
//
// Thread-safety: every call, and every handler on the io_context, runs under `mutex`: the caller
// holds it when calling, handlers take it themselves.
//
// Private to this module: includes Asio.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/time.h"
#include "model/health.h"
#include "model/health_check.h"
#include "probe/http_response.h"
#include "probe/outcome.h"
#include "probe/resolver.h"
#include "probe/socket_address.h"
#include "probe/tls.h"

namespace leeward::probe {

// What a health check probes. The prober keeps its sessions here; the owner keeps it in place from
// the first start() until drop().
struct Target {
  Target(HealthCheck health_check, TlsContext context);

  const HealthCheck check;
  TlsContext tls;                        // null unless is_tls(check.type)
  std::optional<SocketAddress> address;  // with the port; nullopt: check.address is a name

  // Of the prober.
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::vector<std::uint32_t> sessions;
  std::uint32_t idle = kNone;
  std::uint32_t address_first = 0;  // which of a name's addresses worked last
};

struct Finished {
  Target* target = nullptr;
  Observation observation;
};

class Prober {
 public:
  static constexpr std::size_t kResponseBytesMax = 128 * 1024;    // read for one probe
  static constexpr std::size_t kDrainBytesMax = 16 * 1024;        // of a body, to keep a connection
  static constexpr Duration kIdleMax = std::chrono::seconds(30);  // NATs forget longer silences

  struct Counters {
    std::uint64_t connections_opened = 0;
    std::uint64_t connections_reused = 0;
    std::uint64_t reuse_retries = 0;
    std::size_t connecting = 0;
    std::size_t connects_waiting = 0;
    std::size_t sessions = 0;
  };

  Prober(boost::asio::io_context& io, std::mutex& mutex, std::shared_ptr<Resolver> resolver,
         std::size_t connects_max);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Starts a probe. Its result appears in take_finished(), maybe at once.
  void start(Target& target, std::uint64_t sequence, Duration timeout, MonoTime now);

  // Ends what is overdue at `now`. `stalled`: this checker was late itself, so an overdue probe is
  // no evidence (kLocalError) and not a timeout.
  void advance(Target& target, MonoTime now, bool stalled);

  // When advance() has something to do for the target; MonoTime::max() if nothing.
  [[nodiscard]] MonoTime next_deadline(const Target& target) const;

  // Forgets the target: closes its connections, its running probes report nothing.
  void drop(Target& target);

  [[nodiscard]] std::vector<Finished> take_finished();
  // Targets that closed their idle connection since the last call: a killed server does so at once.
  [[nodiscard]] std::vector<Target*> take_closed();
  [[nodiscard]] Counters counters() const;

 private:
  enum class State : std::uint8_t {
    kFree,
    kResolving,
    kQueued,  // waits for one of connects_max places
    kConnecting,
    kHandshake,
    kSending,
    kReceiving,
    kDraining,  // the result is known; reads a short body to its end, to keep the connection
    kIdle,
  };

  struct Session {
    explicit Session(boost::asio::io_context& io) : socket(io) {}

    boost::asio::posix::stream_descriptor socket;
    TlsSession tls;  // after socket: destroyed first
    Target* target = nullptr;
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    std::uint64_t sequence = 0;  // 0: nobody waits for a result
    MonoTime started;
    MonoTime deadline;
    MonoTime step_deadline;  // for this address; then the next is tried
    std::shared_ptr<const Resolver::Answer> addresses;
    std::string unsent;
    HttpResponse response;
    std::size_t bytes_read = 0;
    std::uint32_t addresses_tried = 0;
    State state = State::kFree;
    bool reused = false;
    bool holds_place = false;  // counted in connecting_
    bool waits_read = false;
    bool waits_write = false;
  };

  struct Token {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
  };

  enum class Io : std::uint8_t { kMoved, kWantRead, kWantWrite, kClosed, kFailed };

  Session& allocate(Target& target);
  void release(Session& session);
  void close_socket(Session& session);
  [[nodiscard]] Session* find(Token token);
  static Token token_of(const Session& session) { return {session.index, session.generation}; }

  void wait_read(Session& session);
  void wait_write(Session& session);
  void on_ready(Token token, bool readable);

  void resolve(Session& session, MonoTime now);
  void use_answer(Session& session, std::shared_ptr<const Resolver::Answer> answer);
  void on_resolved(const std::string& name);
  [[nodiscard]] SocketAddress current_address(const Session& session) const;
  [[nodiscard]] std::uint32_t addresses_total(const Session& session) const;
  void take_place_and_connect(Session& session);
  void give_place_back(Session& session);
  void pump_queue();
  void connect(Session& session);
  void connected(Session& session);
  void attempt_failed(Session& session, Outcome why);

  void handshake(Session& session);
  void send_request(Session& session);
  void continue_send(Session& session);
  void receive(Session& session);
  void judge(Session& session);
  void judge_body(Session& session);
  void after_result(Session& session);
  void on_closed(Session& session, Outcome why);
  void become_idle(Session& session);
  void check_idle(Session& session);

  Io read_some(Session& session, std::size_t& count, Outcome& why);
  Io write_some(Session& session, std::string_view bytes, std::size_t& count, Outcome& why);

  void finish(Session& session, ProbeOutcome outcome, std::string_view detail);
  void finish_overdue(Session& session, bool stalled);

  boost::asio::io_context& io_;
  std::mutex& mutex_;
  std::shared_ptr<Resolver> resolver_;
  std::shared_ptr<Resolver::Listener> listener_;
  std::size_t connects_max_;
  std::size_t connecting_ = 0;
  bool pumping_ = false;
  std::deque<Session> sessions_;  // a deque: sessions stay in place
  std::vector<std::uint32_t> free_;
  std::deque<Token> queue_;
  std::set<std::pair<std::string, std::uint32_t>> resolving_;  // name, session
  std::vector<Finished> finished_;
  std::vector<Target*> closed_;
  std::vector<char> buffer_;
  std::string request_;
  Counters counters_;
};

}  // namespace leeward::probe
