// SPDX-License-Identifier: Apache-2.0
//
// The walk through the tables for everything that is not one plain copy: policies, wildcards,
// aliases, delegations, negative answers, additional records. RFC 1034 section 4.3.2 as clarified
// by RFC 4592 and RFC 6672. Internal to answer().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dns/layout.h"
#include "dns/query.h"
#include "dns/response.h"
#include "dns/signer.h"
#include "dns/transfer.h"
#include "model/health_board.h"

namespace leeward::dns {

// What answers have that is not in the tables: signatures (none without a cache), serials.
struct Signing {
  SignatureCache* cache = nullptr;
  std::uint32_t now_seconds = 0;
  const Serials* serials = nullptr;
};

struct Outcome {
  Rcode rcode = Rcode::kNoError;
  std::uint16_t flags = 0;
  bool truncated = false;
  bool failed = false;  // a signature could not be made
  // How many bits of the client's network the answer depends on (RFC 7871 SCOPE PREFIX-LENGTH); 0:
  // it is the same for everybody.
  std::uint8_t scope_bits = 0;
};

class Lookup {
 public:
  Lookup(const Layout& layout, const HealthBoard& board, routing::Client client,
         std::uint64_t random, Response& response, Signing signing = {})
      : layout_(layout),
        board_(board),
        client_(client),
        random_(random),
        response_(response),
        signing_(signing) {}

  // `exact` is the node of the question's name, or kNone.
  Outcome run(const ParsedQuery& query, std::uint32_t exact);

 private:
  // CNAME and DNAME steps in one answer; a longer chain is left to the resolver, which asks on.
  static constexpr std::size_t kChainMax = 8;
  // Names whose addresses are looked up for the additional section.
  static constexpr std::size_t kAdditionalNamesMax = 16;

  enum class Step : std::uint8_t { kDone, kFollow };

  // The name being looked up: the question's at first, then the target of an alias.
  struct Position {
    const QueryName* name;
    bool is_question;
  };

  Step step(Position position, std::uint32_t exact);
  Step answer_at(Position position, const Node& node);
  Step follow_cname(Position position, const Node& node, const Set& set);
  Step follow_dname(Position position, const Node& node, std::size_t label);
  Step no_such_name(Position position, std::uint32_t encloser, std::size_t label);
  void answer_set(Position position, const Node& node, const Set& set);
  void refer(const Node& cut);
  void add_glue(const Node& cut, const Set& set);
  // `node`: what there is at the name; null: nothing, it does not exist.
  void add_negative(Position position, std::uint32_t zone, std::uint32_t ttl_max, const Node* node);
  void add_nsec(Section section, std::span<const std::uint8_t> owner, std::uint32_t ttl,
                const Node* node);
  // Signatures for the set that was added last, whose rdata are in rdatas_.
  void sign(Section section, std::span<const std::uint8_t> owner, std::uint16_t type,
            std::uint32_t ttl);
  // Of the zone that is being answered from; null: no signatures are wanted, or it has none.
  [[nodiscard]] const ZoneSigning* zone_signing() const {
    return signing_.cache == nullptr || layout_.zones[zone_].signing == kNone
               ? nullptr
               : &layout_.signings[layout_.zones[zone_].signing];
  }
  void add_additional(const Set& set);
  bool add_addresses(std::span<const std::uint8_t> wire_name);

  struct Added {
    std::size_t records = 0;
    std::uint32_t ttl = 0;
    bool fits = true;
  };
  // The members that the policy chooses now.
  Added add_set(Section section, Position owner, const Set& set);
  Added add_set(Section section, std::span<const std::uint8_t> owner, const Set& set);
  template <typename AddRecord>
  Added add_chosen(const Set& set, const AddRecord& add_record);

  [[nodiscard]] std::uint32_t find(const QueryName& name) const {
    return layout_.find(name.hash[0], name.suffix(0));
  }
  [[nodiscard]] const Set* first_set_with_records(const Node& node);
  // What the policy chooses for this client; the answer depends on it from now on.
  routing::Choice choose(const Set& set);
  [[nodiscard]] std::uint32_t wildcard_below(const QueryName& name, std::size_t label) const;
  // An SOA record with the serial that its zone has now.
  RecordRef with_serial(const RecordRef& record, std::uint32_t zone);
  bool is_revisited(const QueryName& name);

  const Layout& layout_;
  const HealthBoard& board_;
  routing::Client client_;
  std::uint64_t random_;
  Response& response_;
  Signing signing_;
  bool compact_ok_ = false;
  std::uint32_t zone_ = 0;
  std::vector<Rdata> rdatas_;  // of the set added last, where they are to be signed
  Outcome outcome_;
  std::uint16_t qtype_ = 0;
  const Alternative* last_added_ = nullptr;
  std::size_t chain_ = 0;
  std::array<std::uint64_t, kChainMax> visited_{};        // hashes of the names before the last
  std::array<std::uint8_t, 2 * kNameBytesMax + 20> soa_;  // NOLINT the rdata of with_serial
  QueryName target_;  // NOLINT(cppcoreguidelines-pro-type-member-init) of the last alias
};

}  // namespace leeward::dns
