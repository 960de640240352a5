// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace leeward::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How often the world is looked at from outside.
constexpr Duration kLook = seconds(1);
// A view of a region is undisturbed when nothing happened to it for so long.
constexpr Duration kUndisturbed = seconds(20);
constexpr double kLittleLoss = 0.02;
constexpr int kSleepsMax = 3;

class World {
 public:
  World(const Scenario& scenario, const RunOptions& options)
      : scenario_(scenario),
        ground_(scenario, options.seed),
        checks_(ground_),
        regions_(ground_, checks_),
        store_(ground_),
        provider_(ground_),
        journals_(options.journals) {
    ground_.trace = options.trace;
    const Surroundings world{ground_,   checks_,
                             regions_,  store_,
                             provider_, [this](std::size_t region) { return seen_alive(region); }};
    for (std::size_t i = 0; i < static_cast<std::size_t>(scenario.nodes); ++i) {
      nodes_.push_back(std::make_unique<Node>(
          world, i,
          [this, i](std::size_t to, const Node::Bitmap& bitmap) {
            ground_.send(ground_.node_site(i), ground_.node_site(to), [this, to, bitmap] {
              nodes_[to]->receive([this, to, bitmap] { nodes_[to]->take_votes(bitmap); });
            });
          },
          options.journals));
    }
    users_ = std::make_unique<Users>(world, nodes_);
    worse_since_.resize(scenario.applications.size());
  }

  Outcome run() {
    for (const auto& node : nodes_) {
      node->boot(false);
    }
    regions_.start();
    users_->start();
    for (const Fault& fault : scenario_.faults) {
      if (fault.at < scenario_.heal_at) {
        ground_.queue.at(MonoTime(fault.at), [this, &fault] { happen(fault); });
      }
    }
    ground_.queue.at(MonoTime(scenario_.heal_at), [this] { heal(); });
    ground_.queue.after(kLook, [this] { look(); });
    const MonoTime end(scenario_.length);
    while (!ground_.violation && ground_.queue.run_next(end)) {
    }
    if (!ground_.violation && scenario_.heal_at < scenario_.length) {
      check_rest();
    }
    return {ground_.violation,      ground_.digest,
            ground_.queue.events(), ground_.now().time_since_epoch(),
            ground_.marks,          users_->experience(),
            checks_.writes(),       checks_.writes_at_risk()};
  }

 private:
  [[nodiscard]] Site site(const std::string& name) const {
    const auto names = site_names(scenario_);
    return static_cast<Site>(std::ranges::find(names, name) - names.begin());
  }
  [[nodiscard]] Node& node(const Fault& fault) const {
    return *nodes_[site(fault.names[0]) - scenario_.regions.size()];
  }

  // Both ways between two sites, or between all.
  template <typename Set>
  void each_path(const Fault& fault, Set set) {
    const std::size_t sites = site_names(scenario_).size();
    if (fault.names.size() == 1) {
      for (Site a = 0; a < sites; ++a) {
        for (Site b = 0; b < sites; ++b) {
          set(a, b);
        }
      }
      return;
    }
    set(site(fault.names[0]), site(fault.names[1]));
    set(site(fault.names[1]), site(fault.names[0]));
  }

  void happen(const Fault& fault) {
    ground_.tell("-- {}", format_fault(fault));
    if (!happen_to_region(fault) && !happen_to_node(fault)) {
      happen_to_the_rest(fault);
    }
    regions_.look_at_links();
  }

  bool happen_to_region(const Fault& fault) {
    switch (fault.verb) {
      case Verb::kKill:
      case Verb::kStart:
        regions_.set_running(site(fault.names[0]), fault.verb == Verb::kStart);
        return true;
      case Verb::kLose:
      case Verb::kRestore:
        regions_.set_present(site(fault.names[0]), fault.verb == Verb::kRestore);
        return true;
      case Verb::kFreeze:
      case Verb::kThaw:
        regions_.set_frozen(site(fault.names[0]), fault.verb == Verb::kFreeze);
        return true;
      case Verb::kSlow:
        regions_.set_slow(site(fault.names[0]), fault.duration);
        return true;
      case Verb::kGray:
        regions_.set_gray(site(fault.names[0]), fault.number / 100);
        return true;
      case Verb::kWell:
        regions_.set_gray(site(fault.names[0]), 0);
        regions_.set_slow(site(fault.names[0]), Duration(0));
        return true;
      case Verb::kStall:
      case Verb::kFlow:
        regions_.set_stalled(site(fault.names[0]), site(fault.names[1]),
                             fault.verb == Verb::kStall);
        return true;
      default:
        return false;
    }
  }

