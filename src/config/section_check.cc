// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

#include "config/schema_text.h"
#include "config/sections.h"
#include "config/syntax.h"

namespace leeward::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kPathBytesMax = 255;    // Route 53's ResourcePath
constexpr std::size_t kSearchBytesMax = 255;  // Route 53's SearchString

// The node at a path of keys if it is written there and sound, else nullptr.
const Node* written(const Reader& reader, const Node& map,
                    std::initializer_list<std::string_view> path) {
  const Node* node = &map;
  for (const std::string_view key : path) {
    node = node->find(key);
    if (node == nullptr || reader.failed(*node)) {
      return nullptr;
    }
  }
  return node;
}

struct Relation {
  std::initializer_list<std::string_view> path;
  std::string_view key;
  std::string_view limit_key;
};

// Where `value` is written and too large, that is a problem; an inherited or default one follows
// the limit, so that `interval: 20ms` alone is a whole config.
void keep_below(Reader& reader, const Node& map, const Relation& relation, Duration& value,
                Duration limit) {
  if (value <= limit) {
    return;
  }
  const Duration asked = std::exchange(value, limit);
  const Node* node = written(reader, map, relation.path);
  if (node == nullptr) {
    return;
  }
  const Reader::Scope scope(reader, relation.key);
  reader.problem(*node,
                 fmt::format("{} must not exceed {}, which is {} here", format_duration(asked),
                             relation.limit_key, format_duration(limit)));
}

void finish_timing(Reader& reader, const Node& map, CheckTiming& timing) {
  const auto sound = [&](std::string_view key) {
    return map.find(key) == nullptr || reader.usable(map, key);
  };
  if (sound("timeout")) {
    keep_below(reader, map, {{"timeout_floor"}, "timeout_floor", "timeout"}, timing.timeout_floor,
               timing.timeout);
  }
  if (sound("interval")) {
    keep_below(reader, map, {{"confirm", "spacing"}, "confirm.spacing", "interval"},
               timing.confirm_spacing, timing.interval);
  }
  if (written(reader, map, {"recovery", "hold_down_max"}) == nullptr) {
    timing.recovery_hold_down_max =
        std::max(timing.recovery_hold_down_max, timing.recovery_hold_down);
  }
  keep_below(reader, map, {{"recovery", "hold_down"}, "recovery.hold_down", "hold_down_max"},
             timing.recovery_hold_down, timing.recovery_hold_down_max);
  if (timing.auto_min > timing.auto_max) {
    const Node* node = written(reader, map, {"auto", "min"});
    const Reader::Scope scope(reader, "auto.min");
    reader.problem(node == nullptr ? map : *node,
                   fmt::format("{} must not exceed auto.max, which is {} here", timing.auto_min,
                               timing.auto_max));
    timing.auto_min = timing.auto_max;  // said once, not again where it is inherited
  }
}

Key<CheckTiming> failure_threshold_key() {
  return {
      .name = "failure_threshold",
      .type = "auto, or whole number, 1 to 100",
      .doc =
          "Consecutive unanswered probes that make the verdict unhealthy. `auto` computes the "
          "number from the path's learned loss (see `auto`).",
      .read =
          [](Reader& reader, const Node& node, CheckTiming& timing) {
            if (node.kind == NodeKind::kScalar && node.text == "auto") {
              timing.failure_threshold.reset();
            } else if (const auto value = reader.integer(node, 1, 100)) {
              timing.failure_threshold = static_cast<int>(*value);
            }
          },
      .write =
          [](const CheckTiming& timing) {
            return Value::scalar(
                timing.failure_threshold ? fmt::format("{}", *timing.failure_threshold) : "auto");
          },
  };
}

Section<CheckTiming> recovery_section() {
  return {{
      duration_key("hold_down", &CheckTiming::recovery_hold_down, seconds(0), hours(24),
                   "After a recovery the verdict stays unhealthy this much longer; doubles with "
                   "each flap."),
      duration_key("hold_down_max", &CheckTiming::recovery_hold_down_max, seconds(0), hours(24),
                   "The doubling ends here."),
      duration_key("flap_window", &CheckTiming::flap_window, seconds(1), hours(24 * 7),
                   "A flap older than this is forgotten."),
  }};
}

