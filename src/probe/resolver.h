// SPDX-License-Identifier: Apache-2.0
//
// Names to addresses without ever blocking a checker thread: a few threads of its own call the
// blocking resolver, answers are cached briefly, and an old answer serves while a newer one is
// awaited, so that the resolver's trouble does not become the target's.
//
// Thread-safety: lookup() from any thread. The destructor does not wait for calls in progress: a
// resolver may block for half a minute; its threads keep what they need alive and end by
// themselves.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "probe/socket_address.h"

namespace leeward::probe {

// Blocking; called on the resolver's threads, several at a time.
using ResolveFunction = std::function<Result<std::vector<std::string>>(const std::string& name)>;

// getaddrinfo(): /etc/hosts, DNS, whatever the system is set up for.
[[nodiscard]] Result<std::vector<std::string>> system_resolve(const std::string& name);

class Resolver {
 public:
  static constexpr int kThreads = 4;
  static constexpr std::size_t kNamesMax = 32768;  // cached and waiting, together
  static constexpr std::size_t kAddressesMax = 8;  // of one name; further ones are not tried
  static constexpr Duration kFresh = std::chrono::seconds(5);
  static constexpr Duration kFreshFailure = std::chrono::seconds(1);
  static constexpr Duration kStaleMax = std::chrono::minutes(5);

  struct Answer {
    std::vector<SocketAddress> addresses;  // empty: failed
    std::string error;
  };
  // Called on a resolver thread when a name that lookup() could not answer has one now.
  using Listener = std::function<void(const std::string& name)>;

  explicit Resolver(ResolveFunction resolve);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // The cached answer, or nullptr: then `listener` will be called, unless it has died.
  std::shared_ptr<const Answer> lookup(const std::string& name,
                                       const std::weak_ptr<Listener>& listener, MonoTime now);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace leeward::probe
