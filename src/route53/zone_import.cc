// SPDX-License-Identifier: Apache-2.0
//
// Whole zones at once, from zone files.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"
#include "route53/record_rules.h"
#include "route53/service.h"

namespace leeward::route53 {
namespace {

constexpr std::size_t kMessagesMax = 20;

// What is wrong with the record sets; each rule as for a batch of changes.
std::vector<std::string> check_all(const Catalog& catalog, const ZoneEntry& entry) {
  std::vector<std::string> messages;
  std::set<std::string> names;
  entry.zone.records.visit_all([&](const ResourceRecordSet& set) {
    names.insert(set.name);
    if (set.traffic_policy_instance_id.empty()) {
      check_record(catalog, entry, set, messages);
    }
    return messages.size() < kMessagesMax;
  });
  if (messages.empty()) {
    check_names(catalog, entry, entry.zone.records, names, messages);
  }
  return messages;
}

}  // namespace

void Service::import_zone(HostedZone zone, std::function<void(Status)> done) {
  const ZoneEntry* existing = catalog_.zone_named(zone.name);
  if (existing != nullptr && !existing->managed_by.empty()) {
    return done(fail(ErrorCode::kFailedPrecondition,
                     fmt::format("zone {} is served from {}: change that, and reload", zone.name,
                                 existing->managed_by)));
  }
  ZoneEntry entry;
  if (existing != nullptr) {
    entry = *existing;
  } else {
    entry.caller_reference = "import-" + random_uuid(rng_);
    entry.name_servers = options_.name_servers;
    entry.zone.id = random_id(rng_, "Z");
  }
  // Aliases within the zone name its id, which another server may have chosen.
  const std::string old_id = zone.id;
  RecordTable wanted;
  zone.records.visit_all([&](const ResourceRecordSet& set) {
    ResourceRecordSet own = set;
    if (own.alias && own.alias->hosted_zone_id == old_id) {
      AliasTarget target = *own.alias;
      target.hosted_zone_id = entry.zone.id;
      own.alias = std::move(target);
    }
    wanted.insert_or_assign(std::move(own));
    return true;
  });
  const RecordTable before = std::exchange(entry.zone.records, wanted);
  entry.zone.name = zone.name;
  if (std::vector<std::string> messages = check_all(catalog_, entry); !messages.empty()) {
    return done(fail(ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(messages, "\n"))));
  }
  std::vector<Mutation> mutations{put_zone(entry)};
  before.visit_all([&](const ResourceRecordSet& set) {
    if (entry.zone.records.find(RecordKey::of(set)) == nullptr) {
      mutations.push_back(delete_record(entry.zone.id, set));
    }
    return true;
  });
  entry.zone.records.visit_all([&](const ResourceRecordSet& set) {
    const ResourceRecordSet* old = before.find(RecordKey::of(set));
    if (old == nullptr || !(*old == set)) {
      mutations.push_back(put_record(entry.zone.id, set));
    }
    return true;
  });
  for (const Mutation& each : mutations) {
    if (each.value && !is_utf8(*each.value)) {
      return done(fail(ErrorCode::kInvalidArgument,
                       fmt::format("{}: a set identifier or another text of it is not UTF-8",
                                   valid_utf8(each.key))));
    }
  }
  store_steps(std::move(mutations), 0, std::move(done));
}

void Service::store_steps(std::vector<Mutation> mutations, std::size_t from,
                          std::function<void(Status)> done) {
  if (from >= mutations.size()) {
    return hooks_.publish([done = std::move(done)] { done({}); });
  }
  const std::size_t to = std::min(from + state::kOperationsMax, mutations.size());
  state::Transaction transaction;
  for (std::size_t i = from; i < to; ++i) {
    const Mutation& each = mutations[i];
    if (each.value) {
      transaction.then.emplace_back(state::Put{each.key, *each.value});
    } else {
      transaction.then.emplace_back(state::Delete{state::KeyRange::one(each.key)});
    }
  }
  store_.transact(std::move(transaction),
                  [this, mutations = std::move(mutations), from, to,
                   done = std::move(done)](const Result<state::TransactionResult>& result) mutable {
                    if (!result) {
                      return done(fail(result.error()));
                    }
                    for (std::size_t i = from; i < to; ++i) {
                      static_cast<void>(catalog_.apply(mutations[i]));
                    }
                    store_steps(std::move(mutations), to, std::move(done));
                  });
}

}  // namespace leeward::route53
