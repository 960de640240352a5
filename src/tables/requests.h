// SPDX-License-Identifier: Apache-2.0
//
// Bodies of the control-plane calls, from a spec. Pure functions.
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "model/table.h"

namespace leeward::tables {

// With the stream NEW_AND_OLD_IMAGES, but for strong consistency, which needs none.
[[nodiscard]] boost::json::object create_table_body(const TableSpec& spec);
[[nodiscard]] boost::json::object enable_stream_body(const TableSpec& spec);
[[nodiscard]] boost::json::object create_index_body(const TableSpec& spec, const TableIndex& index);
[[nodiscard]] boost::json::object enable_ttl_body(const TableSpec& spec);
[[nodiscard]] boost::json::object protect_body(const TableSpec& spec);

// `regions`: DynamoDB's names. Strong consistency takes all of them, and the witness, in one call.
[[nodiscard]] boost::json::object add_replicas_body(const TableSpec& spec,
                                                    const std::vector<std::string>& regions);

// Version 2017.11.29.
[[nodiscard]] boost::json::object create_global_table_body(const TableSpec& spec,
                                                           const std::vector<std::string>& regions);
[[nodiscard]] boost::json::object update_global_table_body(const TableSpec& spec,
                                                           const std::vector<std::string>& regions);

}  // namespace leeward::tables
