// SPDX-License-Identifier: Apache-2.0
#include "dns/tables.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "dns/layout.h"
#include "dns/query.h"
#include "dns/rdata.h"
#include "dns/response.h"

namespace leeward::dns {
namespace {

std::vector<std::string> values_of(const Layout& layout, const Alternative& alternative) {
  std::vector<std::string> values;
  for_each_record(layout.bytes_of(alternative), [&](const RecordRef& record) {
    values.push_back(rdata_to_text(record.type, record.rdata));
    return true;
  });
  return values;
}

// Members of the set's own group; what an alias answers is in `answers`.
RecordSetView view_of(const Layout& layout, const Set& set, const HealthBoard& board,
                      routing::Client client, std::uint64_t random) {
  RecordSetView view;
  view.type = type_to_text(set.type);
  view.ttl_seconds = set.ttl;
  if (set.policy == kNone) {
    view.policy = "simple";
    view.answers = values_of(layout, layout.alternatives[set.first_alternative]);
    view.members.push_back({.set_identifier = {}, .values = view.answers});
    view.chosen = {0};
    return view;
  }
  const routing::Group& group = layout.policies.groups[set.policy];
  const routing::Choice choice =
      routing::evaluate(layout.policies, set.policy, board, client, random);
  view.policy = routing::to_string(group.kind);
  view.ttl_seconds =
      routing::effective_ttl(set.ttl, choice.ttl_limit_seconds, group.ttl_floor_seconds);
  for (std::uint32_t c = 0; c < choice.count; ++c) {
    const Alternative& leaf = layout.alternatives[choice.leaves[c]];
    const std::uint32_t ttl = routing::effective_ttl(
        layout.ttl_of(leaf, set.ttl), choice.ttl_limit_seconds, group.ttl_floor_seconds);
    view.ttl_seconds = c == 0 ? ttl : std::min(view.ttl_seconds, ttl);
    std::ranges::move(values_of(layout, leaf), std::back_inserter(view.answers));
  }
  for (std::uint32_t i = 0; i < group.member_count; ++i) {
    const routing::Member& member = layout.policies.members[group.first_member + i];
    const bool is_alias = member.leaf == routing::kNoIndex;
    view.members.push_back({.set_identifier = std::string(layout.identifier_of(member)),
                            .values = is_alias
                                          ? std::vector<std::string>()
                                          : values_of(layout, layout.alternatives[member.leaf]),
                            .is_alias = is_alias,
                            .is_healthy = routing::is_healthy(layout.policies, member, board)});
  }
  if (choice.member != routing::kNoIndex) {
    view.chosen = {choice.member};
  }
  for (std::uint32_t c = 0; choice.member == routing::kNoIndex && c < choice.count; ++c) {
    for (std::uint32_t i = 0; i < group.member_count; ++i) {
      if (layout.policies.members[group.first_member + i].leaf == choice.leaves[c]) {
        view.chosen.push_back(i);
      }
    }
  }
  return view;
}

template <typename T>
std::size_t bytes_of(const std::vector<T>& items) {
  return items.capacity() * sizeof(T);
}

}  // namespace

Tables::Tables() : layout_(std::make_unique<const Layout>()) {}
Tables::Tables(std::unique_ptr<const Layout> layout) : layout_(std::move(layout)) {}
Tables::~Tables() = default;
Tables::Tables(Tables&&) noexcept = default;
Tables& Tables::operator=(Tables&&) noexcept = default;

const std::vector<ZoneSummary>& Tables::zones() const {
  return layout_->summaries;
}

const std::vector<std::string>& Tables::notes() const {
  return layout_->notes;
}

std::vector<RecordSetView> Tables::lookup(std::string_view name, const HealthBoard& board,
                                          const routing::Client& client,
                                          std::uint64_t random) const {
  std::vector<RecordSetView> views;
  const Result<Name> parsed = Name::parse(name);
  QueryName query;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  if (!parsed || !query.assign(parsed->bytes())) {
    return views;
  }
  const std::uint32_t found = layout_->find(query.hash[0], query.suffix(0));
  if (found == kNone) {
    return views;
  }
  for (const Set& set : layout_->sets_of(layout_->nodes[found])) {
    views.push_back(view_of(*layout_, set, board, client, random));
    views.back().name = parsed->lowered().text();
  }
  return views;
}

MemoryReport Tables::memory() const {
  const Layout& layout = *layout_;
  MemoryReport report;
  report.bytes = sizeof(Layout) + bytes_of(layout.slots) + bytes_of(layout.nodes) +
                 bytes_of(layout.sets) + bytes_of(layout.alternatives) + bytes_of(layout.bytes) +
                 bytes_of(layout.names) + bytes_of(layout.zones) +
                 bytes_of(layout.policies.groups) + bytes_of(layout.policies.members) +
                 layout.identifiers.capacity();
  for (const ZoneSummary& zone : layout.summaries) {
    report.record_sets += zone.record_sets;
    report.names += zone.names;
  }
  return report;
}

}  // namespace leeward::dns
