// SPDX-License-Identifier: Apache-2.0
//
// Zones as answer() reads them: compiled once (compile.h), immutable, swapped whole when a zone or
// an application changes. Health is not in here: a record set that depends on it holds every
// possible answer, and the health board says which one goes out.
//
// Thread-safety: immutable; any number of readers. Movable, not copyable (it can be large).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/health_board.h"
#include "routing/policy.h"

namespace leeward::dns {

struct Layout;  // layout.h; the tables' inside

struct ZoneSummary {
  std::string name;    // "example.test", no trailing dot; "." for the root
  std::string source;  // the zone file, or "application shop"
  std::uint32_t serial = 0;
  std::size_t record_sets = 0;
  std::size_t names = 0;  // including empty non-terminals

  friend bool operator==(const ZoneSummary&, const ZoneSummary&) = default;
};

// One member of a record set with a routing policy; of a simple one all of it.
struct MemberView {
  std::string set_identifier;       // empty: it has none
  std::vector<std::string> values;  // presentation form; of an alias none
  bool is_alias = false;
  bool is_healthy = true;  // now

  friend bool operator==(const MemberView&, const MemberView&) = default;
};

// One resource record set as it answers a client now.
struct RecordSetView {
  std::string name;               // absolute, no trailing dot
  std::string type;               // "A"
  std::uint32_t ttl_seconds = 0;  // what the answer would carry now
  std::string policy;             // "simple", "assigned", "multivalue" ...
  std::vector<MemberView> members;
  std::vector<std::size_t> chosen;   // of the members, in answer order
  std::vector<std::string> answers;  // the values that go out, through aliases

  friend bool operator==(const RecordSetView&, const RecordSetView&) = default;
};

struct MemoryReport {
  std::size_t bytes = 0;  // all of it, unused capacity included
  std::size_t record_sets = 0;
  std::size_t names = 0;
};

class Tables {
 public:
  Tables();  // no zones: every query is REFUSED
  explicit Tables(std::unique_ptr<const Layout> layout);
  ~Tables();
  Tables(Tables&&) noexcept;
  Tables& operator=(Tables&&) noexcept;
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  // In order of name.
  [[nodiscard]] const std::vector<ZoneSummary>& zones() const;

  // Remarks of the compiler that did not stop it: "example.zone:12: ...".
  [[nodiscard]] const std::vector<std::string>& notes() const;

  // The record sets at a name (text, with or without trailing dot, any letter case); empty if there
  // are none. `random` decides among equals, as for answer().
  [[nodiscard]] std::vector<RecordSetView> lookup(std::string_view name, const HealthBoard& board,
                                                  const routing::Client& client = {},
                                                  std::uint64_t random = 0) const;

  [[nodiscard]] MemoryReport memory() const;

  [[nodiscard]] const Layout& layout() const { return *layout_; }

 private:
  std::unique_ptr<const Layout> layout_;
};

}  // namespace leeward::dns
