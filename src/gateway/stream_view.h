// SPDX-License-Identifier: Apache-2.0
//
// Stream answers and requests as clients may see them. Pure but for what the ARN map learns.
#pragma once

#include <boost/json/object.hpp>

#include "gateway/arn.h"

namespace leeward::gateway {

// A GetRecords answer: stamps are taken out of the images, a write of a tombstone is a REMOVE, a
// write over one is an INSERT, and records of heartbeats are left out. Records without a name that
// the API knows (DynamoDB Local's deletes by time to live) become the REMOVE by the service that
// DynamoDB reports. Sequence numbers and the next iterator stay.
void show_records(boost::json::object& answer, ArnMap& arns);

// A ListStreams answer without the streams of Leeward's own tables.
void hide_own_streams(boost::json::object& answer);

// TableName members that hold an ARN get the name, in single, batch and transaction calls.
void name_tables(boost::json::object& body);

}  // namespace leeward::gateway
