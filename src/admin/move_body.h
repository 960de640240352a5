// SPDX-License-Identifier: Apache-2.0
//
// The JSON body of a failover, switchover or failback:
//   {"to": "RBX-A", "dry_run": false, "accept_data_loss": "12s", "reason": "maintenance of GRA11"}
#pragma once

#include <string_view>

#include "base/result.h"
#include "model/decision.h"
#include "model/standing.h"

namespace leeward::admin {

// Fills the command but for kind, application and requested_by. `to` is required unless `kind` is
// kFailback; an empty body is an empty object. kInvalidArgument: not JSON, an unknown key, a wrong
// type or a value out of range; the message says what would be right.
Result<MoveCommand> parse_move_body(MoveKind kind, std::string_view body);

// The same of a hold, a release or an acknowledgement: {"reason": "maintenance"}
Result<StandingCommand> parse_standing_body(StandingChange change, std::string_view body);

}  // namespace leeward::admin
