// SPDX-License-Identifier: Apache-2.0
//
// The checker end to end: real processes that get killed and frozen, reloads, thousands of checks.
#include "probe/checker.h"

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "probe/clock.h"
#include "probe/loopback_server.h"
#include "probe/wakeup_heap.h"

namespace leeward::probe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A web server in a process of its own.
class ChildServer {
 public:
  explicit ChildServer(std::uint16_t port = 0) {
    const int listener = bind_loopback(AF_INET, port);
    if (listener < 0 || ::listen(listener, 4096) != 0) {
      ADD_FAILURE() << "cannot listen on loopback";
      return;
    }
    port_ = port_of(listener);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // never outlive a test that crashed
      serve_plain({listener}, nullptr);
      _exit(0);
    }
    ::close(listener);
  }
  ~ChildServer() { kill(); }
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;

  void signal(int number) const { ::kill(pid_, number); }
  void kill() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

// The sink: waits for a verdict instead of for a time.
class Transitions {
 public:
  CheckerOptions options(int threads = 1) {
    CheckerOptions options;
    options.seed = 42;
    options.threads = threads;
    options.on_transition = [this](const HealthCheckId& id, const detect::Transition& transition) {
      const std::lock_guard lock(mutex_);
      health_[id] = transition.after.health;
      all_.emplace_back(id, transition);
      changed_.notify_all();
    };
    return options;
  }

