// SPDX-License-Identifier: Apache-2.0
//
// Which members of a record set answer. A policy is a group of members in a flat array; conditions
// are words of the health board, leaves are answers by index, and a member may stand for another
// group (an alias), so that policies form trees. DNS, the API, drills and the simulator all call
// evaluate(): there is one answer to "what would DNS say".
//
// Semantics are Route 53's ("How Amazon Route 53 chooses records when health checking is
// configured", "Choosing a routing policy", developer guide), with these words made exact:
//   - A check that is unknown counts as healthy: new checks are healthy until there is data.
//   - A member is healthy when its check is and, where it is an alias that evaluates target health,
//     at least one member of its target is. Without either it is always healthy.
//   - The policy chooses among the healthy members; where none is, among all. Health never removes
//     the last answer.
//   - An alias that does not evaluate target health is chosen whatever is below it, and the walk
//     stays below it.
//   - Latency and geoproximity go by the next best healthy member; geolocation by the next less
//     specific one; IP-based routing by the default location.
//   - A client that no member of a geolocation or IP-based group is for gets no record (NODATA).
//
// The TTL follows gdnsd: no longer than the time until a word it depends on may change
// (BoardWord::ttl_limit_seconds), never below the group's floor.
//
// Thread-safety: policies are values; evaluate() is pure but for its atomic loads of the board.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "model/health_board.h"
#include "routing/client_network.h"
#include "routing/location.h"
#include "routing/prefix_map.h"

namespace leeward::routing {

// Route 53's limit on the records in one multivalue answer.
inline constexpr std::size_t kMultivalueAnswersMax = 8;
// Members of one group; an index fits a board word's value.
inline constexpr std::size_t kMembersMax = 256;
// Aliases that lead from a query to an answer.
inline constexpr std::size_t kDepthMax = 16;

inline constexpr std::uint32_t kNoIndex = 0xFFFFFFFF;

enum class PolicyKind : std::uint8_t {
  kSimple,        // the only member, always
  kAssigned,      // an application's active region: the word at Group::extra holds its index, and
                  // during a gradual failback which other member answers some of the queries
  kFailover,      // member 0 is the primary, member 1 the secondary
  kWeighted,      // Member::key is the weight
  kLatency,       // Member::key is an index in Policies::regions
  kGeolocation,   // Member::key is a PlaceKey
  kGeoproximity,  // Member::key is an index in Policies::sites
  kMultivalue,    // Group::extra: with fewer healthy checks all members answer; kNoIndex: none
  kCidr,  // Member::key is a location's number; Group::extra the collection in Policies::cidrs
};

[[nodiscard]] std::string_view to_string(PolicyKind kind);  // "multivalue"

// The number of the default location "*" of IP-based routing.
inline constexpr std::uint32_t kCidrDefault = PrefixMap::kNone;

struct Member {
  BoardSlot check = kNoIndex;      // none: always healthy
  std::uint32_t leaf = kNoIndex;   // what answers; of an alias none
  std::uint32_t alias = kNoIndex;  // the group that it stands for
  std::uint32_t key = 0;           // what the kind says
  std::uint32_t name = kNoIndex;   // for people: whatever the owner of the tree wants it to be
  bool evaluate_target_health = false;
};

struct Group {
  PolicyKind kind = PolicyKind::kSimple;
  std::uint16_t member_count = 0;
  std::uint32_t ttl_floor_seconds = 0;
  std::uint32_t first_member = 0;
  std::uint32_t extra = kNoIndex;
};

// Where something stands, for distances; a bias draws clients nearer (above 0) or pushes them away.
struct Site {
  SpherePoint point;
  std::int16_t bias = 0;  // -99 to 99
};

// Latency as it was measured: rows of milliseconds per region, by client network.
struct LatencyTable {
  PrefixMap rows;
  std::size_t regions = 0;
  std::vector<float> milliseconds;  // row-major; not a number where it was not measured
};

struct Policies {
  std::vector<Group> groups;
  std::vector<Member> members;
  std::vector<std::optional<SpherePoint>> regions;  // of latency routing
  std::vector<Site> sites;
  std::vector<PrefixMap> cidrs;
  LatencyTable latency;

  // Appends a group. REQUIRES: at most kMembersMax members.
  std::uint32_t add(PolicyKind kind, std::span<const Member> members, std::uint32_t ttl_floor = 0,
                    std::uint32_t extra = kNoIndex);
};

// Who asks. Locating happens once, and only where a policy needs it.
class Client {
 public:
  Client() = default;
  Client(const ClientNetwork& network, const Locator* locator)
      : network_(network), locator_(locator) {}

  [[nodiscard]] const ClientNetwork& network() const { return network_; }
  [[nodiscard]] const Location& location() {
    if (!located_) {
      located_ =
          locator_ == nullptr || network_.family == 0 ? Location() : locator_->locate(network_);
    }
    return *located_;
  }
  // Of the location's coordinates; nullopt: they are not known.
  [[nodiscard]] const std::optional<SpherePoint>& point() {
    if (!point_ && location().point) {
      point_ = *location().point;
    }
    return point_;
  }

 private:
  ClientNetwork network_{};
  const Locator* locator_ = nullptr;
  std::optional<Location> located_;
  std::optional<SpherePoint> point_;
};

// The chosen leaves, in answer order; none: NODATA.
struct Choice {
  std::array<std::uint32_t, kMultivalueAnswersMax> leaves{};
  std::uint32_t count = 0;
  std::uint32_t member = kNoIndex;  // who was chosen of the asked group; of multivalue nobody
  std::uint32_t ttl_limit_seconds = BoardWord::kNoTtlLimit;  // the least of the words consulted
  std::uint8_t scope_bits = 0;  // how much of the client's address was gone by (RFC 7871)
};

// `random` decides every random choice: the same random, board, client and policy choose the same.
// REQUIRES: aliases lead to groups without circles, at most kDepthMax deep (dns/compile.h checks).
[[nodiscard]] Choice evaluate(const Policies& policies, std::uint32_t group,
                              const HealthBoard& board, Client& client, std::uint64_t random);

// Whether an alias to this group that evaluates target health counts as healthy.
[[nodiscard]] bool is_healthy(const Policies& policies, std::uint32_t group,
                              const HealthBoard& board);

// Whether this member counts as healthy in its group.
[[nodiscard]] bool is_healthy(const Policies& policies, const Member& member,
                              const HealthBoard& board);

// min(record TTL, limit), never below min(floor, record TTL).
[[nodiscard]] constexpr std::uint32_t effective_ttl(std::uint32_t record_ttl_seconds,
                                                    std::uint32_t limit_seconds,
                                                    std::uint32_t floor_seconds) {
  const std::uint32_t floor =
      floor_seconds < record_ttl_seconds ? floor_seconds : record_ttl_seconds;
  const std::uint32_t limited =
      limit_seconds < record_ttl_seconds ? limit_seconds : record_ttl_seconds;
  return limited < floor ? floor : limited;
}

}  // namespace leeward::routing
