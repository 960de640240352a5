// SPDX-License-Identifier: Apache-2.0
#include "dns/response.h"

#include <cstring>

#include "dns/name.h"

namespace leeward::dns {
namespace {

constexpr std::size_t kPointerReach = 0x4000;  // a pointer has 14 bits

std::size_t name_length(std::span<const std::uint8_t> rdata, std::size_t at) {
  const std::size_t start = at;
  while (rdata[at] != 0) {
    at += std::size_t{1} + rdata[at];
  }
  return at + 1 - start;
}

}  // namespace

void Response::know_question_name(std::size_t name_bytes) {
  for (std::size_t at = kHeaderBytes; at + 1 < kHeaderBytes + name_bytes;) {
    remember(at);
    at += std::size_t{1} + out_[at];
  }
}

void Response::remember(std::size_t offset) {
  if (name_count_ < kNamesMax && offset < kPointerReach) {
    names_[name_count_++] = static_cast<std::uint16_t>(offset);
  }
}

bool Response::put(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > limit_ - end_) {
    return false;
  }
  if (!bytes.empty()) {
    std::memcpy(out_.data() + end_, bytes.data(), bytes.size());
  }
  end_ += bytes.size();
  return true;
}

// Our own output: every pointer in it points backwards at a name that ends.
bool Response::name_at_equals(std::size_t offset, std::span<const std::uint8_t> name) const {
  std::size_t at = 0;
  while (true) {
    while ((out_[offset] & 0xC0) == 0xC0) {
      offset = load16(&out_[offset]) & (kPointerReach - 1);
    }
    const std::size_t length = out_[offset];
    if (length != name[at]) {
      return false;
    }
    if (length == 0) {
      return true;
    }
    for (std::size_t i = 1; i <= length; ++i) {
      if (lower(out_[offset + i]) != lower(name[at + i])) {
        return false;
      }
    }
    offset += 1 + length;
    at += 1 + length;
  }
}

bool Response::put_name(std::span<const std::uint8_t> name) {
  // Not this name's own labels: it does not end yet, and what lies behind it is no part of it.
  const std::size_t finished_names = name_count_;
  for (std::size_t at = 0; name[at] != 0;) {
    const std::span<const std::uint8_t> suffix = name.subspan(at);
    for (std::size_t i = 0; i < finished_names; ++i) {
      if (name_at_equals(names_[i], suffix)) {
        const std::uint16_t target = names_[i];
        std::array<std::uint8_t, 2> pointer{};
        store16(pointer.data(), static_cast<std::uint16_t>(0xC000 | target));
        return put(pointer);
      }
    }
    const std::size_t label = std::size_t{1} + suffix[0];
    const std::size_t offset = end_;
    if (!put(suffix.first(label))) {
      return false;
    }
    remember(offset);
    at += label;
  }
  constexpr std::array<std::uint8_t, 1> kRoot{0};
  return put(kRoot);
}

bool Response::add_record(Section section, std::span<const std::uint8_t> owner,
                          const RecordRef& record, std::uint32_t ttl) {
  return put_name(owner) && put_fixed_and_rdata(section, record, ttl);
}

bool Response::add_record_of_question(Section section, const RecordRef& record, std::uint32_t ttl) {
  constexpr std::array<std::uint8_t, 2> kQuestionName{0xC0, kHeaderBytes};
  return put(kQuestionName) && put_fixed_and_rdata(section, record, ttl);
}

bool Response::put_fixed_and_rdata(Section section, const RecordRef& record, std::uint32_t ttl) {
  std::array<std::uint8_t, 10> fixed{};
  std::memcpy(fixed.data(), record.record + 2, 4);  // type and class
  store32(fixed.data() + 4, ttl);
  if (!put(fixed)) {
    return false;
  }
  const std::size_t rdata_at = end_;
  if (!put_rdata(record)) {
    return false;
  }
  store16(out_.data() + rdata_at - 2, static_cast<std::uint16_t>(end_ - rdata_at));
  ++counts_[static_cast<std::size_t>(section)];
  return true;
}

// RFC 3597 section 4: only the names in RFC 1035's own types may be compressed. The compiler has
// checked that these rdata hold well-formed names.
bool Response::put_rdata(const RecordRef& record) {
  switch (record.type) {
    case type::kNs:
    case type::kCname:
    case type::kPtr:
      return put_name(record.rdata);
    case type::kMx:
      return put(record.rdata.first(2)) && put_name(record.rdata.subspan(2));
    case type::kSoa: {
      const std::size_t mname = name_length(record.rdata, 0);
      const std::size_t rname = name_length(record.rdata, mname);
      return put_name(record.rdata.first(mname)) && put_name(record.rdata.subspan(mname, rname)) &&
             put(record.rdata.subspan(mname + rname));
    }
    default:
      return put(record.rdata);
  }
}

}  // namespace leeward::dns