  testing::AssertionResult wait_for(const std::string& id, Health health) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, seconds(30), [&] {
          const auto found = health_.find(HealthCheckId(id));
          return found != health_.end() && found->second == health;
        })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << id << " never became " << to_string(health);
  }

  testing::AssertionResult wait_for_all(std::size_t count, Health health) {
    std::unique_lock lock(mutex_);
    const auto reached = [&] {
      return static_cast<std::size_t>(
          std::ranges::count_if(health_, [&](const auto& each) { return each.second == health; }));
    };
    if (changed_.wait_for(lock, seconds(60), [&] { return reached() == count; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << reached() << " of " << count;
  }

  // The last transition of this check to this health.
  detect::Transition last(const std::string& id, Health health) {
    const std::lock_guard lock(mutex_);
    detect::Transition found;
    for (const auto& [each, transition] : all_) {
      if (each.str() == id && transition.after.health == health &&
          transition.before.health != health) {
        found = transition;
      }
    }
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<HealthCheckId, Health> health_;
  std::deque<std::pair<HealthCheckId, detect::Transition>> all_;
};

HealthCheck fast_check(const std::string& id, std::uint16_t port) {
  HealthCheck check;
  check.id = HealthCheckId(id);
  check.address = "127.0.0.1";
  check.port = port;
  check.timing.interval = milliseconds(40);
  check.timing.timeout = milliseconds(400);
  check.timing.timeout_floor = milliseconds(200);
  check.timing.confirm_spacing = milliseconds(10);
  return check;
}

TEST(Checker, KilledServerIsRefusedAndComesBack) {
  Transitions transitions;
  auto server = std::make_unique<ChildServer>();
  const std::uint16_t port = server->port();
  Checker checker(transitions.options());
  ASSERT_TRUE(checker.apply({fast_check("shop/GRA11", port)}));
  ASSERT_TRUE(checker.start());
  ASSERT_TRUE(transitions.wait_for("shop/GRA11", Health::kHealthy));
  server->kill();
  ASSERT_TRUE(transitions.wait_for("shop/GRA11", Health::kUnhealthy));
  const Verdict verdict = transitions.last("shop/GRA11", Health::kUnhealthy).after;
  ASSERT_FALSE(verdict.evidence.observations.empty());
  EXPECT_EQ(verdict.evidence.observations.back().outcome, ProbeOutcome::kRefused);
  server = std::make_unique<ChildServer>(port);
  ASSERT_TRUE(transitions.wait_for("shop/GRA11", Health::kHealthy));
}

// An outage is no doubt: what it cost is the few probes that found it.
TEST(Checker, CountsHowGoodATargetIsWhileItIsHealthy) {
  Transitions transitions;
  ChildServer server;
  Checker checker(transitions.options());
  ASSERT_TRUE(checker.apply({fast_check("shop/GRA11", server.port())}));
  ASSERT_TRUE(checker.start());
  ASSERT_TRUE(transitions.wait_for("shop/GRA11", Health::kHealthy));
  const auto counts = [&] { return checker.gray_counts().at(0).second; };
  const auto deadline = mono_now() + seconds(30);
  while (counts().all < 5 && mono_now() < deadline) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_GE(counts().all, 5U);
  server.kill();
  ASSERT_TRUE(transitions.wait_for("shop/GRA11", Health::kUnhealthy));
  const std::uint64_t found = counts().bad;
  std::this_thread::sleep_for(milliseconds(400));  // ten intervals
  EXPECT_LE(counts().bad, found + 2) << "those under way at the verdict";
}

// Its next regular probe is an hour away: only the closed connection can have told.
TEST(Checker, KilledServerIsNoticedByItsClosedConnection) {
  Transitions transitions;
  ChildServer server;
  Checker checker(transitions.options());
  HealthCheck check = fast_check("shop/GRA11", server.port());
  check.timing.interval = std::chrono::hours(1);
  ASSERT_TRUE(checker.apply({check}));
  ASSERT_TRUE(checker.start());
  ASSERT_TRUE(transitions.wait_for("shop/GRA11", Health::kHealthy));
  server.kill();
  EXPECT_TRUE(transitions.wait_for("shop/GRA11", Health::kUnhealthy));
}

TEST(Checker, FrozenServerTimesOutAlthoughItConnects) {
  Transitions transitions;
  const ChildServer server;
  Checker checker(transitions.options());
  HealthCheck fresh = fast_check("fresh", server.port());
  fresh.fresh_connection = true;
  HealthCheck tcp = fast_check("tcp", server.port());
  tcp.type = CheckType::kTcp;
  ASSERT_TRUE(checker.apply({fast_check("kept", server.port()), fresh, tcp}));
  ASSERT_TRUE(checker.start());
  for (const char* id : {"kept", "fresh", "tcp"}) {
    ASSERT_TRUE(transitions.wait_for(id, Health::kHealthy));
  }
  server.signal(SIGSTOP);
  for (const char* id : {"kept", "fresh"}) {
    ASSERT_TRUE(transitions.wait_for(id, Health::kUnhealthy));
    const Verdict verdict = transitions.last(id, Health::kUnhealthy).after;
    ASSERT_FALSE(verdict.evidence.observations.empty());
    EXPECT_EQ(verdict.evidence.observations.back().outcome, ProbeOutcome::kTimeout);
  }
  server.signal(SIGCONT);
  ASSERT_TRUE(transitions.wait_for("kept", Health::kHealthy));
  ASSERT_TRUE(transitions.wait_for("fresh", Health::kHealthy));
}

TEST(Checker, ReloadKeepsWhatIsUnchanged) {
  Transitions transitions;
  LoopbackServer server([](LoopbackServer::Connection& connection) {
    while (!connection.read_request().empty() &&
           connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) {
    }
  });
  Checker checker(transitions.options(2));
  const HealthCheck kept = fast_check("kept", server.port());
  HealthCheck changed = fast_check("changed", server.port());
  const HealthCheck removed = fast_check("removed", server.port());
  ASSERT_TRUE(checker.apply({kept, changed, removed}));
  ASSERT_TRUE(checker.start());
  for (const char* id : {"kept", "changed", "removed"}) {
    ASSERT_TRUE(transitions.wait_for(id, Health::kHealthy));
  }
  const auto before = checker.snapshot(HealthCheckId("kept"));
  ASSERT_TRUE(before);
  const auto last_seen = before->history.back().sequence;
  changed.path = "/other";
  ASSERT_TRUE(checker.apply({kept, changed, fast_check("added", server.port())},
                            {{HealthCheckId("added"), Health::kHealthy}}));
  const auto after = checker.snapshot();
  ASSERT_EQ(after.size(), 3U);
  EXPECT_EQ(after[0].check.id.str(), "added");
  EXPECT_EQ(after[0].verdict.health, Health::kHealthy) << "from the saved board";
  EXPECT_EQ(after[1].check.path, "/other");
  EXPECT_EQ(after[1].verdict.health, Health::kHealthy) << "its last health";
  EXPECT_EQ(after[2].verdict.since, before->verdict.since) << "not restarted";
  EXPECT_GE(after[2].history.back().sequence, last_seen);
  EXPECT_FALSE(checker.snapshot(HealthCheckId("removed")));
  EXPECT_EQ(checker.counters().checks, 3U);
}

TEST(Checker, BadReloadChangesNothing) {
  Checker checker({});
  ASSERT_TRUE(checker.apply({fast_check("good", 1)}));
  const auto refuse = [&](const HealthCheck& bad, std::string_view why) {
    const Status status = checker.apply({fast_check("other", 1), bad});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(status.error().message.find(why), std::string::npos) << status.error().message;
    ASSERT_EQ(checker.snapshot().size(), 1U);
    EXPECT_EQ(checker.snapshot()[0].check.id.str(), "good");
  };
  refuse(fast_check("other", 1), "used twice");
  refuse(fast_check("", 1), "without an id");
  refuse(fast_check("x", 0), "port");
  HealthCheck bad = fast_check("x", 1);
  bad.path = "/a\r\nX: injected";
  refuse(bad, "path");
  bad = fast_check("x", 1);
  bad.host_name = "a b";
  refuse(bad, "host_name");
  bad = fast_check("x", 1);
  bad.address = "";
  refuse(bad, "address");
  bad = fast_check("x", 1);
  bad.type = CheckType::kHttpStrMatch;
  refuse(bad, "search_string");
  bad = fast_check("x", 1);
  bad.type = CheckType::kHttps;
  bad.ca_file = "/nonexistent/ca.pem";
  refuse(bad, "/nonexistent/ca.pem");
  bad = fast_check("x", 1);
  bad.timing.interval = {};
  refuse(bad, "interval");
}

TEST(Checker, InvertedAndDisabled) {
  Transitions transitions;
  const ChildServer server;
  Checker checker(transitions.options());
  HealthCheck inverted = fast_check("inverted", server.port());
  inverted.inverted = true;
  HealthCheck disabled = fast_check("disabled", 1);
  disabled.disabled = true;
  HealthCheck out = disabled;
  out.id = HealthCheckId("taken-out");
  out.inverted = true;
  ASSERT_TRUE(checker.apply({inverted, disabled, out}));
  ASSERT_TRUE(checker.start());
  ASSERT_TRUE(transitions.wait_for("inverted", Health::kUnhealthy));
  ASSERT_TRUE(transitions.wait_for("disabled", Health::kHealthy));
  ASSERT_TRUE(transitions.wait_for("taken-out", Health::kUnhealthy));
  const auto snapshot = checker.snapshot(HealthCheckId("inverted"));
  EXPECT_EQ(snapshot->verdict.health, Health::kUnhealthy);
  EXPECT_TRUE(snapshot->verdict.evidence.reason.starts_with("inverted: "));
  EXPECT_TRUE(checker.snapshot(HealthCheckId("disabled"))->history.empty());
  // Disabling is a reload like any other, and the sink hears of it.
  inverted.inverted = false;
  inverted.disabled = true;
  ASSERT_TRUE(checker.apply({inverted}));
  ASSERT_TRUE(transitions.wait_for("inverted", Health::kHealthy));
}

TEST(Checker, StopsDuringProbesAndStaysStopped) {
  const ChildServer server;
  server.signal(SIGSTOP);
  for (int i = 0; i < 5; ++i) {
    Transitions transitions;
    Checker checker(transitions.options(2));
    ASSERT_TRUE(checker.apply({fast_check("a", server.port()), fast_check("b", server.port())}));
    ASSERT_TRUE(checker.start());
    EXPECT_FALSE(checker.start());
    while (checker.counters().probes_started < 2) {
      std::this_thread::yield();
    }
    checker.stop();
    checker.stop();
    EXPECT_EQ(checker.counters().connections, 0U);
    EXPECT_FALSE(checker.apply({}));
  }
}

TEST(Checker, ApiCallsFromOtherThreadsAndFromTheSink) {
  const ChildServer server;
  Checker* shared = nullptr;
  CheckerOptions options;
  std::atomic<int> called{0};
  options.threads = 2;
  options.on_transition = [&](const HealthCheckId& id, const detect::Transition& /*t*/) {
    EXPECT_TRUE(shared->snapshot(id) || true);
    called += static_cast<int>(shared->verdicts().size());
  };
  Checker checker(std::move(options));
  shared = &checker;
  std::vector<HealthCheck> checks;
  for (int i = 0; i < 20; ++i) {
    checks.push_back(fast_check(fmt::format("check-{:02}", i), server.port()));
  }
  ASSERT_TRUE(checker.start());
  ASSERT_TRUE(checker.apply(checks));
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      EXPECT_LE(checker.snapshot().size(), 20U);
      EXPECT_LE(checker.counters().checks, 20U);
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 30; ++i) {
    for (std::size_t each = 0; each < checks.size(); each += 3) {
      checks[each].path = fmt::format("/{}", i);
    }
    ASSERT_TRUE(checker.apply(checks));
  }
  while (called == 0) {
    std::this_thread::yield();
  }
  stop = true;
  reader.join();
  checker.stop();
}

TEST(Checker, TwoThousandChecksOnOneThread) {
  constexpr std::size_t kChecks = 2000;
  if (raise_descriptor_limit() < kChecks + 100) {
    GTEST_SKIP() << "needs " << kChecks + 100 << " open files";
  }
  Transitions transitions;
  ChildServer server;
  Checker checker(transitions.options());
  std::vector<HealthCheck> checks;
  for (std::size_t i = 0; i < kChecks; ++i) {
    checks.push_back(fast_check(fmt::format("check-{}", i), server.port()));
    checks.back().timing.interval = seconds(1);
    checks.back().timing.timeout = seconds(10);  // sanitizers are slow
    checks.back().timing.timeout_floor = seconds(10);
    checks.back().timing.success_threshold = 1;
  }
  ASSERT_TRUE(checker.apply(checks));
  ASSERT_TRUE(checker.start());
  EXPECT_TRUE(transitions.wait_for_all(kChecks, Health::kHealthy));
  server.kill();
  EXPECT_TRUE(transitions.wait_for_all(kChecks, Health::kUnhealthy));
  const CheckerCounters counters = checker.counters();
  EXPECT_EQ(counters.checks, kChecks);
  EXPECT_GE(counters.probes_started, 4 * kChecks);
  // A probe that was under way when the server died may have been reset instead of refused.
  const auto finished = [&](ProbeOutcome outcome) {
    return counters.probes_finished[static_cast<std::size_t>(outcome)];
  };
  EXPECT_GE(finished(ProbeOutcome::kRefused) + finished(ProbeOutcome::kClosed) +
                finished(ProbeOutcome::kUnreachable),
            3 * kChecks);
  EXPECT_GT(finished(ProbeOutcome::kRefused), 2 * kChecks);
}

struct HeapItem {
  MonoTime wake;
  std::size_t heap_index = WakeupHeap<HeapItem>::kAbsent;
};

TEST(WakeupHeap, AgreesWithASortedSet) {
  Rng rng(7);
  std::vector<HeapItem> items(200);
  WakeupHeap<HeapItem> heap;
  std::set<std::pair<MonoTime, HeapItem*>> twin;
  for (int step = 0; step < 20000; ++step) {
    HeapItem& item = items[rng.below(items.size())];
    twin.erase({item.wake, &item});
    if (rng.below(3) == 0) {
      heap.remove(item);
    } else {
      heap.set(item, MonoTime(Duration(static_cast<std::int64_t>(rng.below(1000)))));
      twin.emplace(item.wake, &item);
    }
    ASSERT_EQ(heap.size(), twin.size());
    if (!twin.empty()) {
      ASSERT_EQ(heap.top().wake, twin.begin()->first);
    }
  }
}

}  // namespace
}  // namespace leeward::probe
