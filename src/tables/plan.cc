// SPDX-License-Identifier: Apache-2.0
#include "tables/plan.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tables/requests.h"

namespace leeward::tables {
namespace {

using Kind = Condition::Kind;
using Regions = std::span<const ObservedRegion>;

const ObservedReplica* find_replica(const std::vector<ObservedReplica>& replicas,
                                    const ObservedRegion& region) {
  const auto found = std::ranges::find_if(replicas, [&](const ObservedReplica& replica) {
    return names_region(replica.region, region);
  });
  return found == replicas.end() ? nullptr : &*found;
}

const ObservedIndex* find_index(const ObservedTable& table, std::string_view name) {
  const auto found = std::ranges::find_if(
      table.indexes, [&](const ObservedIndex& index) { return index.index.name == name; });
  return found == table.indexes.end() ? nullptr : &*found;
}

bool same_index(const TableIndex& asked, const TableIndex& there) {
  TableIndex sorted = asked;
  std::sort(sorted.include.begin(), sorted.include.end());
  return sorted == there;
}

// Makes the plan of one table. Problems are collected over all regions before any step counts.
class Planner {
 public:
  Planner(const TableSpec& spec, Regions regions) : spec_(spec), regions_(regions) {
    plan_.table = spec.name;
  }

  Plan make() {
    check_regions();
    if (plan_.problems.empty()) {
      if (spec_.global_tables == GlobalTables::kCurrent) {
        plan_current();
      } else {
        plan_each_region();
        if (spec_.global_tables == GlobalTables::kLegacy) {
          plan_legacy();
        }
      }
    }
    if (!plan_.problems.empty()) {
      plan_.steps.clear();
    }
    return std::move(plan_);
  }

 private:
  void problem(std::string text) { plan_.problems.push_back(std::move(text)); }

  void step(const ObservedRegion& region, std::string operation, boost::json::object body,
            std::string what, Condition until) {
    plan_.steps.push_back(
        {region.region, std::move(operation), std::move(body), std::move(what), std::move(until)});
  }

  void check_regions() {
    if (regions_.empty()) {
      problem("no regions: name them under 'replicas', or name the table in an application");
    }
    for (const ObservedRegion& region : regions_) {
      if (!region.unreachable.empty()) {
        problem(fmt::format("{}: {}", label(region), region.unreachable));
      } else if (region.table) {
        check_table(region, *region.table);
      }
    }
    for (std::string& text : check_strong(spec_, regions_)) {
      problem(std::move(text));
    }
  }

  // What a table has that no call can change into what is asked for.
  void check_table(const ObservedRegion& region, const ObservedTable& table) {
    if (table.status == "DELETING" || is_bad_state(table.status)) {
      problem(fmt::format("{}: the table is {}", label(region), table.status));
    }
    if (table.key != spec_.key) {
      problem(
          fmt::format("{}: the table's key is {}, not {}; a key cannot be changed: make a new "
                      "table under another name, or correct the spec",
                      label(region), to_text(table.key), to_text(spec_.key)));
    }
    check_indexes(region, table);
    if (spec_.consistency == TableConsistency::kEventual && table.stream_enabled &&
        table.stream_view != "NEW_AND_OLD_IMAGES") {
      problem(fmt::format(
          "{}: the stream's view is {}, and conflicts need NEW_AND_OLD_IMAGES; a stream's view "
          "cannot be changed: disable the stream, wait, and run this again. The new stream has "
          "another ARN, so readers of the old one start anew",
          label(region), table.stream_view));
    }
    const bool ttl_on = table.ttl_status == "ENABLED" || table.ttl_status == "ENABLING";
    if (!spec_.ttl_attribute.empty() && ttl_on && table.ttl_attribute != spec_.ttl_attribute) {
      problem(
          fmt::format("{}: items expire by '{}', not by '{}'; disable TTL there first, which "
                      "takes up to an hour",
                      label(region), table.ttl_attribute, spec_.ttl_attribute));
    } else if (!spec_.ttl_attribute.empty() && table.ttl_status == "DISABLING") {
      problem(
          fmt::format("{}: TTL is being disabled; it can be enabled an hour after", label(region)));
    }
  }

