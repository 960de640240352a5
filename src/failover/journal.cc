// SPDX-License-Identifier: Apache-2.0
#include "failover/journal.h"

#include <map>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/fnv.h"
#include "failover/json.h"
#include "failover/step.h"

namespace leeward::failover {
namespace {

namespace json = boost::json;

constexpr std::size_t kLineBytesMax = 4U << 20;
constexpr std::size_t kBreaksMax = 20;

// JSON numbers are signed in most readers; digests travel as text.
std::string hex(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

Result<std::uint64_t> parse_hex(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  std::uint64_t result = 0;
  if (text == nullptr || text->size() != 16) {
    return fail(ErrorCode::kDataCorrupt, fmt::format("{} is not 16 hexadecimal digits", name));
  }
  for (const char c : *text) {
    const std::string_view digits = "0123456789abcdef";
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) {
      return fail(ErrorCode::kDataCorrupt, fmt::format("{} is not 16 hexadecimal digits", name));
    }
    result = result << 4 | digit;
  }
  return result;
}

template <typename T>
Result<T> parse_number(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  boost::system::error_code bad;
  const T number = value == nullptr ? T{} : value->to_number<T>(bad);
  if (value == nullptr || bad) {
    return fail(ErrorCode::kDataCorrupt, fmt::format("{} is missing or not a number", name));
  }
  return number;
}

const json::value& member(const json::object& object, const char* name) {
  static const json::value kNull;
  const json::value* value = object.if_contains(name);
  return value == nullptr ? kNull : *value;
}

Result<JournalEntry> entry_from(const json::object& object) {
  JournalEntry entry;
  ASSIGN_OR_RETURN(entry.sequence, parse_number<std::uint64_t>(object, "sequence"));
  ASSIGN_OR_RETURN(const auto wall, parse_number<std::int64_t>(object, "wall"));
  ASSIGN_OR_RETURN(const auto now, parse_number<std::int64_t>(object, "now"));
  constexpr std::int64_t kMonoMax = std::int64_t{1} << 60;
  constexpr std::int64_t kWallMax = std::int64_t{1} << 62;
  if (now < 0 || now > kMonoMax || wall < 0 || wall > kWallMax) {
    return fail(ErrorCode::kDataCorrupt, "wall or now is out of range");
  }
  entry.wall = WallTime(Duration(wall));
  entry.now = MonoTime(Duration(now));
  ASSIGN_OR_RETURN(entry.next_decision_id, parse_number<std::uint64_t>(object, "next_decision_id"));
  if (!member(object, "before").is_null()) {
    ASSIGN_OR_RETURN(entry.before, application_from_json(member(object, "before")));
  }
  ASSIGN_OR_RETURN(entry.elsewhere, elsewhere_from_json(member(object, "elsewhere")));
  ASSIGN_OR_RETURN(entry.event, event_from_json(member(object, "event")));
  const json::array* effects = member(object, "effects").if_array();
  if (effects == nullptr) {
    return fail(ErrorCode::kDataCorrupt, "effects is missing or not a list");
  }
  for (const json::value& value : *effects) {
    ASSIGN_OR_RETURN(auto effect, effect_from_json(value));
    entry.effects.push_back(std::move(effect));
  }
  ASSIGN_OR_RETURN(entry.after, parse_hex(object, "after"));
  ASSIGN_OR_RETURN(entry.previous, parse_hex(object, "previous"));
  return entry;
}

std::string effects_text(const std::vector<Effect>& effects) {
  json::array array;
  for (const Effect& effect : effects) {
    array.push_back(to_json(effect));
  }
  return json::serialize(array);
}

// What replay remembers between entries: bounded by the number of applications.
class Replayer {
 public:
  void add(const JournalEntry& entry, std::string_view line) {
    check_chain(entry);
    std::optional<ApplicationState> application = entry.before;
    std::uint64_t next_decision_id = entry.next_decision_id;
    const auto effects = step_application(application, next_decision_id, entry.elsewhere,
                                          entry.event, entry.now, entry.wall);
    if (!report_.divergence && effects != entry.effects) {
      report_.divergence =
          fmt::format("entry {}: effects differ\n  recorded:   {}\n  recomputed: {}",
                      entry.sequence, effects_text(entry.effects), effects_text(effects));
    }
    if (!report_.divergence && digest_of(application) != entry.after) {
      report_.divergence = fmt::format(
          "entry {}: state after the step differs\n  recorded:   {}\n"
          "  recomputed: {}",
          entry.sequence, hex(entry.after), hex(digest_of(application)));
    }
    for (const Effect& effect : entry.effects) {
      report_.decisions += std::holds_alternative<CommitAssignment>(effect) ? 1 : 0;
    }
    ++report_.entries;
    last_sequence_ = entry.sequence;
    last_digest_ = digest_of_line(line);
    states_[application_of(entry.event)] = entry.after;
  }

