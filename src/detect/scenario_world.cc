// SPDX-License-Identifier: Apache-2.0
#include "detect/scenario_world.h"

#include <algorithm>
#include <deque>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "detect/detector.h"

namespace leeward::detect {
namespace {

constexpr MonoTime kStart{};

Duration duration_of(const std::string& text) {
  auto parsed = parse_duration(text);
  if (!parsed) {
    throw std::invalid_argument("not a duration: " + text);
  }
  return *parsed;
}

double number_of(const std::string& text) {
  return std::stod(text);
}

struct Command {
  MonoTime at;
  std::vector<std::string> words;
};

enum class Mode { kHealthy, kRefuses, kSilent, kStatus, kBroken };

class World {
 public:
  std::string run(const std::string& script) {
    read(script);
    Detector detector(timing_, Rng(seed_), kStart, initial_);
    detector_ = &detector;
    while (now_ <= until_) {
      step();
      advance();
    }
    now_ = until_;
    const Verdict& verdict = detector.verdict();
    const Evidence& evidence = verdict.evidence;
    story_ += fmt::format(
        "end      {}{} after {} probes, suspected {} times; {} failures, {} successes, threshold "
        "{}, "
        "miss rate {:.2f}, "
        "usual timeout {}\n",
        to_string(verdict.health), verdict.suspect ? " (suspect)" : "", orders_, suspicions_,
        evidence.consecutive_failures, evidence.consecutive_successes, evidence.threshold,
        evidence.miss_rate, rounded(evidence.timeout));
    return story_;
  }

 private:
  void read(const std::string& script) {
    timing_.jitter = 0;
    std::istringstream lines(script);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream in(line.substr(0, line.find('#')));
      std::vector<std::string> words;
      for (std::string word; in >> word;) {
        words.push_back(word);
      }
      if (words.empty()) {
        continue;
      }
      if (words[0] == "check") {
        std::for_each(words.begin() + 1, words.end(), [this](const auto& word) { set(word); });
      } else if (words[0] == "skip") {
        skip_suspicions_ = true;
      } else if (words[0] == "until") {
        until_ = kStart + duration_of(words.at(1));
      } else if (words[0] == "at") {
        commands_.push_back({kStart + duration_of(words.at(1)), {words.begin() + 2, words.end()}});
      } else {
        throw std::invalid_argument("unknown command: " + line);
      }
    }
  }

  void set(const std::string& assignment) {
    const std::size_t equals = assignment.find('=');
    const std::string key = assignment.substr(0, equals);
    const std::string value = assignment.substr(equals + 1);
    const std::map<std::string, Duration*> durations{
        {"interval", &timing_.interval},
        {"timeout", &timing_.timeout},
        {"floor", &timing_.timeout_floor},
        {"spacing", &timing_.confirm_spacing},
        {"hold_down", &timing_.recovery_hold_down},
        {"hold_down_max", &timing_.recovery_hold_down_max},
        {"flap_window", &timing_.flap_window}};
    if (const auto found = durations.find(key); found != durations.end()) {
      *found->second = duration_of(value);
    } else if (key == "failure_threshold") {
      timing_.failure_threshold =
          value == "auto" ? std::nullopt : std::optional<int>(std::stoi(value));
    } else if (key == "success_threshold") {
      timing_.success_threshold = std::stoi(value);
    } else if (key == "jitter") {
      timing_.jitter = number_of(value);
    } else if (key == "initial") {
      initial_ = parse_health(value).value();
    } else if (key == "seed") {
      seed_ = std::stoull(value);
    } else {
      throw std::invalid_argument("unknown setting: " + key);
    }
  }

  // Everything due at now_, in the order a careful caller uses: answers, timeouts, probes.
  void step() {
    while (next_command_ < commands_.size() && commands_[next_command_].at <= now_) {
      execute(commands_[next_command_++].words);
    }
    if (now_ < paused_until_) {
      return;
    }
    while (!answers_.empty() && answers_.begin()->first <= now_) {
      const Observation answer = answers_.begin()->second;
      answers_.erase(answers_.begin());
      tell(detector_->observe(answer, now_));
    }
    tell(detector_->expire(now_));
    while (const auto order = detector_->next_probe(now_)) {
      ++orders_;
      launch(*order);
    }
    // Answers within no time at all.
    while (!answers_.empty() && answers_.begin()->first <= now_) {
      const Observation answer = answers_.begin()->second;
      answers_.erase(answers_.begin());
      tell(detector_->observe(answer, now_));
    }
    if (detector_->wakeup() <= now_) {
      throw std::logic_error("wakeup() makes no progress");
    }
  }

  void advance() {
    MonoTime next = std::max(detector_->wakeup(), paused_until_);
    if (!answers_.empty()) {
      next = std::min(next, std::max(answers_.begin()->first, paused_until_));
    }
    if (next_command_ < commands_.size()) {
      next = std::min(next, commands_[next_command_].at);
    }
    now_ = std::max(next, now_);
  }

