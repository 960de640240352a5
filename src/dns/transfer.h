// SPDX-License-Identifier: Apache-2.0
//
// Zones as secondary servers get them: AXFR (RFC 5936), IXFR (RFC 1995).
//
// A secondary knows nothing of health or of clients, so it gets what would be answered now to a
// client of whom nothing is known: failover and multivalue sets as their health is, of the random
// policies always the same choice. When that changes, the zone has a new serial.
//
// Thread-safety: pure functions and values.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dns/name.h"
#include "dns/tables.h"
#include "model/health_board.h"

namespace leeward::dns {

// Per zone of the tables, in their order: the serial that answers show; 0: the zone's own. One
// thread writes, any number read.
class Serials {
 public:
  explicit Serials(std::size_t zones)
      : size_(zones), serials_(std::make_unique<std::atomic<std::uint32_t>[]>(zones)) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint32_t get(std::size_t zone) const {
    return serials_[zone].load(std::memory_order_acquire);
  }
  void set(std::size_t zone, std::uint32_t serial) {
    serials_[zone].store(serial, std::memory_order_release);
  }

 private:
  std::size_t size_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> serials_;
};

struct ZoneRecord {
  std::string owner;  // wire form
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;
  std::string rdata;

  friend auto operator<=>(const ZoneRecord&, const ZoneRecord&) = default;
};

// The SOA with the zone's own serial apart from the others, which are in order.
struct ZoneContent {
  ZoneRecord soa;
  std::vector<ZoneRecord> records;

  friend bool operator==(const ZoneContent&, const ZoneContent&) = default;
};

// REQUIRES: zone < tables.zones().size(), a board of the tables' layout.
[[nodiscard]] ZoneContent materialise(const Tables& tables, const HealthBoard& board,
                                      std::size_t zone);

// Whether the answers of this zone are signed as they are asked for: it cannot be transferred.
[[nodiscard]] bool is_signed_online(const Tables& tables, std::size_t zone);

// One zone's content over time, under serials that only grow (RFC 1982).
class ZoneHistory {
 public:
  // How far serials may be ahead of the clock. The first one is that far ahead: so serials grow
  // over restarts, too, though nothing remembers them. A zone's own serial that is later than the
  // clock stands, and is counted up from; after a restart it is shown again.
  static constexpr std::uint32_t kAheadSecondsMax = 10;

  // kLater: the content is new, but so many came lately that there is no serial for it yet; ask
  // again. `now_seconds` since 1970.
  enum class Update : std::uint8_t { kSame, kNew, kLater };
  Update update(ZoneContent content, std::uint32_t now_seconds);

  [[nodiscard]] std::uint32_t serial() const { return serial_; }

  // The records of an answer to AXFR, or to IXFR from a client that has `from`: alone the SOA if
  // there is nothing new, the differences where they are still known, else all.
  [[nodiscard]] std::vector<const ZoneRecord*> transfer(std::optional<std::uint32_t> from) const;

 private:
  struct Difference {
    ZoneRecord old_soa;
    std::vector<ZoneRecord> removed;
    ZoneRecord new_soa;
    std::vector<ZoneRecord> added;
  };

  // Differences are forgotten, the oldest first, where they are more than this, or more records
  // than the zone itself.
  static constexpr std::size_t kDifferencesMax = 64;

  void forget();

  bool has_content_ = false;
  std::uint32_t serial_ = 0;
  std::uint32_t own_serial_ = 0;
  ZoneContent content_;  // its SOA with serial_
  std::deque<Difference> differences_;
  std::size_t difference_records_ = 0;
};

// What a transfer asks for.
struct TransferRequest {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  Name zone;  // lower case
  bool incremental = false;
  std::uint32_t serial = 0;  // the client's, of IXFR
  std::vector<std::uint8_t> question;
};

// nullopt: it asks for something else, or is malformed.
[[nodiscard]] std::optional<TransferRequest> parse_transfer_request(
    std::span<const std::uint8_t> message);

// Whole messages of at most 16 KiB (more only for a larger record), without length prefixes.
[[nodiscard]] std::vector<std::vector<std::uint8_t>> transfer_messages(
    const TransferRequest& request, std::span<const ZoneRecord* const> records);

// A message with the question and no records.
[[nodiscard]] std::vector<std::uint8_t> transfer_refusal(const TransferRequest& request,
                                                         std::uint8_t rcode);

// RFC 1996.
[[nodiscard]] std::vector<std::uint8_t> notify_message(std::uint16_t id, const Name& zone);

}  // namespace leeward::dns
