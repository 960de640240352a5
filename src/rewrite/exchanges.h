// SPDX-License-Identifier: Apache-2.0
//
// Makers of the exchanges, one per kind of request. Internal to the module; plan() chooses.
#pragma once

#include <memory>
#include <string_view>
#include <variant>

#include <boost/json/object.hpp>

#include "rewrite/exchange.h"
#include "rewrite/write.h"

namespace leeward::rewrite {

using Planned = std::variant<std::unique_ptr<Exchange>, Answer>;

Planned plan_write(WriteKind kind, boost::json::object body, const ReplicatedTable& table);
Planned plan_batch_write(boost::json::object body, const TableLookup& tables);
Planned plan_transact_write(boost::json::object body, const TableLookup& tables);
Planned plan_get(boost::json::object body);
Planned plan_batch_get(boost::json::object body, const TableLookup& tables);
Planned plan_transact_get(boost::json::object body, const TableLookup& tables);
Planned plan_read_many(std::string_view operation, boost::json::object body);  // Query, Scan

// So often a write is stamped anew before the client is told to come back.
inline constexpr int kStampsMax = 12;

}  // namespace leeward::rewrite