  ReplayReport take() { return std::move(report_); }

 private:
  void check_chain(const JournalEntry& entry) {
    if (report_.entries == 0) {
      return;  // a suffix may start anywhere
    }
    if (entry.sequence != last_sequence_ + 1) {
      add_break(fmt::format("entry {} follows entry {}", entry.sequence, last_sequence_));
    } else if (entry.previous != last_digest_) {
      add_break(fmt::format("entry {} does not continue entry {}: one of them was altered",
                            entry.sequence, last_sequence_));
    }
    const auto known = states_.find(application_of(entry.event));
    // An application that is defined anew starts from nothing: the daemon was restarted.
    if (known != states_.end() && entry.before && known->second != digest_of(entry.before)) {
      add_break(fmt::format("entry {}: the state of {} does not follow from the entry before it",
                            entry.sequence, application_of(entry.event)));
    }
  }

  void add_break(std::string text) {
    if (report_.breaks.size() < kBreaksMax) {
      report_.breaks.push_back(std::move(text));
    }
  }

  ReplayReport report_;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t last_digest_ = 0;
  std::map<ApplicationId, std::uint64_t> states_;
};

}  // namespace

std::uint64_t digest_of(const std::optional<ApplicationState>& application) {
  return application ? fnv1a(json::serialize(to_json(*application))) : 0;
}

bool worth_recording(const std::optional<ApplicationState>& before,
                     const std::optional<ApplicationState>& after,
                     const std::vector<Effect>& effects) {
  for (const Effect& effect : effects) {
    if (!std::holds_alternative<WakeAt>(effect)) {
      return true;
    }
  }
  return before != after;
}

std::string format_entry(const JournalEntry& entry) {
  json::array effects;
  for (const Effect& effect : entry.effects) {
    effects.push_back(to_json(effect));
  }
  const json::object object{
      {"sequence", entry.sequence},
      {"wall", entry.wall.time_since_epoch().count()},
      {"now", entry.now.time_since_epoch().count()},
      {"next_decision_id", entry.next_decision_id},
      {"before", entry.before ? to_json(*entry.before) : json::value(nullptr)},
      {"elsewhere", to_json(entry.elsewhere)},
      {"event", to_json(entry.event)},
      {"effects", std::move(effects)},
      {"after", hex(entry.after)},
      {"previous", hex(entry.previous)},
  };
  return json::serialize(object);
}

std::uint64_t digest_of_line(std::string_view line) {
  return fnv1a(line);
}

Result<JournalEntry> parse_entry(std::string_view line) {
  if (line.size() > kLineBytesMax) {
    return fail(ErrorCode::kDataCorrupt, fmt::format("longer than {} bytes", kLineBytesMax));
  }
  boost::system::error_code bad;
  const json::value value =
      json::parse(json::string_view(line.data(), line.size()), bad, {}, {.max_depth = 32});
  if (bad) {
    return fail(ErrorCode::kDataCorrupt, "not JSON: " + bad.message());
  }
  const json::object* object = value.if_object();
  if (object == nullptr) {
    return fail(ErrorCode::kDataCorrupt, "not a JSON object");
  }
  return entry_from(*object);
}

Result<ReplayReport> replay(std::string_view lines) {
  Replayer replayer;
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 1);
    if (line.empty()) {
      continue;
    }
    auto entry = parse_entry(line);
    if (!entry) {
      return fail(with_context(std::move(entry).error(), fmt::format("line {}", number)));
    }
    replayer.add(*entry, line);
  }
  return replayer.take();
}

std::string format_report(const ReplayReport& report) {
  std::string text;
  for (const std::string& broken : report.breaks) {
    text += "chain: " + broken + "\n";
  }
  if (report.divergence) {
    text += "divergence: " + *report.divergence + "\n";
  }
  text += fmt::format(
      "replayed {} entries with {} decisions: {}\n", report.entries, report.decisions,
      report.faithful() ? "the same inputs give the same effects" : "NOT what the journal says");
  return text;
}

}  // namespace leeward::failover