  void execute(const std::vector<std::string>& words) {
    story_ += fmt::format("{:<8} . {}\n", clock(), fmt::join(words, " "));
    if (words.at(0) == "next") {
      fates_.assign(words.begin() + 1, words.end());
    } else if (words[0] == "target") {
      const std::string& what = words.at(1);
      mode_ = what == "refuses"  ? Mode::kRefuses
              : what == "silent" ? Mode::kSilent
              : what == "status" ? Mode::kStatus
                                 : Mode::kHealthy;
      loss_ = what == "loses" ? number_of(words.at(2)) / 100 : 0;
      if (words.size() > 3) {
        rtt_ = duration_of(words.back());
      }
    } else if (words.at(1) == "broken") {
      mode_ = Mode::kBroken;
    } else if (words[1] == "works") {
      mode_ = Mode::kHealthy;
    } else if (words[1] == "paused") {
      paused_until_ = now_ + duration_of(words.at(2));
    } else if (words[1] == "disqualified") {
      tell(detector_->disqualify(words.at(2), now_));
    } else if (words[1] == "qualified") {
      tell(detector_->qualify(now_));
    } else {
      throw std::invalid_argument("unknown event: " + words[1]);
    }
  }

  void launch(const ProbeOrder& order) {
    std::string fate;
    if (!fates_.empty()) {
      fate = fates_.front();
      fates_.pop_front();
    }
    Mode mode = mode_;
    Duration rtt = rtt_;
    if (fate == "lost" || (fate.empty() && mode == Mode::kHealthy && world_.unit() < loss_)) {
      mode = Mode::kSilent;
    } else if (fate == "refused") {
      mode = Mode::kRefuses;
    } else if (!fate.empty()) {
      mode = Mode::kHealthy;
      rtt = duration_of(fate);
    }
    if (mode == Mode::kSilent) {
      return;
    }
    Observation end;
    end.sequence = order.sequence;
    end.started = now_;
    switch (mode) {
      case Mode::kHealthy:
        end.outcome = ProbeOutcome::kSuccess;
        break;
      case Mode::kStatus:
        end.outcome = ProbeOutcome::kBadStatus;
        end.detail = "HTTP 503";
        break;
      case Mode::kRefuses:
        end.outcome = ProbeOutcome::kRefused;
        rtt = std::chrono::milliseconds(1);
        break;
      default:
        end.outcome = ProbeOutcome::kLocalError;
        end.detail = "too many open files";
        rtt = Duration::zero();
    }
    end.finished = now_ + rtt;
    answers_.emplace(end.finished, end);
  }

  void tell(const std::optional<Transition>& transition) {
    if (!transition) {
      return;
    }
    const Verdict& after = transition->after;
    suspicions_ += after.suspect ? 1 : 0;
    if (skip_suspicions_ && after.health == transition->before.health) {
      return;
    }
    std::vector<std::string> seen;
    seen.reserve(after.evidence.observations.size());
    for (const Observation& observation : after.evidence.observations) {
      seen.push_back(fmt::format("#{} {} {}", observation.sequence, to_string(observation.outcome),
                                 rounded(observation.finished - observation.started)));
    }
    if (after.evidence.reason.empty()) {
      throw std::logic_error("a transition without a reason");
    }
    story_ += fmt::format("{:<8} {} -> {}: {}\n", clock(), name(transition->before), name(after),
                          after.evidence.reason);
    story_ += fmt::format("         threshold {}, could flip in {}; seen: {}\n",
                          after.evidence.threshold, rounded(after.time_to_flip),
                          seen.empty() ? "nothing" : fmt::format("{}", fmt::join(seen, ", ")));
  }

  static std::string name(const Verdict& verdict) {
    return verdict.suspect ? "suspect" : std::string(to_string(verdict.health));
  }
  static std::string rounded(Duration duration) {
    return fmt::format("{}ms", std::chrono::round<std::chrono::milliseconds>(duration).count());
  }
  [[nodiscard]] std::string clock() const { return rounded(now_ - kStart); }

  CheckTiming timing_;
  Health initial_ = Health::kUnknown;
  std::uint64_t seed_ = 1;
  Rng world_{7};
  std::vector<Command> commands_;
  std::size_t next_command_ = 0;
  MonoTime until_ = kStart + std::chrono::seconds(10);
  MonoTime now_ = kStart;
  MonoTime paused_until_ = kStart;
  Detector* detector_ = nullptr;
  Mode mode_ = Mode::kHealthy;
  double loss_ = 0;
  Duration rtt_ = std::chrono::milliseconds(10);
  std::deque<std::string> fates_;
  std::multimap<MonoTime, Observation> answers_;
  bool skip_suspicions_ = false;
  int orders_ = 0;
  int suspicions_ = 0;
  std::string story_;
};

}  // namespace

std::string run_scenario(const std::string& script) {
  try {
    return World().run(script);
  } catch (const std::exception& problem) {
    return fmt::format("error: {}\n", problem.what());
  }
}

}  // namespace leeward::detect
