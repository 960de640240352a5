// SPDX-License-Identifier: Apache-2.0
#include "dns/lookup.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "dns/rdata.h"

namespace leeward::dns {
namespace {

constexpr std::array<std::uint8_t, 2> kWildcardLabel{1, '*'};

// The name in a record's rdata that additional records are looked up for; empty: none.
std::span<const std::uint8_t> additional_target(const RecordRef& record) {
  switch (record.type) {
    case type::kNs:
      return record.rdata;
    case type::kMx:
      return record.rdata.subspan(2);
    case type::kSrv:
      return record.rdata.subspan(6);
    default:
      return {};
  }
}

// Whether `name`, of any letter case, lies below `ancestor`, which is lower case.
bool is_below(std::span<const std::uint8_t> name, std::span<const std::uint8_t> ancestor) {
  while (name.size() > ancestor.size()) {
    name = name.subspan(std::size_t{1} + name[0]);
  }
  return std::ranges::equal(name, ancestor, {}, lower);
}

}  // namespace

Outcome Lookup::run(const ParsedQuery& query, std::uint32_t exact) {
  qtype_ = query.qtype;
  compact_ok_ = query.compact_ok;
  outcome_.flags = flag::kAuthoritative;
  response_.know_question_name(query.name.size);
  Position position{&query.name, true};
  while (!is_revisited(*position.name) && step(position, exact) == Step::kFollow &&
         chain_ < kChainMax) {
    position = {&target_, false};
    exact = find(target_);
  }
  return outcome_;
}

Lookup::Step Lookup::step(Position position, std::uint32_t exact) {
  const QueryName& name = *position.name;
  std::uint32_t found = exact;
  std::size_t label = 0;
  while (found == kNone && label < name.labels) {
    ++label;
    found = layout_.find(name.hash[label], name.suffix(label));
  }
  if (found == kNone) {
    if (position.is_question) {
      outcome_ = {Rcode::kRefused, 0};
    }
    return Step::kDone;  // an alias that leaves our zones: the resolver asks on
  }
  const bool asks_ds = label == 0 && qtype_ == type::kDs;
  // DS belongs to the parent's side of a cut (RFC 4035 section 3.1.4.1).
  if (asks_ds && layout_.nodes[found].parent_side != kNone) {
    found = layout_.nodes[found].parent_side;
  }
  const Node& node = layout_.nodes[found];
  zone_ = node.zone;
  if (node.cut != kNone && !(asks_ds && node.cut == found)) {
    refer(layout_.nodes[node.cut]);
    return Step::kDone;
  }
  if (label == 0) {
    return answer_at(position, node);
  }
  return no_such_name(position, found, label);
}

// By hash: names under a wildcard have no node of their own. A collision, one in 2^64, would only
// end a chain early.
bool Lookup::is_revisited(const QueryName& name) {
  for (std::size_t i = 0; i < chain_; ++i) {
    if (visited_[i] == name.hash[0]) {
      return true;
    }
  }
  visited_[chain_] = name.hash[0];
  return false;
}

// `encloser` is the closest existing ancestor, `label` its place in the name.
Lookup::Step Lookup::no_such_name(Position position, std::uint32_t encloser, std::size_t label) {
  const Node& node = layout_.nodes[encloser];
  if ((node.flags & kHasDname) != 0) {
    return follow_dname(position, node, label);
  }
  if ((node.flags & kHasWildcardChild) != 0) {
    const std::uint32_t wildcard = wildcard_below(*position.name, label);
    if (wildcard != kNone) {
      return answer_at(position, layout_.nodes[wildcard]);
    }
  }
  // RFC 9824: the signed proof is that of a name without records, and so is the code, unless the
  // client knows better.
  if (zone_signing() == nullptr || compact_ok_) {
    outcome_.rcode = Rcode::kNxDomain;
  }
  add_negative(position, node.zone, BoardWord::kNoTtlLimit, nullptr);
  return Step::kDone;
}

std::uint32_t Lookup::wildcard_below(const QueryName& name, std::size_t label) const {
  std::array<std::uint8_t, kNameBytesMax + 2 + kNameReadAhead> bytes;  // NOLINT
  const std::span<const std::uint8_t> parent = name.suffix(label);
  std::copy(kWildcardLabel.begin(), kWildcardLabel.end(), bytes.begin());
  std::copy(parent.begin(), parent.end(), bytes.begin() + kWildcardLabel.size());
  std::memset(bytes.data() + kWildcardLabel.size() + parent.size(), 0, kNameReadAhead);
  return layout_.find(hash_label(name.hash[label], bytes.data()),
                      std::span(bytes).first(kWildcardLabel.size() + parent.size()));
}

Lookup::Step Lookup::answer_at(Position position, const Node& node) {
  if (qtype_ == type::kAny) {
    // RFC 8482 section 4.1: one RRset stands for all.
    const Set* set = first_set_with_records(node);
    if (set == nullptr) {
      add_negative(position, node.zone, BoardWord::kNoTtlLimit, &node);
    } else {
      answer_set(position, node, *set);
    }
    return Step::kDone;
  }
  if ((node.flags & kHasCname) != 0 && qtype_ != type::kCname) {
    return follow_cname(position, node, *layout_.find_set(node, type::kCname));
  }
  if (qtype_ == type::kNsec && zone_signing() != nullptr) {
    add_nsec(Section::kAnswer, position.name->suffix(0), layout_.zones[node.zone].negative_ttl,
             &node);
    return Step::kDone;
  }
  const Set* set = layout_.find_set(node, qtype_);
  if (set == nullptr) {
    add_negative(position, node.zone, BoardWord::kNoTtlLimit, &node);
  } else {
    answer_set(position, node, *set);
  }
  return Step::kDone;
}

void Lookup::answer_set(Position position, const Node& node, const Set& set) {
  const Added added = add_set(Section::kAnswer, position, set);
  if (!added.fits) {
    outcome_.truncated = true;
  } else if (added.records == 0) {
    // The active region has no address of this type. This may change as soon as the board does.
    add_negative(position, node.zone, added.ttl, &node);
  } else {
    sign(Section::kAnswer, position.name->suffix(0), set.type, added.ttl);
    add_additional(set);
  }
}

routing::Choice Lookup::choose(const Set& set) {
  const routing::Choice choice =
      routing::evaluate(layout_.policies, set.policy, board_, client_, random_);
  outcome_.scope_bits = std::max(outcome_.scope_bits, choice.scope_bits);
  return choice;
}

const Set* Lookup::first_set_with_records(const Node& node) {
  for (const Set& set : layout_.sets_of(node)) {
    if (set.policy == kNone) {
      return &set;
    }
    const routing::Choice choice = choose(set);
    if (choice.count > 0 && layout_.alternatives[choice.leaves[0]].records > 0) {
      return &set;
    }
  }
  return nullptr;
}

Lookup::Step Lookup::follow_cname(Position position, const Node& node, const Set& set) {
  const Added added = add_set(Section::kAnswer, position, set);
  if (!added.fits) {
    outcome_.truncated = true;
    return Step::kDone;
  }
  if (added.records == 0) {  // a policy that is for other clients
    add_negative(position, node.zone, added.ttl, &node);
    return Step::kDone;
  }
  sign(Section::kAnswer, position.name->suffix(0), set.type, added.ttl);
  ++chain_;
  return target_.assign(layout_.bytes_of(*last_added_).subspan(kRecordHeaderBytes)) ? Step::kFollow
                                                                                    : Step::kDone;
}

// RFC 6672: the DNAME, and the CNAME that it stands for.
Lookup::Step Lookup::follow_dname(Position position, const Node& node, std::size_t label) {
  const Set& set = *layout_.find_set(node, type::kDname);
  if (!add_set(Section::kAnswer, layout_.name_of(node), set).fits) {
    outcome_.truncated = true;
    return Step::kDone;
  }
  sign(Section::kAnswer, layout_.name_of(node), set.type, set.ttl);
  const Alternative& alternative = layout_.alternatives[set.first_alternative];
  const std::span<const std::uint8_t> target =
      layout_.bytes_of(alternative).subspan(kRecordHeaderBytes);
  const QueryName& name = *position.name;
  const std::size_t prefix = name.label_at[label];
  if (prefix + target.size() > kNameBytesMax) {
    outcome_.rcode = Rcode::kYxDomain;
    return Step::kDone;
  }
  std::array<std::uint8_t, kRecordHeaderBytes + kNameBytesMax> record{};
  store16(record.data() + 2, type::kCname);
  store16(record.data() + 4, dns_class::kIn);
  std::memcpy(record.data() + kRecordHeaderBytes, name.bytes.data(), prefix);
  std::memcpy(record.data() + kRecordHeaderBytes + prefix, target.data(), target.size());
  const std::span<const std::uint8_t> rdata =
      std::span(record).subspan(kRecordHeaderBytes, prefix + target.size());
  const RecordRef synthesised{record.data(), type::kCname, rdata};
  const bool fits =
      position.is_question
          ? response_.add_record_of_question(Section::kAnswer, synthesised, set.ttl)
          : response_.add_record(Section::kAnswer, name.suffix(0), synthesised, set.ttl);
  if (!fits) {
    outcome_.truncated = true;
    return Step::kDone;
  }
  ++chain_;
  if (qtype_ == type::kCname || qtype_ == type::kAny) {
    return Step::kDone;
  }
  return target_.assign(rdata) ? Step::kFollow : Step::kDone;
}

RecordRef Lookup::with_serial(const RecordRef& record, std::uint32_t zone) {
  constexpr std::size_t kSerialFromEnd = 20;
  const std::uint32_t serial =
      record.type == type::kSoa && signing_.serials != nullptr ? signing_.serials->get(zone) : 0;
  if (serial == 0) {
    return record;
  }
  std::memcpy(soa_.data(), record.rdata.data(), record.rdata.size());
  store32(soa_.data() + record.rdata.size() - kSerialFromEnd, serial);
  return {record.record, record.type, std::span(soa_).first(record.rdata.size())};
}

void Lookup::add_negative(Position position, std::uint32_t zone_index, std::uint32_t ttl_max,
                          const Node* node) {
  const Zone& zone = layout_.zones[zone_index];
  const Alternative& soa = layout_.alternatives[layout_.sets[zone.soa].first_alternative];
  const std::uint32_t ttl = std::min(zone.negative_ttl, ttl_max);
  const std::span<const std::uint8_t> apex = layout_.name_of(layout_.nodes[zone.apex]);
  rdatas_.clear();
  const bool fits = for_each_record(layout_.bytes_of(soa), [&](const RecordRef& rendered) {
    const RecordRef record = with_serial(rendered, zone_index);
    if (signing_.cache != nullptr) {
      rdatas_.push_back(record.rdata);
    }
    return response_.add_record(Section::kAuthority, apex, record, ttl);
  });
  outcome_.truncated = outcome_.truncated || !fits;
  if (zone_signing() != nullptr) {
    sign(Section::kAuthority, apex, type::kSoa, ttl);
    add_nsec(Section::kAuthority, position.name->suffix(0), ttl, node);
  }
}

// RFC 9824: the name itself, with the types that it has, and nothing up to the next possible name.
void Lookup::add_nsec(Section section, std::span<const std::uint8_t> owner, std::uint32_t ttl,
                      const Node* node) {
  std::vector<std::uint16_t> types;
  if (node != nullptr && qtype_ != type::kAny) {
    // At a cut, the zone above has no more than these (RFC 4035 section 2.3).
    const bool is_cut = node->cut == static_cast<std::uint32_t>(node - layout_.nodes.data());
    for (const Set& set : layout_.sets_of(*node)) {
      // What a policy withholds now is not there now; an alias of which this is true, too.
      const bool withheld = set.type == qtype_ || (set.type == type::kCname && set.policy != kNone);
      if (!withheld && (!is_cut || set.type == type::kNs || set.type == type::kDs)) {
        types.push_back(set.type);
      }
    }
  }
  types.push_back(type::kRrsig);
  types.push_back(type::kNsec);
  if (node == nullptr) {
    types.push_back(type::kNxName);
  }
  std::ranges::sort(types);
  const std::string nsec = make_nsec(owner, types);
  std::array<std::uint8_t, kRecordHeaderBytes> header{};
  store16(header.data() + 2, type::kNsec);
  store16(header.data() + 4, dns_class::kIn);
  const RecordRef record{header.data(), type::kNsec, as_bytes(nsec)};
  if (!response_.add_record(section, owner, record, ttl)) {
    outcome_.truncated = true;
    return;
  }
  rdatas_.assign(1, record.rdata);
  sign(section, owner, type::kNsec, ttl);
}

void Lookup::sign(Section section, std::span<const std::uint8_t> owner, std::uint16_t type,
                  std::uint32_t ttl) {
  const ZoneSigning* signing = zone_signing();
  if (signing == nullptr || outcome_.truncated) {
    return;
  }
  const std::vector<std::string> signatures =
      make_signatures(*signing, layout_.name_of(layout_.nodes[layout_.zones[zone_].apex]), owner,
                      type, ttl, rdatas_, signing_.now_seconds, *signing_.cache);
  outcome_.failed = outcome_.failed || signatures.empty();
  std::array<std::uint8_t, kRecordHeaderBytes> header{};
  store16(header.data() + 2, type::kRrsig);
  store16(header.data() + 4, dns_class::kIn);
  for (const std::string& signature : signatures) {
    const RecordRef record{header.data(), type::kRrsig, as_bytes(signature)};
    outcome_.truncated = outcome_.truncated || !response_.add_record(section, owner, record, ttl);
  }
}

// A referral: not authoritative, unless authoritative aliases led here.
void Lookup::refer(const Node& cut) {
  if (chain_ == 0) {
    outcome_.flags = 0;
  }
  const Set* set = layout_.find_set(cut, type::kNs);
  if (set == nullptr) {
    return;
  }
  if (!add_set(Section::kAuthority, layout_.name_of(cut), *set).fits) {
    outcome_.truncated = true;
    return;
  }
  if (zone_signing() != nullptr) {
    // Signed on, or the proof that it is not (RFC 4035 section 3.1.4).
    const std::span<const std::uint8_t> owner = layout_.name_of(cut);
    if (const Set* ds = layout_.find_set(cut, type::kDs); ds != nullptr) {
      const Added added = add_set(Section::kAuthority, owner, *ds);
      outcome_.truncated = outcome_.truncated || !added.fits;
      sign(Section::kAuthority, owner, type::kDs, added.ttl);
    } else {
      add_nsec(Section::kAuthority, owner, layout_.zones[zone_].negative_ttl, &cut);
    }
    if (outcome_.truncated) {
      return;
    }
  }
  add_glue(cut, *set);
}

// RFC 9471: a referral without the glue from below its own cut cannot be followed, so it goes first
// and is truncated if it does not fit. Other addresses may be left out.
void Lookup::add_glue(const Node& cut, const Set& set) {
  const Alternative& servers = layout_.alternatives[set.first_alternative];
  for (const bool below_cut : {true, false}) {
    const bool all_fit = for_each_record(layout_.bytes_of(servers), [&](const RecordRef& record) {
      return is_below(record.rdata, layout_.name_of(cut)) != below_cut ||
             add_addresses(record.rdata);
    });
    if (!all_fit) {
      outcome_.truncated = outcome_.truncated || below_cut;
      return;
    }
  }
}

void Lookup::add_additional(const Set& set) {
  if (set.policy != kNone) {
    return;
  }
  std::size_t names = 0;
  const Alternative& alternative = layout_.alternatives[set.first_alternative];
  for_each_record(layout_.bytes_of(alternative), [&](const RecordRef& record) {
    const std::span<const std::uint8_t> target = additional_target(record);
    return !target.empty() && names++ < kAdditionalNamesMax && add_addresses(target);
  });
}

// All addresses of a name that we hold, or none of a set that does not fit (then: false).
bool Lookup::add_addresses(std::span<const std::uint8_t> wire_name) {
  QueryName name;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  if (!name.assign(wire_name)) {
    return true;
  }
  const std::uint32_t found = find(name);
  if (found == kNone) {
    return true;
  }
  for (const std::uint16_t address_type : {type::kA, type::kAaaa}) {
    const Set* set = layout_.find_set(layout_.nodes[found], address_type);
    if (set == nullptr) {
      continue;
    }
    const Response::Mark mark = response_.mark();
    if (!add_set(Section::kAdditional, name.suffix(0), *set).fits) {
      response_.rewind(mark);
      return false;
    }
  }
  return true;
}

template <typename AddRecord>
Lookup::Added Lookup::add_chosen(const Set& set, const AddRecord& add_record) {
  Added added{0, set.ttl, true};
  rdatas_.clear();
  const auto add_alternative = [&](const Alternative& alternative) {
    added.records += alternative.records;
    last_added_ = &alternative;
    added.fits = added.fits &&
                 for_each_record(layout_.bytes_of(alternative), [&](const RecordRef& rendered) {
                   const RecordRef record = with_serial(rendered, zone_);
                   if (signing_.cache != nullptr) {
                     rdatas_.push_back(record.rdata);
                   }
                   return add_record(record, added.ttl);
                 });
  };
  if (set.policy == kNone) {
    add_alternative(layout_.alternatives[set.first_alternative]);
    return added;
  }
  const routing::Choice choice = choose(set);
  const std::uint32_t floor = layout_.policies.groups[set.policy].ttl_floor_seconds;
  // The records of one answer have one TTL (RFC 2181 section 5.2), the least of the members'.
  std::uint32_t ttl = choice.count == 0 ? set.ttl : std::numeric_limits<std::uint32_t>::max();
  for (std::uint32_t i = 0; i < choice.count; ++i) {
    ttl = std::min(ttl, layout_.ttl_of(layout_.alternatives[choice.leaves[i]], set.ttl));
  }
  added.ttl = routing::effective_ttl(ttl, choice.ttl_limit_seconds, floor);
  for (std::uint32_t i = 0; i < choice.count; ++i) {
    add_alternative(layout_.alternatives[choice.leaves[i]]);
  }
  return added;
}

Lookup::Added Lookup::add_set(Section section, Position owner, const Set& set) {
  if (!owner.is_question) {
    return add_set(section, owner.name->suffix(0), set);
  }
  return add_chosen(set, [&](const RecordRef& record, std::uint32_t ttl) {
    return response_.add_record_of_question(section, record, ttl);
  });
}

Lookup::Added Lookup::add_set(Section section, std::span<const std::uint8_t> owner,
                              const Set& set) {
  return add_chosen(set, [&](const RecordRef& record, std::uint32_t ttl) {
    return response_.add_record(section, owner, record, ttl);
  });
}

}  // namespace leeward::dns