  void check_indexes(const ObservedRegion& region, const ObservedTable& table) {
    for (const TableIndex& index : spec_.indexes) {
      const ObservedIndex* const there = find_index(table, index.name);
      if (there != nullptr && !same_index(index, there->index)) {
        problem(
            fmt::format("{}: index '{}' is there with another key or projection ({} {}); "
                        "delete it, then run this again",
                        label(region), index.name, to_text(there->index.key),
                        to_string(there->index.projection)));
      } else if (there == nullptr && index.scope == IndexScope::kLocal) {
        problem(
            fmt::format("{}: local index '{}' is missing; local indexes can only be made with "
                        "their table",
                        label(region), index.name));
      }
    }
  }

  void create_table(const ObservedRegion& region) {
    step(region, "CreateTable", create_table_body(spec_),
         fmt::format("create table '{}' in {}", spec_.name, label(region)), {});
  }

  // What an existing table lacks that one call of its own region can give.
  void complete_table(const ObservedRegion& region, const ObservedTable& table) {
    if (table.status != "ACTIVE") {
      step(region, "", {}, fmt::format("wait for the table in {}", label(region)), {});
    }
    if (spec_.consistency == TableConsistency::kEventual && !table.stream_enabled) {
      step(region, "UpdateTable", enable_stream_body(spec_),
           fmt::format("enable the stream NEW_AND_OLD_IMAGES in {}", label(region)), {});
    }
    for (const TableIndex& index : spec_.indexes) {
      const ObservedIndex* const there = find_index(table, index.name);
      const Condition until{Kind::kIndexActive, {index.name}};
      if (there == nullptr) {
        step(region, "UpdateTable", create_index_body(spec_, index),
             fmt::format("create index '{}' in {}", index.name, label(region)), until);
      } else if (index.scope == IndexScope::kGlobal && there->status != "ACTIVE") {
        step(region, "", {}, fmt::format("wait for index '{}' in {}", index.name, label(region)),
             until);
      }
    }
  }

  void complete_ttl(const ObservedRegion& region) {
    const bool on = region.table && (region.table->ttl_status == "ENABLED" ||
                                     region.table->ttl_status == "ENABLING");
    if (!spec_.ttl_attribute.empty() && !on) {
      step(region, "UpdateTimeToLive", enable_ttl_body(spec_),
           fmt::format("expire items by '{}' in {}", spec_.ttl_attribute, label(region)),
           {Kind::kTimeToLive, {spec_.ttl_attribute}});
    }
  }

  // Amazon does not carry deletion protection from replica to replica.
  void complete_protection(const ObservedRegion& region, bool made_here) {
    if (spec_.deletion_protection && !made_here &&
        !(region.table && region.table->deletion_protection)) {
      step(region, "UpdateTable", protect_body(spec_),
           fmt::format("protect the table in {} from deletion", label(region)), {});
    }
  }

  void plan_each_region() {
    for (const ObservedRegion& region : regions_) {
      if (region.table) {
        complete_table(region, *region.table);
      } else {
        create_table(region);
      }
      complete_ttl(region);
      complete_protection(region, !region.table);
    }
  }

  // The region whose table the others are made replicas of: one that already has replicas, else the
  // first one with a table, else the first one.
  [[nodiscard]] const ObservedRegion& home() const {
    const auto joined = std::ranges::find_if(
        regions_, [](const ObservedRegion& r) { return r.table && !r.table->replicas.empty(); });
    const auto there =
        std::ranges::find_if(regions_, [](const ObservedRegion& r) { return r.table.has_value(); });
    return joined != regions_.end() ? *joined : there != regions_.end() ? *there : regions_.front();
  }

  void plan_current() {
    const ObservedRegion& from = home();
    std::vector<const ObservedRegion*> missing;
    std::vector<std::string> waiting;
    for (const ObservedRegion& region : regions_) {
      if (region.region != from.region) {
        plan_replica(from, region, missing, waiting);
      }
    }
    if (from.table) {
      check_consistency(*from.table, !missing.empty());
      complete_table(from, *from.table);
    } else {
      create_table(from);
    }
    add_replicas(from, missing, std::move(waiting));
    complete_ttl(from);
    for (const ObservedRegion& region : regions_) {
      complete_protection(region, region.region == from.region && !from.table);
    }
  }