Section<CheckTiming> auto_section() {
  return {{
      number_key("alpha", &CheckTiming::auto_alpha, 1e-12, 0.1,
                 "Probability of a false suspicion that `auto` stays below."),
      integer_key("min", &CheckTiming::auto_min, 1, 100, "Least threshold that `auto` chooses."),
      integer_key("max", &CheckTiming::auto_max, 1, 100, "Largest threshold that `auto` chooses."),
  }};
}

Key<GrayPolicy> slow_after_key() {
  return {
      .name = "slow_after",
      .type = "duration, 1ms to 1m",
      .doc = "An answer that took longer is not good. Without it, only unanswered probes are bad.",
      .read =
          [](Reader& reader, const Node& node, GrayPolicy& policy) {
            if (const auto value = reader.duration(node, milliseconds(1), minutes(1))) {
              policy.slow_after = *value;
            }
          },
      .write =
          [](const GrayPolicy& policy) {
            return policy.slow_after ? Value::scalar(format_duration(*policy.slow_after))
                                     : Value::absent();
          },
      .default_text = "none",
  };
}

Section<GrayPolicy> gray_section() {
  return {{
      choice_key("action", &GrayPolicy::action, {"none", "report", "unhealthy"}, parse_gray_action,
                 leeward::to_string,
                 "What a gray region leads to: `report` says so and moves nobody; `unhealthy` "
                 "counts it as unhealthy; `none`: it is not looked for."),
      number_key("good_share", &GrayPolicy::good_share, 0, 1,
                 "Gray only where fewer of the probes than this were good."),
      number_key("p_max", &GrayPolicy::p_max, 1e-12, 0.1,
                 "Gray only where chance explains the difference to the other regions with less "
                 "than this probability (Fisher's exact test)."),
      duration_key("window", &GrayPolicy::window, seconds(1), hours(1),
                   "The probes of this time are compared; a hundred of each region are enough to "
                   "see one in five fail."),
      duration_key("hold", &GrayPolicy::hold, seconds(0), hours(1),
                   "Both must hold for this long; gray ends when they have not for this long."),
      slow_after_key(),
  }};
}

Key<HealthCheck> port_key() {
  Key<HealthCheck> key = integer_key("port", &HealthCheck::port, 1, 65535, "Port that is probed.");
  key.default_text = "80; 443 for HTTPS types; required for TCP";
  return key;
}

Result<std::string> parse_path(std::string_view text) {
  if (!text.starts_with('/') || text.size() > kPathBytesMax ||
      std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c == 0x7F; })) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a path that begins with '/', has no spaces and at most {} "
                            "bytes, such as /healthz, found {}",
                            kPathBytesMax, quote(text)));
  }
  return std::string(text);
}

Result<std::string> parse_search_string(std::string_view text) {
  if (text.empty() || text.size() > kSearchBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected 1 to {} bytes to look for in the first 5,120 bytes of the "
                            "body, found {}",
                            kSearchBytesMax, text.size()));
  }
  return std::string(text);
}

Result<std::string> parse_ip_or_name(std::string_view text) {
  if (Result<std::string> ip = parse_ip(text)) {
    return ip;
  }
  return parse_hostname(text);
}

// Left out of the effective config where it has no meaning.
Key<HealthCheck> only_for(Key<HealthCheck> key, bool (*applies)(CheckType)) {
  key.write = [write = key.write, applies](const HealthCheck& check) {
    return applies(check.type) ? write(check) : Value::absent();
  };
  return key;
}

bool is_http(CheckType type) {
  return type != CheckType::kTcp;
}

void refuse_unless(Reader& reader, const Node& map, std::string_view key, bool applies,
                   std::string_view types, CheckType type) {
  const Node* node = map.find(key);
  if (node != nullptr && !applies) {
    const Reader::Scope scope(reader, key);
    reader.problem(*node, fmt::format("only {} checks have this; this check's type is {}", types,
                                      to_string(type)));
  }
}

