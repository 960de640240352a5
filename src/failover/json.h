// SPDX-License-Identifier: Apache-2.0
//
// The engine's values as JSON and back, exactly: times are nanoseconds, nothing is rounded. Reading
// is strict: a missing, unknown or mistyped member is kDataCorrupt and names its path.
//
// Thread-safety: pure functions.
#pragma once

#include <boost/json/value.hpp>

#include "base/result.h"
#include "failover/effect.h"
#include "failover/event.h"
#include "failover/state.h"

namespace leeward::failover {

[[nodiscard]] boost::json::value to_json(const Assignment& value);
[[nodiscard]] boost::json::value to_json(const Decision& value);
[[nodiscard]] boost::json::value to_json(const HealthStatus& value);
[[nodiscard]] boost::json::value to_json(const ApplicationState& value);
[[nodiscard]] boost::json::value to_json(const Elsewhere& value);
[[nodiscard]] boost::json::value to_json(const Standing& value);
[[nodiscard]] boost::json::value to_json(const Event& value);   // {"status-changed": {...}}
[[nodiscard]] boost::json::value to_json(const Effect& value);  // {"commit-assignment": {...}}

Result<Assignment> assignment_from_json(const boost::json::value& value);
Result<Decision> decision_from_json(const boost::json::value& value);
Result<HealthStatus> status_from_json(const boost::json::value& value);
Result<ApplicationState> application_from_json(const boost::json::value& value);
Result<Elsewhere> elsewhere_from_json(const boost::json::value& value);
Result<Standing> standing_from_json(const boost::json::value& value);
Result<Event> event_from_json(const boost::json::value& value);
Result<Effect> effect_from_json(const boost::json::value& value);

}  // namespace leeward::failover
