// SPDX-License-Identifier: Apache-2.0
//
// `leeward tables conflicts`: the ledgers of all regions as one.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/conflict_entry.h"
#include "cli/exit_code.h"
#include "cli/tables_setup.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;
using dynamodb::Failure;
using table_manager::RegionTarget;

constexpr const char* kLedger = "leeward-conflicts";
constexpr Duration kTimeout = std::chrono::seconds(10);

WallTime wall_now() {
  return WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

// "2h" ago, or a moment such as 2026-11-23T11:40:08Z; as the ledger writes moments.
Result<std::string> since_text(const std::string& since) {
  if (since.empty()) {
    return since;
  }
  if (const auto age = parse_duration(since)) {
    return format_rfc3339(wall_now() - *age);
  }
  ASSIGN_OR_RETURN(const WallTime moment, parse_rfc3339(since));
  return format_rfc3339(moment);
}

class Ledgers {
 public:
  explicit Ledgers(TablesSetup& setup) : setup_(setup), rng_(std::random_device{}()) {}

  // Of every region; the ones that could not be read are said on standard error.
  std::vector<ConflictEntry> read() {
    std::vector<ConflictEntry> all;
    for (const RegionTarget& target : setup_.targets()) {
      json::object request{{"TableName", kLedger}, {"ConsistentRead", true}};
      for (bool more = true; more;) {
        const auto page = call(target, "Scan", request, true);
        if (!page) {
          if (page.error().failure != Failure::kNotFound) {  // no table: no conflict yet
            ++unread_;
            static_cast<void>(
                std::fputs(printable(fmt::format("leeward: the ledger of {} cannot be read: {}\n",
                                                 target.region, page.error().message),
                                     true)
                               .c_str(),
                           stderr));
          }
          break;
        }
        more = take(*page, target, all, request);
      }
    }
    return merge_conflicts(std::move(all));
  }

  [[nodiscard]] int unread() const { return unread_; }

  dynamodb::CallResult<json::value> call(const RegionTarget& target, const char* operation,
                                         const json::object& body, bool idempotent) {
    return setup_.pool().call(target.endpoint, fmt::format("DynamoDB_20120810.{}", operation), body,
                              dynamodb::RetryPolicy{.attempts = 3,
                                                    .base = std::chrono::milliseconds(50),
                                                    .cap = std::chrono::seconds(1),
                                                    .deadline = kTimeout,
                                                    .call_timeout = std::chrono::seconds(3),
                                                    .idempotent = idempotent},
                              rng_);
  }

 private:
  static bool take(const json::value& page, const RegionTarget& target,
                   std::vector<ConflictEntry>& all, json::object& request) {
    const json::object* answer = page.if_object();
    const json::value* items = answer == nullptr ? nullptr : answer->if_contains("Items");
    for (const json::value& item :
         items == nullptr || !items->is_array() ? json::array() : items->get_array()) {
      if (item.is_object()) {
        if (auto entry = parse_conflict(item.get_object(), target.region.str())) {
          all.push_back(std::move(*entry));
        }
      }
    }
    const json::value* last = answer == nullptr ? nullptr : answer->if_contains("LastEvaluatedKey");
    if (last == nullptr) {
      return false;
    }
    request["ExclusiveStartKey"] = *last;
    return true;
  }

  TablesSetup& setup_;
  Rng rng_;
  int unread_ = 0;
};

bool wanted(const ConflictEntry& entry, const ConflictsOptions& options, const std::string& since) {
  const bool table =
      options.common.tables.empty() ||
      std::ranges::find(options.common.tables, entry.table) != options.common.tables.end();
  return table && entry.detected_at >= since;
}

int export_to(const std::string& file, const std::vector<ConflictEntry>& entries) {
  std::ofstream out(file, std::ios::trunc | std::ios::binary);
  if (file.ends_with(".csv")) {
    out << to_csv(entries);
  } else {
    for (const ConflictEntry& entry : entries) {
      out << json::serialize(to_json(entry)) << "\n";
    }
  }
  if (!out.flush()) {
    return report(Error{ErrorCode::kUnavailable, fmt::format("{} cannot be written", file)});
  }
  print(fmt::format("{} conflicts written to {}\n", entries.size(), file));
  return kOk;
}

// ---- re-applying ----

json::object item_in(const json::value& answer) {
  const json::object* object = answer.if_object();
  const json::value* item = object == nullptr ? nullptr : object->if_contains("Item");
  return item != nullptr && item->is_object() ? item->get_object() : json::object();
}

std::string stamp_in(const json::object& item) {
  const json::value* stamp = item.if_contains("_r");
  const json::object* typed = stamp == nullptr ? nullptr : stamp->if_object();
  const json::value* text = typed == nullptr ? nullptr : typed->if_contains("S");
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : "";
}

// Straight at a store items show their stamps, and a write has to bring one; a gateway hides and
// writes them. Where the item itself is gone, another one of the table tells.
bool shows_stamps(Ledgers& ledgers, const RegionTarget& target, const std::string& table,
                  const json::object& current) {
  if (!current.empty()) {
    return current.contains("_r");
  }
  const auto some = ledgers.call(target, "Scan", {{"TableName", table}, {"Limit", 1}}, true);
  const json::object* answer = some ? some->if_object() : nullptr;
  const json::value* items = answer == nullptr ? nullptr : answer->if_contains("Items");
  const json::array* list = items == nullptr ? nullptr : items->if_array();
  return list != nullptr && !list->empty() && list->front().is_object() &&
         list->front().get_object().contains("_r");
}

void mark(Ledgers& ledgers, const TablesSetup& setup, const ConflictEntry& entry,
          const std::string& stamp) {
  for (const RegionTarget& target : setup.targets()) {
    if (std::ranges::find(entry.seen_in, target.region.str()) == entry.seen_in.end()) {
      continue;
    }
    const auto marked = ledgers.call(
        target, "UpdateItem",
        {{"TableName", kLedger},
         {"Key", json::object{{"table_name", json::object{{"S", entry.table}}},
                              {"id", json::object{{"S", entry.id}}}}},
         {"UpdateExpression", "SET reapplied_at = :at, reapplied_as = :as"},
         {"ConditionExpression", "attribute_exists(id)"},
         {"ExpressionAttributeValues",
          json::object{{":at", json::object{{"S", format_rfc3339(wall_now())}}},
                       {":as", json::object{{"S", stamp.empty() ? "by the gateway" : stamp}}}}}},
        true);
    if (!marked) {
      static_cast<void>(
          std::fputs(printable(fmt::format("leeward: the ledger of {} could not be marked: {}\n",
                                           target.region, marked.error().message),
                               true)
                         .c_str(),
                     stderr));
    }
  }
}

int reapply(Ledgers& ledgers, const TablesSetup& setup, const ConflictEntry& entry,
            const ConflictsOptions& options) {
  if (entry.loser.empty()) {
    return report(Error{ErrorCode::kFailedPrecondition,
                        fmt::format("the lost version is not in the entry; see {}",
                                    entry.images_file.empty() ? "its ledger" : entry.images_file)});
  }
  const auto target = std::ranges::find_if(setup.targets(), [&](const RegionTarget& each) {
    return options.region.empty() || each.region.str() == options.region;
  });
  if (target == setup.targets().end()) {
    return report(Error{ErrorCode::kInvalidArgument,
                        fmt::format("--region {} names no region of the config", options.region)});
  }
  const auto read = ledgers.call(
      *target, "GetItem",
      {{"TableName", entry.table}, {"Key", entry.key}, {"ConsistentRead", true}}, true);
  if (!read) {
    return report(Error{ErrorCode::kUnavailable, read.error().message});
  }
  const json::object current = item_in(*read);
  const bool to_store = shows_stamps(ledgers, *target, entry.table, current);
  const bool unchanged =
      application_image(current) ==
          (is_delete(entry.winner) ? json::object() : application_image(entry.winner)) ||
      (to_store && current == entry.winner);
  if (!unchanged && !options.force) {
    return report(
        Error{ErrorCode::kFailedPrecondition,
              "the item was written again since: it is no longer the version that won. Look at it "
              "with --show, and say --force to write the lost version over it"});
  }
  std::string stamp;
  if (to_store) {
    stamp = stamp_above({stamp_in(current), entry.winner_stamp, entry.loser_stamp}, wall_now(),
                        target->region.str());
  }
  const Reapply request = make_reapply(entry, current, stamp);
  if (options.common.dry_run) {
    print(fmt::format("would send {} to {}:\n{}\n", request.operation, target->region,
                      json::serialize(request.body)));
    return kOk;
  }
  const auto written = ledgers.call(*target, request.operation.c_str(), request.body, false);
  if (!written) {
    const bool changed = written.error().failure == Failure::kConditionFailed;
    return report(Error{changed ? ErrorCode::kFailedPrecondition : ErrorCode::kUnavailable,
                        changed ? "the item was written by somebody else just now; ask again"
                                : written.error().message});
  }
  mark(ledgers, setup, entry, stamp);
  print(fmt::format("re-applied {} in {}: the lost version stands again, as a new write\n",
                    entry.id, target->region));
  return kOk;
}

int show(const Context& context, const std::vector<ConflictEntry>& entries) {
  if (context.json) {
    json::array list;
    for (const ConflictEntry& entry : entries) {
      list.push_back(to_json(entry));
    }
    print(json::serialize(json::object{{"conflicts", std::move(list)}}) + "\n");
  } else {
    print(render_conflicts(entries));
  }
  return kOk;
}

}  // namespace

