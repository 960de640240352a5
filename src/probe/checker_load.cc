// SPDX-License-Identifier: Apache-2.0
//
// What does it cost to run many checks? Runs N HTTP checks against a minimal server in a child
// process for a bounded time and prints the checker process's own CPU share and memory.
//
//   bench_checker [checks=20000] [interval_ms=1000] [seconds=10] [warm_up_seconds]
#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/checker.h"
#include "probe/clock.h"
#include "probe/loopback_server.h"

namespace {

using leeward::Duration;
using leeward::Health;
using leeward::HealthCheck;
using leeward::HealthCheckId;
using leeward::probe::Checker;
using leeward::probe::CheckerCounters;

constexpr int kServerPorts = 16;

int argument(int argc, char** argv, int index, int otherwise) {
  if (index >= argc) {
    return otherwise;
  }
  const std::string_view text = argv[index];
  int value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp(value, 1, 200000);
}

Duration cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

long rss_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      return std::stol(line.substr(6));
    }
  }
  return -1;
}

double percentile_ms(const CheckerCounters::Histogram& now,
                     const CheckerCounters::Histogram& before, double share) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    total += now[i] - before[i];
  }
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    seen += now[i] - before[i];
    if (static_cast<double>(seen) >= share * static_cast<double>(total)) {
      return i < CheckerCounters::kBucketsMs.size() ? CheckerCounters::kBucketsMs[i] : 1e9;
    }
  }
  return 0;
}

int run(int count, int interval_ms, int run_seconds, int warm_up_seconds,
        const std::vector<std::uint16_t>& ports) {
  leeward::probe::CheckerOptions options;
  options.seed = 1;
  Checker checker(std::move(options));
  std::vector<HealthCheck> checks(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < checks.size(); ++i) {
    checks[i].id = HealthCheckId(fmt::format("application-{}/GRA11", i));
    checks[i].address = "127.0.0.1";
    checks[i].port = ports[i % ports.size()];
    checks[i].path = "/healthz";
    checks[i].timing.interval = std::chrono::milliseconds(interval_ms);
  }
  const long before_kib = rss_kib();
  if (const auto applied = checker.apply(std::move(checks)); !applied) {
    fmt::print(stderr, "{}\n", applied.error().message);
    return 1;
  }
  if (const auto started = checker.start(); !started) {
    fmt::print(stderr, "{}\n", started.error().message);
    return 1;
  }
  // Warm-up: connections open, and every history fills (32 observations each), so that memory
  // counts.
  std::this_thread::sleep_for(std::chrono::seconds(warm_up_seconds));
  const CheckerCounters first = checker.counters();
  const Duration cpu = cpu_time();
  const auto start = leeward::probe::mono_now();
  std::this_thread::sleep_for(std::chrono::seconds(run_seconds));
  const CheckerCounters last = checker.counters();
  const double wall = leeward::to_milliseconds(leeward::probe::mono_now() - start) / 1000;
  const double used = leeward::to_milliseconds(cpu_time() - cpu) / 1000;
  const long kib = rss_kib();
  const auto verdicts = checker.verdicts();
  const auto healthy = std::ranges::count_if(
      verdicts, [](const auto& each) { return each.second.health == Health::kHealthy; });
  const auto succeeded = last.probes_finished[0] - first.probes_finished[0];
  const auto probes = last.probes_started - first.probes_started;
  fmt::print("checks {} interval_ms {} measured_s {:.1f}\n", count, interval_ms, wall);
  fmt::print(
      "probes_per_s {:.0f} succeeded_share {:.5f} healthy {} disqualified {} stalls {}\n",
      static_cast<double>(probes) / wall,
      static_cast<double>(succeeded) / static_cast<double>(std::max<std::uint64_t>(probes, 1)),
      healthy, last.disqualified, last.stalls - first.stalls);
  fmt::print("cpu_share_of_one_core {:.3f} cpu_us_per_probe {:.1f}\n", used / wall,
             used * 1e6 / static_cast<double>(std::max<std::uint64_t>(probes, 1)));
  fmt::print("rss_mb {:.1f} rss_bytes_per_check {:.0f}\n", static_cast<double>(kib) / 1024,
             static_cast<double>(kib - before_kib) * 1024 / count);
  fmt::print("latency_ms p50<={} p99<={}  lateness_ms p99<={} max {:.1f}\n",
             percentile_ms(last.latency, first.latency, 0.5),
             percentile_ms(last.latency, first.latency, 0.99),
             percentile_ms(last.lateness, first.lateness, 0.99),
             leeward::to_milliseconds(last.lateness_max));
  return healthy == count ? 0 : 2;
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argument(argc, argv, 1, 20000);
  const int interval_ms = argument(argc, argv, 2, 1000);
  const int run_seconds = argument(argc, argv, 3, 10);
  const int warm_up_seconds = argument(argc, argv, 4, 1 + 33 * interval_ms / 1000);
  // One descriptor per check on each side. Root may go beyond the hard limit.
  const auto wanted = static_cast<rlim_t>(count) + 200;
  rlimit limit{wanted, wanted};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && leeward::probe::raise_descriptor_limit() < wanted) {
    fmt::print(stderr, "{} checks need {} open files: raise the limit (ulimit -n)\n", count,
               wanted);
    return 1;
  }
  // Several ports: all connections to one would use up the ephemeral ports, and finding a free one
  // would be what we measure.
  std::vector<int> listeners;
  std::vector<std::uint16_t> ports;
  for (int i = 0; i < kServerPorts; ++i) {
    listeners.push_back(leeward::probe::bind_loopback(AF_INET));
    if (listeners.back() < 0 || ::listen(listeners.back(), 4096) != 0) {
      fmt::print(stderr, "cannot listen on loopback\n");
      return 1;
    }
    ports.push_back(leeward::probe::port_of(listeners.back()));
  }
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    leeward::probe::serve_plain(listeners, nullptr);
    _exit(0);
  }
  for (const int listener : listeners) {
    ::close(listener);
  }
  const int status = run(count, interval_ms, run_seconds, warm_up_seconds, ports);
  ::kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return status;
}