  bool happen_to_node(const Fault& fault) {
    switch (fault.verb) {
      case Verb::kCrash:
        node(fault).crash();
        return true;
      case Verb::kBoot:
      case Verb::kBootOld:
        node(fault).boot(fault.verb == Verb::kBootOld);
        return true;
      case Verb::kPause:
        node(fault).pause();
        return true;
      case Verb::kResume:
        node(fault).resume();
        return true;
      case Verb::kDrift:
        node(fault).clock().set_drift(ground_.now(), fault.number);
        return true;
      case Verb::kJump:
        node(fault).clock().jump(seconds(static_cast<std::int64_t>(fault.number)));
        checks_.clocks_jumped();
        return true;
      case Verb::kLie:
      case Verb::kHonest:
        node(fault).set_lying(fault.verb == Verb::kLie);
        return true;
      default:
        return false;
    }
  }

  void happen_to_the_rest(const Fault& fault) {
    Network& network = ground_.network;
    const MonoTime now = ground_.now();
    switch (fault.verb) {
      case Verb::kIsolate:
      case Verb::kJoin:
        network.isolate(site(fault.names[0]), fault.verb == Verb::kIsolate, now);
        break;
      case Verb::kCut:
      case Verb::kMend:
        each_path(fault,
                  [&](Site a, Site b) { network.set_cut(a, b, fault.verb == Verb::kCut, now); });
        break;
      case Verb::kCutWay:
      case Verb::kMendWay:
        network.set_cut(site(fault.names[0]), site(fault.names[1]), fault.verb == Verb::kCutWay,
                        now);
        break;
      case Verb::kLoss:
        each_path(fault, [&](Site a, Site b) { network.set_loss(a, b, fault.number / 100, now); });
        break;
      case Verb::kDelay:
        each_path(fault, [&](Site a, Site b) {
          network.add_delay(a, b, scenario_.delay, fault.duration, now);
        });
        break;
      case Verb::kBurst:
        network.burst(site(fault.names[0]), now + fault.duration);
        break;
      case Verb::kStoreDown:
      case Verb::kStoreUp:
        store_.set_up(fault.verb == Verb::kStoreUp);
        break;
      case Verb::kStoreRestore:
        store_.restore_backup();
        checks_.store_restored();
        break;
      case Verb::kProviderErrors:
        provider_.set_errors(fault.number / 100);
        break;
      case Verb::kProviderLoses:
        provider_.set_loses(fault.number / 100);
        break;
      default:
        operate(fault);
    }
  }

  void operate(const Fault& fault) {
    const auto leader = store_.leader();
    if (!leader) {
      return;  // nobody takes commands
    }
    Node& node = *nodes_[*leader];
    const ApplicationId id(fault.names[0]);
    node.receive([&node, fault, id] {
      MoveCommand move;
      move.application = id;
      move.requested_by = "operator";
      StandingCommand standing{StandingChange::kHold, id, "operator", ""};
      switch (fault.verb) {
        case Verb::kForce:
          move.accept_data_loss = std::chrono::hours(24);
          [[fallthrough]];
        case Verb::kFailover:
        case Verb::kSwitchover:
        case Verb::kFailback:
          move.kind = fault.verb == Verb::kSwitchover ? MoveKind::kSwitchover
                      : fault.verb == Verb::kFailback ? MoveKind::kFailback
                                                      : MoveKind::kFailover;
          move.to = RegionId(fault.names[1]);
          node.command(move);
          return;
        case Verb::kRelease:
          standing.change = StandingChange::kRelease;
          break;
        case Verb::kAcknowledge:
          standing.change = StandingChange::kAcknowledge;
          break;
        default:
          break;
      }
      node.command(standing);
    });
  }

  // Everything works again, and stays so.
  void heal() {
    ground_.tell("-- everything heals");
    const std::size_t sites = site_names(scenario_).size();
    for (Site a = 0; a < sites; ++a) {
      ground_.network.isolate(a, false, ground_.now());
      for (Site b = 0; b < sites; ++b) {
        ground_.network.set_cut(a, b, false, ground_.now());
        ground_.network.set_loss(a, b, scenario_.loss_percent / 100, ground_.now());
        ground_.network.add_delay(a, b, scenario_.delay, Duration(0), ground_.now());
      }
    }
    for (std::size_t region = 0; region < scenario_.regions.size(); ++region) {
      regions_.set_frozen(region, false);
      regions_.set_present(region, true);
      regions_.set_running(region, true);
      regions_.set_gray(region, 0);
      regions_.set_slow(region, Duration(0));
      for (std::size_t to = 0; to < scenario_.regions.size(); ++to) {
        regions_.set_stalled(region, to, false);
      }
    }
    regions_.look_at_links();
    store_.set_up(true);
    provider_.set_errors(0);
    provider_.set_loses(0);
    for (const auto& node : nodes_) {
      node->set_lying(false);
      node->resume();
      node->boot(false);
    }
    for (const failover::Policy& policy : scenario_.applications) {
      // As a person would: what stands in the way of automation is cleared away.
      ground_.queue.after(seconds(15), [this, id = policy.id] {
        const Fault release{Duration(0), Verb::kRelease, {id.str()}, 0, {}};
        const Fault acknowledge{Duration(0), Verb::kAcknowledge, {id.str()}, 0, {}};
        operate(release);
        operate(acknowledge);
      });
    }
  }