int show_conflicts(const Context& context, const ConflictsOptions& options) {
  const auto since = since_text(options.since);
  if (!since) {
    return report(Error{ErrorCode::kInvalidArgument,
                        fmt::format("--since {}: expected a duration such as 2h, or a time such as "
                                    "2026-11-23T11:40:08Z",
                                    options.since)});
  }
  auto setup = TablesSetup::make(options.common);
  if (!setup) {
    return setup.error();
  }
  Ledgers ledgers(**setup);
  std::vector<ConflictEntry> entries = ledgers.read();
  const bool blind = ledgers.unread() == static_cast<int>((*setup)->targets().size());
  if (const std::string& id = options.show.empty() ? options.reapply : options.show; !id.empty()) {
    const auto found = std::ranges::find(entries, id, &ConflictEntry::id);
    if (found == entries.end()) {
      return report(
          Error{blind ? ErrorCode::kUnavailable : ErrorCode::kNotFound,
                fmt::format("there is no conflict {} in the ledgers that could be read", id)});
    }
    if (!options.reapply.empty()) {
      return reapply(ledgers, **setup, *found, options);
    }
    print(context.json ? json::serialize(to_json(*found)) + "\n" : render_conflict(*found));
    return kOk;
  }
  std::erase_if(entries,
                [&](const ConflictEntry& entry) { return !wanted(entry, options, *since); });
  const int code = options.export_file.empty() ? show(context, entries)
                                               : export_to(options.export_file, entries);
  return code == kOk && ledgers.unread() > 0 ? int{kUnreachable} : code;
}

}  // namespace leeward::cli
