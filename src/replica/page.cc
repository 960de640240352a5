// SPDX-License-Identifier: Apache-2.0
#include "replica/page.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace leeward::replica {
namespace {

namespace json = boost::json;

const json::object* object_in(const json::object& parent, const char* name) {
  const json::value* value = parent.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

const json::string* string_in(const json::object& parent, const char* name) {
  const json::value* value = parent.if_contains(name);
  return value == nullptr ? nullptr : value->if_string();
}

std::unexpected<Error> corrupt(std::size_t index, const char* what) {
  return fail(ErrorCode::kDataCorrupt, fmt::format("stream record {} {}", index, what));
}

json::object* object_in(json::object& parent, const char* name) {
  json::value* value = parent.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

Result<StreamRecord> parse_record(json::value& value, std::size_t index) {
  json::object* outer = value.if_object();
  json::object* change = outer == nullptr ? nullptr : object_in(*outer, "dynamodb");
  if (change == nullptr) {
    return corrupt(index, "has no 'dynamodb' object");
  }
  const json::string* sequence = string_in(*change, "SequenceNumber");
  const json::object* keys = object_in(*change, "Keys");
  if (sequence == nullptr || sequence->empty()) {
    return corrupt(index, "has no SequenceNumber");
  }
  if (keys == nullptr || keys->empty()) {
    return corrupt(index, "has no Keys");
  }
  StreamRecord record{std::string(*sequence), canonical_key(*keys), {}, {}};
  if (json::object* image = object_in(*change, "NewImage")) {
    record.item = std::move(*image);
  }
  if (json::object* image = object_in(*change, "OldImage")) {
    record.old = std::move(*image);
  }
  return record;
}

// What a record's version was written over, as a stamp.
std::string base_of(const StreamRecord& record, const RegionId& source) {
  if (record.old.empty()) {
    return "";
  }
  const std::string_view stamp = stamp_in(record.old);
  return stamp.empty() ? zero_stamp(source) : std::string(stamp);
}

// Without a stamp of its own it gets the source's zero stamp.
Version make_version(json::object item, std::string key, std::string stamp,
                     const RegionId& source) {
  Version version;
  version.key = std::move(key);
  version.item = std::move(item);
  version.stamp = std::move(stamp);
  if (version.stamp.empty()) {
    version.stamped = false;
    version.stamp = zero_stamp(source);
    version.item[kStampAttribute] = json::object{{"S", version.stamp}};
  }
  return version;
}

// Pages in which versions of a key follow each other become one version that knows the others.
class Coalescer {
 public:
  // An older version after a newer one (delivered out of order) is dropped.
  void add(Version version) {
    const auto [place, is_first] = newest_.try_emplace(version.key, chosen_.size());
    if (!is_first) {
      ++superseded;
      std::optional<Version>& earlier = chosen_[place->second];
      if (version.stamp < earlier->stamp) {
        return;
      }
      if (version.base == earlier->stamp) {  // otherwise something else stood between them
        version.base = std::move(earlier->base);
        version.chain = std::move(earlier->chain);
        version.chain.push_back(std::move(earlier->stamp));
        if (!version.stamped) {
          version.replaced = std::move(earlier->replaced);
        }
      } else {
        overwritten.push_back({version.key, std::move(earlier->base), ""});
        for (std::string& each : earlier->chain) {
          overwritten.push_back({version.key, std::move(each), ""});
        }
      }
      earlier.reset();
      place->second = chosen_.size();
    }
    chosen_.emplace_back(std::move(version));
  }

  std::vector<Version> take() {
    std::vector<Version> versions;
    versions.reserve(chosen_.size());
    for (std::optional<Version>& version : chosen_) {
      if (version) {
        versions.push_back(std::move(*version));
      }
    }
    return versions;
  }

  std::uint64_t superseded = 0;
  std::vector<Displacement> overwritten;  // known only from what is not carried

 private:
  std::unordered_map<std::string, std::size_t> newest_;  // key -> place in `chosen_`
  std::vector<std::optional<Version>> chosen_;
};

}  // namespace

std::string canonical_key(const json::object& keys) {
  std::map<std::string_view, const json::value*> sorted;
  for (const auto& [name, value] : keys) {
    sorted.emplace(std::string_view(name), &value);
  }
  std::string text = "{";
  for (const auto& [name, value] : sorted) {
    text += text.size() > 1 ? "," : "";
    text += json::serialize(json::string_view(name)) + ":" + json::serialize(*value);
  }
  return text + "}";
}

std::string_view stamp_in(const json::object& item) {
  const json::object* attribute = object_in(item, kStampAttribute);
  const json::string* text = attribute == nullptr ? nullptr : string_in(*attribute, "S");
  return text == nullptr || !parse_stamp(std::string_view(*text)) ? std::string_view{}
                                                                  : std::string_view(*text);
}

Result<StreamPage> parse_stream_page(json::value answer) {
  json::object* object = answer.if_object();
  json::value* records = object == nullptr ? nullptr : object->if_contains("Records");
  if (records == nullptr || !records->is_array()) {
    return fail(ErrorCode::kDataCorrupt, "the answer of GetRecords has no list 'Records'");
  }
  StreamPage page;
  page.records.reserve(records->get_array().size());
  for (json::value& each : records->get_array()) {
    ASSIGN_OR_RETURN(auto record, parse_record(each, page.records.size()));
    page.records.push_back(std::move(record));
  }
  if (const json::string* next = string_in(*object, "NextShardIterator")) {
    page.next_iterator = std::string(*next);
  }
  return page;
}

Fate fate_of(const json::object& item, const RegionId& source, WallTime now, std::string& stamp) {
  stamp.clear();
  const json::object* attribute = object_in(item, kStampAttribute);
  const json::string* text = attribute == nullptr ? nullptr : string_in(*attribute, "S");
  const auto parsed = text == nullptr ? std::nullopt : parse_stamp(std::string_view(*text));
  if (!parsed) {
    return Fate::kShip;  // unstamped: written here by something that is not ours
  }
  stamp = std::string(*text);
  if (ahead_of(*parsed, now) > kFutureMax) {
    return Fate::kRefused;
  }
  return parsed->region == source ? Fate::kShip : Fate::kForeign;
}

Version scanned_version(json::object item, std::string key, std::string stamp,
                        const RegionId& source) {
  return make_version(std::move(item), std::move(key), std::move(stamp), source);
}

bool is_barrier(const json::object& item) {
  const json::value* probe = item.if_contains(kHeartbeatAttribute);
  const json::object* typed = probe == nullptr ? nullptr : probe->if_object();
  const json::value* map = typed == nullptr ? nullptr : typed->if_contains("M");
  return map != nullptr && map->is_object() && map->get_object().contains("barrier");
}

PagePlan plan_page(std::vector<StreamRecord> records, const RegionId& source, WallTime now) {
  PagePlan plan;
  Coalescer coalescer;
  for (StreamRecord& record : records) {
    plan.last_sequence = record.sequence;
    if (record.item.empty()) {
      ++plan.removals;
      continue;
    }
    std::string stamp;
    const Fate fate = fate_of(record.item, source, now, stamp);
    std::string base = base_of(record, source);
    if (fate == Fate::kForeign) {
      ++plan.foreign;
      if (region_of_stamp(base) == source.str()) {
        plan.displaced.push_back({std::move(record.key), std::move(base), std::move(stamp)});
      }
      continue;
    }
    Version version =
        make_version(std::move(record.item), std::move(record.key), std::move(stamp), source);
    if (!version.stamped && is_zero_stamp(base) && region_of_stamp(base) != source.str()) {
      record.old.erase(kStampAttribute);
      version.replaced = std::move(record.old);
    }
    version.base = std::move(base);
    if (fate == Fate::kRefused) {
      plan.refused.push_back(std::move(version));
    } else {
      coalescer.add(std::move(version));
    }
  }
  plan.superseded = coalescer.superseded;
  std::erase_if(coalescer.overwritten, [&](const Displacement& each) {
    return region_of_stamp(each.loser) != source.str();
  });
  std::ranges::move(coalescer.overwritten, std::back_inserter(plan.displaced));
  plan.ship = coalescer.take();
  return plan;
}

}  // namespace leeward::replica
