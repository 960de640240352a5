// SPDX-License-Identifier: Apache-2.0
//
// What a config will do: for each application, how soon a dead region is left, when users notice,
// and how often a healthy region is left by mistake. Monte Carlo over the real detector and quorum.
//
// The result depends on the applications, the options and the seed, not on `jobs`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/application.h"
#include "plan/distribution.h"
#include "plan/path.h"

namespace leeward::plan {

struct Options {
  std::uint64_t seed = 1;
  int trials = 2000;                                    // per application, loss and fault; >= 1
  std::optional<Duration> life;                         // simulated per loss; none: kProbesPerCell
  int vantages = 1;                                     // 1 to 100
  std::optional<int> required;                          // none: the config's quorum
  Duration round_trip = std::chrono::milliseconds(30);  // checker to target
  Duration burst_mean = std::chrono::milliseconds(500);
  int jobs = 1;  // threads
};

// So many probes are simulated per loss where no length is given.
inline constexpr double kProbesPerCell = 4e6;

// Decided to published: commit and flip. Measured at a few milliseconds; the bound is generous.
inline constexpr Duration kPublish = std::chrono::milliseconds(20);

struct LossPlan {
  Loss loss;
  Distribution killed;  // to the decision, confirm window and all
  Distribution silent;
  Duration life{};  // simulated without a fault
  std::uint64_t suspicions = 0;
  std::uint64_t quorums = 0;
  std::uint64_t actions = 0;
  double actions_per_year = 0;
  double actions_per_year_at_most = 0;     // with 95 % confidence
  std::optional<double> formula_per_year;  // where a closed form is known: independent loss
};

struct ClientPlan {
  std::string client;
  Distribution killed;  // from the failure until this client uses the new region
  Distribution silent;
};

struct ApplicationPlan {
  std::string application;
  std::string region;  // whose failure is predicted: the preferred one
  std::string note;    // why there is no prediction; empty: there is one
  bool automatic = true;
  int vantages = 1;
  int required = 1;
  Duration confirm_window{};
  Duration ttl{};
  CheckTiming timing;
  bool fresh_connection = false;
  std::vector<LossPlan> losses;        // the first one without loss
  std::vector<ClientPlan> clients;     // without loss
  std::optional<Distribution> writes;  // silent; where leases or fences stand before them
};

// Called now and then with done <= all, from the calling thread.
using Progress = std::function<void(std::size_t done, std::size_t all)>;

// REQUIRES: options in their ranges; required <= vantages.
[[nodiscard]] std::vector<ApplicationPlan> predict(std::span<const Application> applications,
                                                   const Options& options,
                                                   const Progress& progress);

}  // namespace leeward::plan
