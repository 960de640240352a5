// SPDX-License-Identifier: Apache-2.0
#include "dns/tables.h"

#include <utility>

#include "dns/layout.h"
#include "dns/query.h"
#include "dns/rdata.h"
#include "dns/response.h"

namespace leeward::dns {
namespace {

RecordSetView view_of(const Layout& layout, const Set& set, const HealthBoard& board) {
  RecordSetView view;
  view.type = type_to_text(set.type);
  view.ttl_seconds = set.ttl;
  view.policy = "simple";
  view.chosen = {0};
  for (std::size_t i = 0; i < set.alternative_count; ++i) {
    std::vector<std::string>& values = view.members.emplace_back();
    for_each_record(layout.bytes_of(layout.alternatives[set.first_alternative + i]),
                    [&](const RecordRef& record) {
                      values.push_back(rdata_to_text(record.type, record.rdata));
                      return true;
                    });
  }
  if (set.policy != kNone) {
    const routing::Policy& policy = layout.policies[set.policy];
    const routing::Choice choice = routing::evaluate(policy, board, 0);
    view.policy = routing::to_string(policy);
    view.ttl_seconds =
        routing::effective_ttl(set.ttl, choice.ttl_limit_seconds, policy.ttl_floor_seconds);
    view.chosen.assign(choice.members.begin(), choice.members.begin() + choice.count);
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

std::vector<RecordSetView> Tables::lookup(std::string_view name, const HealthBoard& board) const {
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
    views.push_back(view_of(*layout_, set, board));
    views.back().name = parsed->lowered().text();
  }
  return views;
}

MemoryReport Tables::memory() const {
  const Layout& layout = *layout_;
  MemoryReport report;
  report.bytes = sizeof(Layout) + bytes_of(layout.slots) + bytes_of(layout.nodes) +
                 bytes_of(layout.sets) + bytes_of(layout.alternatives) + bytes_of(layout.bytes) +
                 bytes_of(layout.names) + bytes_of(layout.zones) + bytes_of(layout.policies);
  for (const ZoneSummary& zone : layout.summaries) {
    report.record_sets += zone.record_sets;
    report.names += zone.names;
  }
  return report;
}

}  // namespace leeward::dns