  void plan_replica(const ObservedRegion& from, const ObservedRegion& region,
                    std::vector<const ObservedRegion*>& missing,
                    std::vector<std::string>& waiting) {
    const ObservedReplica* const replica =
        from.table ? find_replica(from.table->replicas, region) : nullptr;
    if (replica == nullptr && region.table) {
      problem(fmt::format(
          "{} and {} both have a table '{}', and they are not replicas of each other; tables that "
          "exist cannot be joined: move the items of one away, delete it, and run this again",
          label(from), label(region), spec_.name));
    } else if (replica == nullptr) {
      missing.push_back(&region);
    } else if (is_bad_state(replica->status) || replica->status == "DELETING") {
      problem(fmt::format("{}: the replica is {}{}{}", label(region), replica->status,
                          replica->description.empty() ? "" : ": ", replica->description));
    } else if (replica->status != "ACTIVE") {
      waiting.push_back(region.dynamodb_region);
    }
  }

  void check_consistency(const ObservedTable& table, bool replicas_missing) {
    const bool strong = spec_.consistency == TableConsistency::kStrong;
    if (!table.replicas.empty() && strong != table.strong) {
      problem(
          fmt::format("the global table's consistency is {}, not {}; it cannot be changed while "
                      "there are replicas",
                      table.strong ? "strong" : "eventual", to_string(spec_.consistency)));
    } else if (strong && replicas_missing && !table.replicas.empty()) {
      problem(
          "strong consistency takes all its regions in one call; replicas cannot be added to "
          "those that are there");
    } else if (strong && replicas_missing && table.item_count > 0) {
      problem(
          fmt::format("strong consistency needs an empty table, and this one has about {} items",
                      table.item_count));
    }
  }

  void add_replicas(const ObservedRegion& from, const std::vector<const ObservedRegion*>& missing,
                    std::vector<std::string> waiting) {
    if (!waiting.empty()) {
      std::string what = fmt::format("wait for replicas {}", fmt::join(waiting, ", "));
      step(from, "", {}, std::move(what), {Kind::kReplicasActive, std::move(waiting)});
    }
    if (missing.empty()) {
      return;
    }
    if (spec_.consistency == TableConsistency::kStrong) {
      std::vector<std::string> names;
      for (const ObservedRegion* region : missing) {
        names.push_back(region->dynamodb_region);
      }
      std::vector<std::string> expected = names;
      std::string witness;
      if (!spec_.witness.empty()) {
        expected.push_back(spec_.witness);
        witness = fmt::format(" and witness {}", spec_.witness);
      }
      step(from, "UpdateTable", add_replicas_body(spec_, names),
           fmt::format("add strongly consistent replicas {}{}", fmt::join(names, ", "), witness),
           {Kind::kReplicasActive, std::move(expected)});
      return;
    }
    for (const ObservedRegion* region : missing) {
      step(from, "UpdateTable", add_replicas_body(spec_, {region->dynamodb_region}),
           fmt::format("add replica {}", label(*region)),
           {Kind::kReplicasActive, {region->dynamodb_region}});
    }
  }

  void plan_legacy() {
    const ObservedRegion& from = regions_.front();
    std::vector<std::string> all;
    std::vector<std::string> missing;
    for (const ObservedRegion& region : regions_) {
      all.push_back(region.dynamodb_region);
      const bool there =
          from.global_table && find_replica(from.global_table->replicas, region) != nullptr;
      if (!there) {
        missing.push_back(region.dynamodb_region);
        if (region.table && region.table->item_count > 0) {
          problem(
              fmt::format("{}: a 2017.11.29 global table is made of empty tables, and this one "
                          "has about {} items",
                          label(region), region.table->item_count));
        }
      }
    }
    const Condition until{Kind::kGlobalTableActive, all};
    if (!from.global_table) {
      step(from, "CreateGlobalTable", create_global_table_body(spec_, all),
           fmt::format("create global table '{}' (2017.11.29)", spec_.name), until);
    } else if (!missing.empty()) {
      step(from, "UpdateGlobalTable", update_global_table_body(spec_, missing),
           fmt::format("add {} to the global table (2017.11.29)", fmt::join(missing, ", ")), until);
    } else if (from.global_table->status != "ACTIVE") {
      step(from, "", {}, "wait for the global table (2017.11.29)", until);
    }
  }

  const TableSpec& spec_;
  Regions regions_;
  Plan plan_;
};

}  // namespace

Plan plan(const TableSpec& spec, Regions regions) {
  return Planner(spec, regions).make();
}

}  // namespace leeward::tables