void finish_check(Reader& reader, const Node& map, HealthCheck& check) {
  finish_timing(reader, map, check.timing);
  if (map.find("type") != nullptr && !reader.usable(map, "type")) {
    return;  // everything below depends on it
  }
  for (const std::string_view key : {"path", "host"}) {
    refuse_unless(reader, map, key, is_http(check.type), "HTTP and HTTPS", check.type);
  }
  for (const std::string_view key : {"verify", "ca_file"}) {
    refuse_unless(reader, map, key, is_tls(check.type), "HTTPS", check.type);
  }
  refuse_unless(reader, map, "search_string", is_string_match(check.type),
                "HTTP_STR_MATCH and HTTPS_STR_MATCH", check.type);
  if (is_string_match(check.type) && map.find("search_string") == nullptr) {
    const Reader::Scope scope(reader, "search_string");
    reader.problem_at(map.position,
                      fmt::format("required key is missing: {} needs the text to look for",
                                  to_string(check.type)));
  }
  if (map.find("port") == nullptr) {
    check.port = is_tls(check.type) ? 443 : 80;
    if (check.type == CheckType::kTcp) {
      const Reader::Scope scope(reader, "port");
      reader.problem_at(map.position, "required key is missing: a TCP check has no usual port");
    }
  }
}

Key<HealthCheck> address_key() {
  Key<HealthCheck> key = text_key<HealthCheck>(
      "address", &HealthCheck::address, "IP address or host name", parse_ip_or_name,
      "Probe this instead of the address that is answered.");
  key.default_text = "the region's first address";
  return key;
}

}  // namespace

Section<CheckTiming> timing_section() {
  Section<CheckTiming> confirm{{
      duration_key("spacing", &CheckTiming::confirm_spacing, milliseconds(5), hours(1),
                   "Pace of the burst that follows a missed probe; at most `interval`."),
  }};
  return {
      .keys =
          {
              duration_key("interval", &CheckTiming::interval, milliseconds(20), hours(1),
                           "Time between probes of a healthy target."),
              duration_key("timeout", &CheckTiming::timeout, milliseconds(5), minutes(1),
                           "Longest wait for an answer: resolving, connecting, answering. The "
                           "wait adapts to the target's own history below this."),
              duration_key("timeout_floor", &CheckTiming::timeout_floor, milliseconds(5),
                           minutes(1), "The adaptive wait never falls below; at most `timeout`."),
              number_key("jitter", &CheckTiming::jitter, 0, 0.5,
                         "Share of `interval` by which probes are spread."),
              failure_threshold_key(),
              integer_key("success_threshold", &CheckTiming::success_threshold, 1, 100,
                          "Consecutive answered probes that make the verdict healthy again."),
              group("confirm", std::move(confirm), "The burst that confirms a first miss."),
              group("recovery", recovery_section(), "How a target comes back."),
              group("auto", auto_section(), "Bounds of `failure_threshold: auto`."),
              section_key("gray", &CheckTiming::gray, gray_section(),
                          "A region that answers, but worse than the application's other regions "
                          "at the same time."),
          },
      .finish = finish_timing,
  };
}

Section<HealthCheck> check_section() {
  Section<HealthCheck> section{
      .keys =
          {
              choice_key("type", &HealthCheck::type,
                         {"HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP"},
                         parse_check_type, leeward::to_string,
                         "Route 53's type of the health check."),
              address_key(),
              port_key(),
              only_for(text_key<HealthCheck>("path", &HealthCheck::path, "path", parse_path,
                                             "Path of the request; 2xx and 3xx are healthy."),
                       is_http),
              only_for(text_key<HealthCheck>("host", &HealthCheck::host_name, "host name",
                                             parse_ip_or_name,
                                             "Host header, and the name asked for in TLS."),
                       is_http),
              only_for(text_key<HealthCheck>("search_string", &HealthCheck::search_string,
                                             "text, 1 to 255 bytes", parse_search_string,
                                             "What the first 5,120 bytes of the body must contain; "
                                             "*_STR_MATCH types only, and required there."),
                       is_string_match),
              only_for(boolean_key("verify", &HealthCheck::verify_certificate,
                                   "Verify the certificate; HTTPS types only."),
                       is_tls),
              only_for(path_key("ca_file", &HealthCheck::ca_file,
                                "PEM file of the authorities to trust; HTTPS types only. "
                                "Without it: the system's."),
                       is_tls),
              boolean_key("fresh_connection", &HealthCheck::fresh_connection,
                          "A new connection for each probe instead of keep-alive."),
              boolean_key("inverted", &HealthCheck::inverted, "Healthy is unhealthy."),
              boolean_key("disabled", &HealthCheck::disabled,
                          "Not probed; counts as healthy, as in Route 53."),
          },
      .finish = finish_check,
  };
  for (Key<HealthCheck>& key : inlined(&HealthCheck::timing, timing_section())) {
    section.keys.push_back(std::move(key));
  }
  return section;
}

}  // namespace leeward::config
