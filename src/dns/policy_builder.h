// SPDX-License-Identifier: Apache-2.0
//
// Group drafts -> the layout's policies: places, weights and checks as numbers, aliases as links.
// Internal to compile().
//
// Aliases are linked when all record sets are there. Those that lead nowhere, in circles, too deep
// or into too large a tree are taken out with a note, so that every walk over the policies ends.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dns/compile.h"
#include "dns/layout.h"
#include "dns/zone_draft.h"

namespace leeward::dns {

class PolicyBuilder {
 public:
  PolicyBuilder(const CompileInput& input, Layout& layout, Findings& findings);

  // `leaves`: the members' alternatives; kNone of an alias. Returns the group.
  std::uint32_t add(const GroupDraft& draft, const std::vector<std::uint32_t>& leaves,
                    const std::string& source);

  // REQUIRES: the layout's slots are filled.
  void link_aliases();

 private:
  struct PendingAlias {
    std::uint32_t member;
    std::uint32_t group;
    std::uint16_t type;
    const ResourceRecordSet* set;
    std::string source;
  };

  [[nodiscard]] std::uint32_t extra_of(const GroupDraft& draft, const std::string& source);
  // kNoIndex: the member cannot be used; a note says why.
  std::uint32_t key_of(const ResourceRecordSet& set, const std::string& source);
  [[nodiscard]] std::optional<routing::GeoPoint> point_of(const std::string& region) const;
  std::uint32_t region_of(const std::string& name);
  // Its offset in Layout::identifiers; kNoIndex: it has none.
  std::uint32_t add_identifier(const ResourceRecordSet& set);
  std::uint32_t site_of(const ResourceRecordSet& set, const std::string& source);
  [[nodiscard]] BoardSlot slot_of(const ResourceRecordSet& set, const std::string& source);

  [[nodiscard]] std::uint32_t find_target(const PendingAlias& alias);
  std::uint32_t group_of_plain(std::uint32_t set_index);
  // Depth-first over aliases: the size of the tree below a group, or why an alias must go.
  struct Visit {
    enum class State : std::uint8_t { kNew, kOpen, kDone };
    State state = State::kNew;
    std::uint32_t depth = 1;
    std::uint32_t size = 1;
  };
  void visit(std::uint32_t group, std::size_t depth);
  void remove_unlinked();
  void leave_out(const ResourceRecordSet& set, const std::string& source, std::string_view why);

  const CompileInput& input_;
  Layout& layout_;
  Findings& findings_;
  std::map<std::string, std::uint32_t, std::less<>> regions_;
  std::map<std::string, std::uint32_t, std::less<>> collections_;  // id -> index in cidrs
  std::map<std::string, std::map<std::string, std::uint32_t>, std::less<>> cidr_locations_;
  std::map<std::uint32_t, std::uint32_t> plain_groups_;  // set -> group
  std::vector<PendingAlias> pending_;
  std::map<std::uint32_t, const PendingAlias*> alias_of_member_;
  std::vector<Visit> visits_;
};

}  // namespace leeward::dns
