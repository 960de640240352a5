// SPDX-License-Identifier: Apache-2.0
//
// Users behind resolvers with habits: one keeps answers for their TTL, one for at least half a
// minute whatever the TTL says (RFC 8767 calls it clamping), one goes on with what it had when
// nobody answers (serve-stale). What they live through is the outage that counts.
//
// Thread-safety: none; one world, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sim/node.h"

namespace leeward::sim {

// Of one application, over all its users.
struct Experience {
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;
  Duration longest_outage{};  // the longest run of failed requests of one user

  friend bool operator==(const Experience&, const Experience&) = default;
};

class Users {
 public:
  Users(Surroundings world, const std::vector<std::unique_ptr<Node>>& nodes);
  void start();
  [[nodiscard]] const std::vector<Experience>& experience() const { return experience_; }

 private:
  struct Resolver {
    Duration keeps_at_least{};
    bool serves_stale = false;
    bool asks_provider = false;
    struct Cached {
      std::size_t place = 0;
      MonoTime until;
      bool known = false;
    };
    std::vector<Cached> cache;            // by application
    std::vector<MonoTime> failing_since;  // by application; epoch: it is not
  };

  void request(std::size_t resolver);
  // Asks a DNS server; false: no answer.
  bool resolve(Resolver& resolver, std::size_t application);

  Surroundings world_;
  const std::vector<std::unique_ptr<Node>>& nodes_;
  std::vector<Resolver> resolvers_;
  std::vector<Experience> experience_;
  Rng rng_;
};

}  // namespace leeward::sim
