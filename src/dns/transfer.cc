// SPDX-License-Identifier: Apache-2.0
#include "dns/transfer.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "dns/layout.h"
#include "dns/protocol.h"
#include "dns/response.h"

namespace leeward::dns {
namespace {

constexpr std::size_t kMessageBytes = 16'384;
constexpr std::uint16_t kOpcodeNotify = 0x2000;
constexpr std::size_t kSoaSerialFromEnd = 20;

std::string text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// RFC 1982.
bool is_later(std::uint32_t a, std::uint32_t b) {
  return a != b && a - b < 0x80000000U;
}

std::uint8_t* serial_at(ZoneRecord& soa) {
  return reinterpret_cast<std::uint8_t*>(soa.rdata.data()) + soa.rdata.size() - kSoaSerialFromEnd;
}

std::uint32_t serial_of(ZoneRecord& soa) {
  return load32(serial_at(soa));
}

void append_alternative(const Layout& layout, const Alternative& alternative,
                        const std::string& owner, std::uint32_t ttl,
                        std::vector<ZoneRecord>& records) {
  for_each_record(layout.bytes_of(alternative), [&](const RecordRef& record) {
    records.push_back({owner, record.type, ttl, text_of(record.rdata)});
    return true;
  });
}

void append_set(const Layout& layout, const HealthBoard& board, const Set& set,
                const std::string& owner, std::vector<ZoneRecord>& records) {
  if (set.policy == kNone) {
    append_alternative(layout, layout.alternatives[set.first_alternative], owner, set.ttl, records);
    return;
  }
  routing::Client nobody{};
  const routing::Choice choice = routing::evaluate(layout.policies, set.policy, board, nobody, 0);
  // Not lowered where a member is suspected: that is no reason for a new serial.
  std::uint32_t ttl = std::numeric_limits<std::uint32_t>::max();
  for (std::uint32_t i = 0; i < choice.count; ++i) {
    ttl = std::min(ttl, layout.ttl_of(layout.alternatives[choice.leaves[i]], set.ttl));
  }
  for (std::uint32_t i = 0; i < choice.count; ++i) {
    append_alternative(layout, layout.alternatives[choice.leaves[i]], owner, ttl, records);
  }
}

void put16(std::vector<std::uint8_t>& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

std::vector<std::uint8_t> header_and_question(const TransferRequest& request, std::uint16_t flags) {
  std::vector<std::uint8_t> message;
  put16(message, request.id);
  put16(message, static_cast<std::uint16_t>(flag::kResponse |
                                            (request.flags & flag::kRecursionDesired) | flags));
  put16(message, 1);
  message.resize(kHeaderBytes);
  message.insert(message.end(), request.question.begin(), request.question.end());
  return message;
}

void append_record(std::vector<std::uint8_t>& message, const ZoneRecord& record) {
  const auto append = [&](const std::string& bytes) {
    message.insert(message.end(), bytes.begin(), bytes.end());
  };
  append(record.owner);
  put16(message, record.type);
  put16(message, dns_class::kIn);
  put16(message, static_cast<std::uint16_t>(record.ttl >> 16));
  put16(message, static_cast<std::uint16_t>(record.ttl));
  put16(message, static_cast<std::uint16_t>(record.rdata.size()));
  append(record.rdata);
}

// The serial in the SOA of an IXFR's authority section; its names may be compressed.
std::optional<std::uint32_t> client_serial(std::span<const std::uint8_t> message, std::size_t at) {
  while (at < message.size() && message[at] != 0 && message[at] <= kLabelBytesMax) {
    at += std::size_t{1} + message[at];
  }
  if (at >= message.size()) {
    return std::nullopt;
  }
  at += message[at] == 0 ? 1 : 2;
  if (at + 10 > message.size() || load16(&message[at]) != type::kSoa) {
    return std::nullopt;
  }
  const std::size_t size = load16(&message[at + 8]);
  if (size < kSoaSerialFromEnd || at + 10 + size > message.size()) {
    return std::nullopt;
  }
  return load32(&message[at + 10 + size - kSoaSerialFromEnd]);
}

}  // namespace

ZoneContent materialise(const Tables& tables, const HealthBoard& board, std::size_t zone_index) {
  const Layout& layout = tables.layout();
  const Zone& zone = layout.zones[zone_index];
  ZoneContent content;
  for (std::size_t i = 0; i < layout.nodes.size(); ++i) {
    const Node& node = layout.nodes[i];
    if (node.zone != zone_index) {
      continue;
    }
    const std::string owner = text_of(layout.name_of(node));
    for (const Set& set : layout.sets_of(node)) {
      append_set(layout, board, set, owner, content.records);
    }
  }
  std::ranges::sort(content.records);
  // An alias may lead to the same records as another member.
  const auto [end, last] = std::ranges::unique(content.records);
  content.records.erase(end, last);
  const std::string apex = text_of(layout.name_of(layout.nodes[zone.apex]));
  const auto soa = std::ranges::find_if(content.records, [&](const ZoneRecord& record) {
    return record.type == type::kSoa && record.owner == apex;
  });
  content.soa = std::move(*soa);
  content.records.erase(soa);
  return content;
}

bool is_signed_online(const Tables& tables, std::size_t zone) {
  return tables.layout().zones[zone].signing != kNone;
}

ZoneHistory::Update ZoneHistory::update(ZoneContent content, std::uint32_t now_seconds) {
  const std::uint32_t own = serial_of(content.soa);
  const std::uint32_t last = now_seconds + kAheadSecondsMax;
  std::uint32_t next = is_later(own, last) ? own : has_content_ ? now_seconds : last;
  if (has_content_) {
    store32(serial_at(content.soa), serial_);
    if (own == own_serial_ && content == content_) {
      return Update::kSame;
    }
    next = is_later(next, serial_) ? next : serial_ + 1;
    if (is_later(next, last) && !is_later(own, last)) {
      return Update::kLater;
    }
    next += next == 0 ? 1 : 0;  // 0 is "the zone's own" in Serials
  }
  store32(serial_at(content.soa), next);
  if (has_content_) {
    Difference difference{
        .old_soa = content_.soa, .removed = {}, .new_soa = content.soa, .added = {}};
    std::ranges::set_difference(content_.records, content.records,
                                std::back_inserter(difference.removed));
    std::ranges::set_difference(content.records, content_.records,
                                std::back_inserter(difference.added));
    difference_records_ += difference.removed.size() + difference.added.size();
    differences_.push_back(std::move(difference));
  }
  has_content_ = true;
  own_serial_ = own;
  serial_ = next;
  content_ = std::move(content);
  forget();
  return Update::kNew;
}

void ZoneHistory::forget() {
  while (differences_.size() > kDifferencesMax ||
         (difference_records_ > content_.records.size() && !differences_.empty())) {
    const Difference& oldest = differences_.front();
    difference_records_ -= oldest.removed.size() + oldest.added.size();
    differences_.pop_front();
  }
}

std::vector<const ZoneRecord*> ZoneHistory::transfer(std::optional<std::uint32_t> from) const {
  std::vector<const ZoneRecord*> records{&content_.soa};
  const auto append = [&](const std::vector<ZoneRecord>& more) {
    for (const ZoneRecord& record : more) {
      records.push_back(&record);
    }
  };
  if (from && (*from == serial_ || is_later(*from, serial_))) {
    return records;
  }
  auto first = differences_.end();
  if (from) {
    first = std::ranges::find_if(differences_, [&](const Difference& difference) {
      ZoneRecord soa = difference.old_soa;
      return serial_of(soa) == *from;
    });
  }
  if (first == differences_.end()) {
    append(content_.records);
  }
  for (; first != differences_.end(); ++first) {
    records.push_back(&first->old_soa);
    append(first->removed);
    records.push_back(&first->new_soa);
    append(first->added);
  }
  records.push_back(&content_.soa);
  return records;
}

std::optional<TransferRequest> parse_transfer_request(std::span<const std::uint8_t> message) {
  if (message.size() < kHeaderBytes) {
    return std::nullopt;
  }
  TransferRequest request;
  request.id = load16(message.data());
  request.flags = load16(&message[2]);
  if ((request.flags & (flag::kResponse | flag::kOpcodeMask)) != 0 || load16(&message[4]) != 1 ||
      load16(&message[6]) != 0) {
    return std::nullopt;
  }
  const std::optional<Name> zone = Name::from_wire(message.subspan(kHeaderBytes));
  if (!zone || kHeaderBytes + zone->wire().size() + 4 > message.size()) {
    return std::nullopt;
  }
  const std::size_t after = kHeaderBytes + zone->wire().size();
  const std::uint16_t qtype = load16(&message[after]);
  if ((qtype != type::kAxfr && qtype != type::kIxfr) ||
      load16(&message[after + 2]) != dns_class::kIn) {
    return std::nullopt;
  }
  request.zone = zone->lowered();
  request.question.assign(message.begin() + kHeaderBytes,
                          message.begin() + static_cast<std::ptrdiff_t>(after + 4));
  if (qtype == type::kIxfr) {
    const auto serial = load16(&message[8]) == 1 ? client_serial(message, after + 4) : std::nullopt;
    if (!serial) {
      return std::nullopt;
    }
    request.incremental = true;
    request.serial = *serial;
  }
  return request;
}

std::vector<std::vector<std::uint8_t>> transfer_messages(
    const TransferRequest& request, std::span<const ZoneRecord* const> records) {
  std::vector<std::vector<std::uint8_t>> messages;
  std::uint16_t count = 0;
  const auto finish = [&] {
    store16(&messages.back()[6], count);
    count = 0;
  };
  for (const ZoneRecord* record : records) {
    const std::size_t bytes = record->owner.size() + 10 + record->rdata.size();
    if (messages.empty() || (count > 0 && messages.back().size() + bytes > kMessageBytes)) {
      if (!messages.empty()) {
        finish();
      }
      messages.push_back(header_and_question(request, flag::kAuthoritative));
    }
    append_record(messages.back(), *record);
    ++count;
  }
  if (!messages.empty()) {
    finish();
  }
  return messages;
}

std::vector<std::uint8_t> transfer_refusal(const TransferRequest& request, std::uint8_t rcode) {
  return header_and_question(request, rcode);
}

std::vector<std::uint8_t> notify_message(std::uint16_t id, const Name& zone) {
  std::vector<std::uint8_t> message;
  put16(message, id);
  put16(message, kOpcodeNotify | flag::kAuthoritative);
  put16(message, 1);
  message.resize(kHeaderBytes);
  message.insert(message.end(), zone.wire().begin(), zone.wire().end());
  put16(message, type::kSoa);
  put16(message, dns_class::kIn);
  return message;
}

}  // namespace leeward::dns