  // ---- looking from outside ----

  // Where packets get lost an honest node errs once in a while, and a liar needs no more.
  int seen_alive(std::size_t region) const {
    const bool liars =
        std::ranges::any_of(nodes_, [](const auto& node) { return !node->honest(); });
    const double loss_max = liars ? 0.0 : kLittleLoss;
    if (!regions_.well(region) || ground_.now() - regions_.changed(region) < kUndisturbed) {
      return 0;
    }
    int count = 0;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const Site from = ground_.node_site(i);
      const Site to = ground_.region_site(region);
      count += nodes_[i]->running() && nodes_[i]->honest() &&
                       ground_.now() - nodes_[i]->booted() > kUndisturbed &&
                       ground_.now() - ground_.network.touched(from, to) > kUndisturbed &&
                       !ground_.network.is_cut(from, to) && !ground_.network.is_cut(to, from) &&
                       ground_.network.loss(from, to) <= loss_max &&
                       ground_.network.delay(from, to) == scenario_.delay &&
                       ground_.network.delay(to, from) == scenario_.delay
                   ? 1
                   : 0;
    }
    return count;
  }

  void look() {
    ground_.queue.after(kLook, [this] { look(); });
    if (++looks_ % 15 == 0) {
      store_.back_up();
    }
    const auto leader = store_.leader();
    if (!leader || !nodes_[*leader]->leads()) {
      sleeps_ = 0;
      worse_since_.assign(worse_since_.size(), ground_.now());
      return;
    }
    const auto sleeping = nodes_[*leader]->overslept();
    sleeps_ = sleeping ? sleeps_ + 1 : 0;
    if (sleeps_ >= kSleepsMax) {
      ground_.broken("L3", *sleeping);
    }
    for (std::size_t i = 0; i < scenario_.applications.size(); ++i) {
      look_at_outage(i, *nodes_[*leader]);
    }
  }

  // Users are not left at a region that is dead in truth while they could be elsewhere.
  void look_at_outage(std::size_t application, const Node& leader) {
    const failover::Policy& policy = scenario_.applications[application];
    const auto& states = leader.state()->applications;
    const auto state = states.find(policy.id);
    MonoTime& since = worse_since_[application];
    const bool judged = policy.mode == ApplicationMode::kActivePassive &&
                        policy.failover.automatic && !policy.failover.max_replication_lag &&
                        policy.capacities.empty() && policy.failover.velocity.percent == 100 &&
                        state != states.end() && !state->second.hold && !state->second.locked_out &&
                        state->second.assignment.epoch != 0;
    if (!judged || !is_plain_outage(application, state->second)) {
      since = ground_.now();
      return;
    }
    // Detecting, confirming, the hold-down, a commit; a leader who had to be elected first.
    const CheckTiming& timing = scenario_.timing;
    const Duration bound = 4 * timing.interval + 4 * timing.timeout +
                           policy.failover.confirm_window + policy.failover.hold_down +
                           2 * Store::kLease + seconds(10);
    if (ground_.now() - since > bound) {
      ground_.broken("L1",
                     fmt::format("{}: answers {} for {:.1f} s, which is dead; {} was well all the "
                                 "time",
                                 policy.id, state->second.assignment.region,
                                 to_milliseconds(ground_.now() - since) / 1000,
                                 another_well(application, state->second)));
    }
  }

  // The assigned region is dead, all others are well, and nothing but that is wrong.
  bool is_plain_outage(std::size_t application, const failover::ApplicationState& state) const {
    const failover::Policy& policy = scenario_.applications[application];
    std::size_t dead = 0;
    std::size_t targets = 0;
    for (const failover::Policy& each : scenario_.applications) {
      for (const RegionId& region : each.regions) {
        ++targets;
        dead += regions_.well(site(region.str())) ? 0 : 1;
      }
    }
    const std::size_t active = site(state.assignment.region.str());
    const bool gone = !regions_.present(active) || regions_.is_dead(active);
    bool others_well = true;
    for (const RegionId& region : policy.regions) {
      others_well =
          others_well && (region == state.assignment.region || regions_.well(site(region.str())));
    }
    if (!gone || !others_well || 2 * dead > targets || policy.regions.size() < 2 || !store_.up()) {
      return false;
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i]->running() || !nodes_[i]->honest() ||
          ground_.now() - nodes_[i]->booted() < seconds(20) || !paths_work(ground_.node_site(i))) {
        return false;
      }
    }
    return true;
  }

  bool paths_work(Site from) const {
    for (Site to = 0; to < ground_.provider_site(); ++to) {
      if (from != to && (ground_.network.is_cut(from, to) || ground_.network.is_cut(to, from) ||
                         ground_.network.loss(from, to) > kLittleLoss ||
                         ground_.network.delay(from, to) != scenario_.delay ||
                         ground_.now() - ground_.network.touched(from, to) < seconds(20))) {
        return false;
      }
    }
    return true;
  }

  std::string another_well(std::size_t application, const failover::ApplicationState& state) const {
    for (const RegionId& region : scenario_.applications[application].regions) {
      if (region != state.assignment.region) {
        return region.str();
      }
    }
    return "none";
  }

  // After everything healed the world comes to rest in its preferred legal state.
  void check_rest() {
    const auto leader = store_.leader();
    if (!leader || !nodes_[*leader]->leads()) {
      return ground_.broken("L2", "nobody leads, long after everything healed");
    }
    const Node& node = *nodes_[*leader];
    for (std::size_t i = 0; i < scenario_.applications.size() && !ground_.violation; ++i) {
      if (scenario_.applications[i].mode == ApplicationMode::kActivePassive) {
        check_rest_of(i, node);
      }
    }
    if (journals_ && !ground_.violation) {
      if (const auto wrong = node.replay_journal()) {
        ground_.broken("I14", "the journal does not replay: " + *wrong);
      }
    }
  }

  void check_rest_of(std::size_t application, const Node& leader) {
    const failover::Policy& policy = scenario_.applications[application];
    const failover::ApplicationState& state = leader.state()->applications.at(policy.id);
    const auto broken = [&](const char* invariant, const std::string& what) {
      ground_.broken(invariant,
                     fmt::format("{}, long after everything healed: {}", policy.id, what));
    };
    if (state.phase != failover::Phase::kSteady && state.phase != failover::Phase::kSuspect) {
      return broken("L3", fmt::format("its phase is {}", failover::to_string(state.phase)));
    }
    for (std::size_t place = 0; place < state.statuses.size(); ++place) {
      if (state.statuses[place].health != Health::kHealthy) {
        return broken("L4", fmt::format("{} is {}", policy.regions[place],
                                        to_string(state.statuses[place].health)));
      }
    }
    const bool fenced = policy.failover.fencing.mode != FencingMode::kNone;
    if (fenced && (!state.grant || !state.grant->granted || state.grant->to != state.assignment)) {
      return broken("L1", "nobody may write");
    }
    if (policy.failover.failback == Failback::kAutomatic &&
        state.assignment.region != policy.regions[0] && settled(policy)) {
      return broken(
          "L4", fmt::format("it is in {}, not in {}", state.assignment.region, policy.regions[0]));
    }
    const auto active = failover::index_of(policy, state.assignment.region);
    for (const auto& node : nodes_) {
      const DnsPlan& plan = node->plan(application);
      if (plan.region != active || plan.version.epoch != state.assignment.epoch) {
        return broken("L5", fmt::format("a node answers {} of epoch {}, the assignment is {} of {}",
                                        policy.regions[plan.region], plan.version.epoch,
                                        state.assignment.region, state.assignment.epoch));
      }
    }
    const DnsPlan& plan = provider_.plan(application);
    if (plan.region != active || plan.version.epoch != state.assignment.epoch) {
      return broken("L5", fmt::format("the provider answers {} of epoch {}",
                                      policy.regions[plan.region], plan.version.epoch));
    }
  }

  // There was time enough for the way back: a failed one waits longer each time.
  [[nodiscard]] bool settled(const failover::Policy& policy) const {
    return scenario_.length - scenario_.heal_at >
               policy.failover.failback_after + policy.failover.hold_down + seconds(120) &&
           policy.failover.velocity.percent == 100 && policy.capacities.empty() &&
           policy.failover.gradual_failback.steps.empty();
  }

  const Scenario& scenario_;
  Ground ground_;
  Checks checks_;
  Regions regions_;
  Store store_;
  Provider provider_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<Users> users_;
  std::vector<MonoTime> worse_since_;  // by application
  int sleeps_ = 0;
  std::uint64_t looks_ = 0;
  bool journals_;
};

}  // namespace

Outcome run(const Scenario& scenario, const RunOptions& options) {
  return World(scenario, options).run();
}

}  // namespace leeward::sim
