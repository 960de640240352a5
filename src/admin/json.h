// SPDX-License-Identifier: Apache-2.0
//
// Views as JSON, in the shape that docs/reference/openapi.yaml describes.
//
// Conventions: snake_case keys; times are RFC 3339 in UTC, null until they happened; what was
// measured is a number with its unit last in the key (age_seconds, latency_ms); what comes from the
// config is written as the config writes it ("5s"). Text from outside that is not UTF-8 has each
// wrong byte replaced by U+FFFD, so every answer is valid JSON.
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "admin/events.h"
#include "admin/views.h"
#include "model/decision.h"

namespace leeward::admin {

[[nodiscard]] boost::json::object to_json(const NodeStatus& status, const Readiness& readiness,
                                          Instant now);
[[nodiscard]] boost::json::object to_json(const Readiness& readiness);
[[nodiscard]] boost::json::object to_json(const Standing& standing);
[[nodiscard]] boost::json::object to_json(const ApplicationView& application, Instant now);
[[nodiscard]] boost::json::object to_json(const HealthStatus& status, Instant now);
[[nodiscard]] boost::json::object to_json(const Observation& observation, Instant now);

// Without the history, which history_json() shows.
[[nodiscard]] boost::json::object to_json(const CheckView& check, Instant now);
[[nodiscard]] boost::json::object history_json(const CheckView& check, Instant now);

// A decision may be older than this process: its monotonic times are placed around decided_at
// instead of now. They are also shown as they are (`*_mono_ns`) for measuring on one machine.
[[nodiscard]] boost::json::object to_json(const Decision& decision);

[[nodiscard]] boost::json::object to_json(const TableReplication& replication, Instant now);

[[nodiscard]] boost::json::object to_json(const ReloadSummary& summary);

// The `data:` of an event.
[[nodiscard]] boost::json::object to_json(const Event& event, Instant now);

}  // namespace leeward::admin
