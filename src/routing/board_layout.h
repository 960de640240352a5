// SPDX-License-Identifier: Apache-2.0
//
// Which word of the health board means what. One word per application (the index of its active
// region, in the application's order of preference) and one per health check (its Health).
//
// Built from the applications in their order, then from the other health checks in theirs, so that
// a restart and every node of a fleet give the same words the same meaning. A change of the
// applications makes a new layout, and with it a new board and new tables; the three are published
// together.
//
// Thread-safety: immutable after construction.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/application.h"
#include "model/health_board.h"
#include "model/ids.h"

namespace leeward::routing {

class BoardLayout {
 public:
  BoardLayout() = default;
  // `more_checks`: of record sets that no application owns.
  explicit BoardLayout(std::span<const Application> applications,
                       std::span<const HealthCheckId> more_checks = {});

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] std::optional<BoardSlot> application(const ApplicationId& id) const;
  [[nodiscard]] std::optional<BoardSlot> check(const HealthCheckId& id) const;

  // "application shop" or "check shop/GRA11", for status pages and saved boards. slot < size().
  [[nodiscard]] const std::string& name(BoardSlot slot) const { return names_[slot]; }

  friend bool operator==(const BoardLayout&, const BoardLayout&) = default;

 private:
  std::vector<std::string> names_;
  std::map<ApplicationId, BoardSlot> applications_;
  std::map<HealthCheckId, BoardSlot> checks_;
};

}  // namespace leeward::routing
