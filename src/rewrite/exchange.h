// SPDX-License-Identifier: Apache-2.0
//
// What a client's DynamoDB request becomes at a region's own store, and what the store's answers
// become for the client, so that a store without global tables can be replicated:
//
// - Every write carries a stamp as a value and as a condition: it is taken only if it is newer than
//   what stands there. Where it is not, the write is stamped anew and asked again.
// - A delete is a conditional put of a tombstone. Applications never see one: reads leave them out,
//   counts, limits and pages are as if they were not there, and conditions on a tombstone come out
//   as on an item that does not exist.
// - Heartbeats (items with _hb) are hidden from everything but GetItem.
//
// Pure: no clock, no socket. The gateway feeds an exchange with answers until it has one for the
// client.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/object.hpp>

#include "base/time.h"
#include "model/ids.h"

namespace leeward::rewrite {

// To the region's own store.
struct Request {
  std::string operation;  // "PutItem"
  boost::json::object body;
};

// What the store said, or what we say. Errors carry "__type" and "message".
struct Answer {
  int status = 200;
  boost::json::object body;
};

// Send these to the store, all at once, and come back with their answers in the same order; or
// answer the client.
using Step = std::variant<std::vector<Request>, Answer>;

// A hybrid logical clock (Kulkarni et al., 2014) as a value: every stamp is greater than all before
// it and than all that were seen. One per gateway.
class StampClock {
 public:
  explicit StampClock(RegionId region) : region_(std::move(region)) {}

  [[nodiscard]] std::string next(WallTime now);
  void saw(std::string_view stamp);

  // A transaction that a client repeats under the same token must be the same transaction at the
  // store, so its stamp is remembered for ten minutes, as DynamoDB remembers tokens.
  [[nodiscard]] std::string for_token(const std::string& token, WallTime now);
  void replace_token(const std::string& token, const std::string& stamp, WallTime now);

 private:
  struct Remembered {
    std::string stamp;
    WallTime at;
  };

  RegionId region_;
  std::uint64_t microseconds_ = 0;
  std::uint32_t counter_ = 0;
  std::map<std::string, Remembered> tokens_;
  std::deque<std::string> token_order_;
};

struct ReplicatedTable {
  std::string name;
  std::vector<std::string> key_names;  // hash, range
  std::string ttl_attribute;           // empty: none
};

class TableLookup {
 public:
  virtual ~TableLookup() = default;
  // nullptr: not replicated, its requests are none of ours. The pointer lasts as long as the
  // exchange.
  [[nodiscard]] virtual const ReplicatedTable* find(std::string_view table_name_or_arn) const = 0;
};

class Exchange {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  virtual Step start(StampClock& clock, WallTime now) = 0;
  virtual Step on_answers(std::vector<Answer> answers, StampClock& clock, WallTime now) = 0;
};

// nullptr: nothing to rewrite, send the bytes as they are. An Answer: refused. `tables` must
// outlive the exchange.
[[nodiscard]] std::variant<std::unique_ptr<Exchange>, Answer> plan(std::string_view operation,
                                                                   boost::json::object body,
                                                                   const TableLookup& tables);

}  // namespace leeward::rewrite
