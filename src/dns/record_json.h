// SPDX-License-Identifier: Apache-2.0
//
// Record sets as JSON, with the names that Route 53's API and the AWS CLI use: what
// `aws route53 list-resource-record-sets` prints of one, and what a change batch takes.
//
// Thread-safety: pure functions.
#pragma once

#include <boost/json/object.hpp>

#include "base/result.h"
#include "model/resource_record_set.h"

namespace leeward::dns {

// {"Name": "www.example.com.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
[[nodiscard]] boost::json::object to_json(const ResourceRecordSet& set);

// kInvalidArgument: a member that is missing, unknown or of the wrong type. What it means is not
// checked, as of every ResourceRecordSet.
Result<ResourceRecordSet> parse_record_json(const boost::json::object& object);

}  // namespace leeward::dns
