// SPDX-License-Identifier: Apache-2.0
//
// Descriptions of tables as clients see them, what a replica is made from, and what DynamoDB checks
// that DynamoDB Local does not. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "gateway/aws_error.h"

namespace leeward::gateway {

// "" where absent or no string.
[[nodiscard]] std::string_view text_in(const boost::json::object& object, std::string_view name);
// Null where absent or no object.
[[nodiscard]] const boost::json::object* object_in(const boost::json::object& object,
                                                   std::string_view name);
[[nodiscard]] const boost::json::array* array_in(const boost::json::object& object,
                                                 std::string_view name);

// A StreamViewType outside the enumeration, which DynamoDB Local takes and then streams keys only.
[[nodiscard]] std::optional<AwsError> check_stream_view(const boost::json::object& body);

// Of CreateTable's body, and of UpdateTable's index creations given the table's description: an
// index over nothing but table keys would show tombstones as items, so it carries what tells them
// apart. Other indexes have no tombstones, which hold table keys only.
void mark_indexes(boost::json::object& create_table);
void mark_index_updates(boost::json::object& update_table, const boost::json::object& description);
// The name of an index that shows tombstones because it was made without that; empty: none.
[[nodiscard]] std::string unmarked_index(const boost::json::object& description);

// Takes Leeward's attributes out of every index's projection.
void hide_marks(boost::json::object& description);

struct ReplicaView {
  std::string aws_region;
  bool creating = false;
};
// Adds Replicas and GlobalTableVersion; no replicas: adds nothing.
void add_replicas(boost::json::object& description, const std::vector<ReplicaView>& replicas,
                  std::string_view version);

[[nodiscard]] bool has_stream(const boost::json::object& description);
[[nodiscard]] bool has_full_stream(const boost::json::object& description);

// CreateTable's body for the same table elsewhere: keys, attributes, indexes, billing, and a stream
// of both images.
[[nodiscard]] boost::json::object create_table_like(const boost::json::object& description);

// How the keys of two descriptions differ, for a person: "id (S) there, user (S) here"; empty: they
// do not.
[[nodiscard]] std::string key_difference(const boost::json::object& here,
                                         const boost::json::object& there);

}  // namespace leeward::gateway
