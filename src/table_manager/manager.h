// SPDX-License-Identifier: Apache-2.0
//
// Looks at tables in every region and makes what is missing: the calls of tables/plan.h, one after
// the other, each waited for. Interrupted or run twice, it goes on from what is there.
//
// Thread-safety: none.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "dynamodb/client.h"
#include "model/table.h"
#include "tables/observed.h"
#include "tables/plan.h"

namespace leeward::table_manager {

struct RegionTarget {
  RegionId region;
  dynamodb::Endpoint endpoint;
};

// One control-plane call: "DescribeTable". Retries are the store's own.
using Call = std::function<dynamodb::CallResult<boost::json::value>(
    const dynamodb::Endpoint&, std::string_view operation, const boost::json::object& body)>;

// Through real connections, with retries. `pool` must outlive it.
[[nodiscard]] Call pooled_call(dynamodb::ClientPool& pool, std::uint64_t seed);

// Time for waits; tests bring their own.
struct Waiter {
  std::function<MonoTime()> now;
  std::function<void(Duration)> sleep;
};
[[nodiscard]] Waiter real_waiter();

struct Progress {
  enum class Kind : std::uint8_t { kStarted, kWaiting, kDone };
  Kind kind = Kind::kStarted;
  std::size_t step = 1;  // of `steps`
  std::size_t steps = 1;
  std::string what;  // the step's
  std::string now;   // kWaiting: "table CREATING"; only when it changes, and every ten seconds
  Duration elapsed{};
};

struct ExecuteOptions {
  Duration timeout = std::chrono::minutes(30);           // of the whole plan
  Duration poll_first = std::chrono::milliseconds(100);  // doubling up to
  Duration poll_max = std::chrono::seconds(5);
};

class Manager {
 public:
  // Targets in the order of the config. Every region of a spec must be among them.
  Manager(std::vector<RegionTarget> targets, Call call, Waiter waiter);

  // What the regions have. `global_tables`: whether to ask for a 2017.11.29 global table.
  [[nodiscard]] std::vector<tables::ObservedRegion> observe(const std::string& table,
                                                            std::span<const RegionId> regions,
                                                            GlobalTables global_tables);

  // kFailedPrecondition: the store refused, and why; kDeadlineExceeded: the time was over, and what
  // was waited for; kUnavailable, kPermissionDenied: as they say.
  Status execute(const TableSpec& spec, const tables::Plan& plan, const ExecuteOptions& options,
                 const std::function<void(const Progress&)>& progress);

 private:
  [[nodiscard]] tables::ObservedRegion observe_one(const std::string& table,
                                                   const RegionTarget& target,
                                                   GlobalTables global_tables);
  [[nodiscard]] const RegionTarget* find(const RegionId& region) const;
  Status carry_out(const TableSpec& spec, const tables::Step& step, MonoTime end,
                   const ExecuteOptions& options);
  Status wait_for(const TableSpec& spec, const tables::Step& step, MonoTime end,
                  const ExecuteOptions& options, const std::function<void(Progress)>& progress);

  const std::vector<RegionTarget> targets_;
  const Call call_;
  const Waiter waiter_;
};

// What a refused step means, and what to do: a store without global tables, the 2017.11.29 calls
// that Amazon no longer has.
[[nodiscard]] Error explain(const tables::Step& step, const dynamodb::CallError& error);

}  // namespace leeward::table_manager
