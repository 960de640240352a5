// SPDX-License-Identifier: Apache-2.0
#include "replica/stream_join.h"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/fnv.h"

namespace leeward::replica {
namespace {

namespace json = boost::json;

// Attributes in order at every depth, so that equal content gives equal text.
void canonical(const json::value& value, std::string& text) {
  if (const json::object* object = value.if_object()) {
    std::map<std::string, const json::value*> members;
    for (const auto& [name, member] : *object) {
      members.emplace(std::string(name), &member);
    }
    text += '{';
    for (const auto& [name, member] : members) {
      text += json::serialize(json::string(name)) + ':';
      canonical(*member, text);
      text += ',';
    }
    text += '}';
  } else if (const json::array* array = value.if_array()) {
    text += '[';
    for (const json::value& element : *array) {
      canonical(element, text);
      text += ',';
    }
    text += ']';
  } else {
    text += json::serialize(value);
  }
}

}  // namespace

std::string version_of(const json::object& image, const std::string& version_attribute) {
  if (image.empty()) {
    return "";
  }
  if (const json::value* named =
          version_attribute.empty() ? nullptr : image.if_contains(version_attribute)) {
    std::string text;
    canonical(*named, text);
    return "v:" + text;
  }
  std::string text;
  canonical(json::value(image), text);
  return fmt::format("h:{:016x}", fnv1a(text));
}

void StreamJoin::add(JoinRecord record) {
  Key& key = keys_[record.key];
  key.touched = record.arrival;
  touched_.emplace_back(record.arrival, record.key);
  const std::string from = version_of(record.old, options_.version_attribute);
  const std::string to = version_of(record.item, options_.version_attribute);
  if (from == to) {
    return;  // Amazon's own bookkeeping, or a write that changed nothing that names a version
  }
  const Seen seen{record.region, from, record.arrival, record.live};
  if (to.empty()) {
    key.removals.push_back(seen);
  } else {
    Version& version = key.versions[to];
    version.image = record.item;
    version.repeated = version.repeated || in_region(version, record.region) != nullptr;
    version.seen.push_back(seen);
  }
  if (!from.empty() && record.live) {
    waiting_.push_back(
        {record.key, record.region, from, to, record.arrival, std::move(record.old)});
  }
}

const StreamJoin::Seen* StreamJoin::in_region(const Version& version, const RegionId& region) {
  const auto found = std::ranges::find(version.seen, region, &Seen::region);
  return found == version.seen.end() ? nullptr : &*found;
}

// Along what each version replaced at its home.
bool StreamJoin::is_ancestor(const Key& key, const std::string& version, const std::string& of) {
  std::set<std::string> walked;
  std::string at = of;
  while (!at.empty() && walked.insert(at).second) {
    const auto known = key.versions.find(at);
    if (known == key.versions.end()) {
      return false;
    }
    at = known->second.seen.front().base;
    if (at == version) {
      return true;
    }
  }
  return false;
}

std::optional<JoinLoss> StreamJoin::judge(const Displacement& each) const {
  const auto key = keys_.find(each.key);
  if (key == keys_.end()) {
    return std::nullopt;
  }
  if (each.by.empty()) {
    return judge_removal(key->second, each);
  }
  const auto winner = key->second.versions.find(each.by);
  const auto loser = key->second.versions.find(each.displaced);
  if (winner == key->second.versions.end()) {
    return std::nullopt;
  }
  const Seen& home = winner->second.seen.front();
  if (home.region == each.region) {
    return std::nullopt;  // written here, on top of it
  }
  // What came here from elsewhere is its home's to miss. A version that was never seen being
  // written is of before our time.
  if (loser == key->second.versions.end() || loser->second.seen.front().region != each.region ||
      !loser->second.seen.front().live || is_ancestor(key->second, each.displaced, each.by)) {
    return std::nullopt;
  }
  const Seen* here = in_region(winner->second, each.region);
  const bool clear =
      here != nullptr && home.live && here->live && here->arrival - home.arrival > options_.jitter;
  return JoinLoss{
      each.key,       each.image,  winner->second.image,
      each.displaced, each.by,     home.base,
      each.region,    home.region, clear && !winner->second.repeated && !loser->second.repeated};
}

// A delete has no content to be known by: if another region deleted something else a moment before,
// and never had what was deleted here, then here it was replication that deleted it.
std::optional<JoinLoss> StreamJoin::judge_removal(const Key& key, const Displacement& each) const {
  const auto loser = key.versions.find(each.displaced);
  if (loser == key.versions.end() || loser->second.seen.size() != 1 ||
      loser->second.seen.front().region != each.region || !loser->second.seen.front().live) {
    return std::nullopt;
  }
  for (const Seen& removal : key.removals) {
    if (removal.region != each.region && removal.base != each.displaced && removal.live &&
        removal.arrival < each.at && each.at - removal.arrival <= options_.settle &&
        removal.arrival > loser->second.seen.front().arrival - options_.settle) {
      return JoinLoss{each.key,    each.image,     {},   each.displaced, "", removal.base,
                      each.region, removal.region, false};
    }
  }
  return std::nullopt;
}

std::vector<JoinLoss> StreamJoin::settle(MonoTime now) {
  std::vector<JoinLoss> losses;
  while (!waiting_.empty() && now - waiting_.front().at >= options_.settle) {
    if (auto loss = judge(waiting_.front())) {
      losses.push_back(std::move(*loss));
    }
    waiting_.pop_front();
  }
  forget(now);
  return losses;
}

void StreamJoin::forget(MonoTime now) {
  while (!touched_.empty()) {
    const auto& [at, name] = touched_.front();
    const auto key = keys_.find(name);
    const bool latest = key != keys_.end() && key->second.touched == at;
    const bool old = now - at > options_.window && now - at > options_.settle * 2;
    if (latest && !old && keys_.size() <= options_.keys_max) {
      return;
    }
    if (latest) {
      keys_.erase(key);
    }
    touched_.pop_front();
  }
}

}  // namespace leeward::replica
