// SPDX-License-Identifier: Apache-2.0
//
// `leeward latencies measure`: how far client networks are from where it runs, for latency routing.
// A TCP handshake is timed, or the refusal of one: both take one round trip, and nearly every host
// gives one of them. The fastest of some samples counts: what is slower was queued somewhere.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <poll.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/sockets.h"
#include "load/load.h"
#include "routing/latency_text.h"
#include "routing/text_lines.h"

namespace leeward::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;
constexpr std::size_t kAtOnce = 64;  // handshakes

struct Target {
  routing::ClientNetwork network;
  SocketAddress address;
  std::optional<Milliseconds> fastest;
};

Result<std::vector<Target>> parse_targets(const std::string& file, const std::string& text) {
  std::vector<Target> targets;
  routing::TextLines lines(file, text);
  while (const auto values = lines.next()) {
    const auto network = routing::parse_network((*values)[0]);
    if (values->size() != 2 || !network) {
      lines.report("expected NETWORK, ADDRESS:PORT, as in 192.0.2.0/24, 192.0.2.53:53");
      continue;
    }
    const std::string endpoint((*values)[1]);
    const auto address = parse_endpoint("'" + routing::shown(endpoint) + "'", endpoint);
    if (!address) {
      lines.report(address.error().message);
      continue;
    }
    targets.push_back({*network, *address, std::nullopt});
  }
  RETURN_IF_ERROR(lines.status());
  return targets;
}

// One handshake under way.
struct Attempt {
  Target* target;
  Socket socket;
  Clock::time_point began;
};

void took(Target& target, Clock::time_point began) {
  const Milliseconds time = Clock::now() - began;
  target.fastest = std::min(target.fastest.value_or(time), time);
}

std::optional<Attempt> begin(Target& target) {
  Socket socket(
      ::socket(target.address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const Clock::time_point began = Clock::now();
  const auto* const generic = reinterpret_cast<const sockaddr*>(&target.address.storage);
  if (socket.fd() < 0 || ::connect(socket.fd(), generic, target.address.length) == 0 ||
      errno == ECONNREFUSED) {
    if (socket.fd() >= 0) {
      took(target, began);
    }
    return std::nullopt;
  }
  return errno == EINPROGRESS ? std::optional(Attempt{&target, std::move(socket), began})
                              : std::nullopt;
}

// A handshake that ended: done and refused are answers of the host, anything else is not.
void end(const Attempt& attempt) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(attempt.socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
      (error == 0 || error == ECONNREFUSED)) {
    took(*attempt.target, attempt.began);
  }
}

void sample(std::span<Target> targets, Clock::duration timeout) {
  std::vector<Attempt> attempts;
  for (Target& target : targets) {
    if (auto attempt = begin(target)) {
      attempts.push_back(*std::move(attempt));
    }
  }
  const Clock::time_point deadline = Clock::now() + timeout;
  std::vector<pollfd> waiting;
  waiting.reserve(attempts.size());
  for (const Attempt& attempt : attempts) {
    waiting.push_back({attempt.socket.fd(), POLLOUT, 0});
  }
  std::size_t left = waiting.size();
  while (left > 0) {
    const auto patience =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (patience <= 0 || ::poll(waiting.data(), waiting.size(), static_cast<int>(patience)) <= 0) {
      return;
    }
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].fd >= 0 && waiting[i].revents != 0) {
        end(attempts[i]);
        waiting[i].fd = -1;  // poll() passes it over
        --left;
      }
    }
  }
}

Result<std::string> merged(const LatenciesOptions& options, std::span<const Target> targets) {
  std::vector<routing::LatencyMeasurement> measured;
  for (const Target& target : targets) {
    if (target.fastest) {
      measured.push_back({target.network, static_cast<float>(target.fastest->count())});
    }
  }
  std::string before;
  if (!options.merge.empty()) {
    ASSIGN_OR_RETURN(before, load::read_file(options.merge, kFileBytesMax));
  }
  return routing::merge_latencies(options.merge, before, options.region, measured);
}

}  // namespace

int measure_latencies(const LatenciesOptions& options) {
  const auto timeout = parse_duration(options.timeout);
  if (!timeout || *timeout <= Duration::zero()) {
    return report(
        Error{ErrorCode::kInvalidArgument,
              fmt::format("--timeout {}: expected a duration, as in 1s", options.timeout)});
  }
  const Result<std::string> text =
      load::read_file(options.targets == "-" ? "/dev/stdin" : options.targets, kFileBytesMax);
  if (!text) {
    return report(text.error());
  }
  Result<std::vector<Target>> targets = parse_targets(options.targets, *text);
  if (!targets) {
    return report(targets.error());
  }
  for (int round = 0; round < options.samples; ++round) {
    for (std::size_t from = 0; from < targets->size(); from += kAtOnce) {
      const std::size_t count = std::min(kAtOnce, targets->size() - from);
      sample(std::span(*targets).subspan(from, count),
             std::chrono::duration_cast<Clock::duration>(*timeout));
    }
  }
  const auto silent = std::ranges::count_if(
      *targets, [](const Target& target) { return !target.fastest.has_value(); });
  const Result<std::string> result = merged(options, *targets);
  if (!result) {
    return report(result.error());
  }
  print(*result);
  if (silent > 0) {
    complain(fmt::format("{} of {} targets did not answer; their networks keep what they had",
                         silent, targets->size()));
  }
  return silent > 0 && std::cmp_equal(silent, targets->size()) ? kNegative : kOk;
}

}  // namespace leeward::cli
