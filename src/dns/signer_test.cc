// SPDX-License-Identifier: Apache-2.0
//
// Signed answers as a validator sees them: ldns checks every signature at the time of the question.
#include "dns/signer.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <ldns/ldns.h>

#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/compile.h"
#include "dns/protocol.h"

namespace leeward::dns {
namespace {

constexpr std::uint32_t kNow = 1'800'000'000;
constexpr std::uint32_t kDay = 86'400;

SigningKey new_key(std::uint16_t flags = kSecureEntryPointFlag) {
  return *SigningKey::from_pem(*generate_signing_key(), flags);
}

// What ldns says of one message: for each owner and type whether its signatures hold.
class Verified {
 public:
  Verified(const std::vector<std::uint8_t>& message, const ZoneSigning& signing,
           std::uint32_t now) {
    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, message.data(), message.size()) != LDNS_STATUS_OK) {
      ADD_FAILURE() << "not a message";
      return;
    }
    ldns_rr_list* keys = ldns_rr_list_new();
    for (const ZoneKey& key : signing.keys) {
      ldns_rr_list_push_rr(keys, dnskey(key.key));
    }
    for (const ldns_pkt_section section : {LDNS_SECTION_ANSWER, LDNS_SECTION_AUTHORITY}) {
      ldns_rr_list* left = ldns_pkt_get_section_clone(packet, section);
      ldns_rr_list* signatures = take_signatures(left);
      verify(left, signatures, keys, now);
      ldns_rr_list_deep_free(signatures);
      ldns_rr_list_deep_free(left);
    }
    ldns_rr_list_deep_free(keys);
    ldns_pkt_free(packet);
  }

  std::set<std::string> good;  // "www.t. A"
  std::set<std::string> unsigned_;
  std::set<std::string> bogus;

 private:
  static ldns_rr* dnskey(const SigningKey& key) {
    ldns_rr* record = ldns_rr_new();
    ldns_rr_set_owner(record, ldns_dname_new_frm_str("t."));
    ldns_rr_set_type(record, LDNS_RR_TYPE_DNSKEY);
    ldns_rr_set_class(record, LDNS_RR_CLASS_IN);
    const std::string& rdata = key.dnskey_rdata();
    const auto field = [&](ldns_rdf_type type, std::size_t at, std::size_t size) {
      ldns_rr_push_rdf(record, ldns_rdf_new_frm_data(type, size, rdata.data() + at));
    };
    field(LDNS_RDF_TYPE_INT16, 0, 2);
    field(LDNS_RDF_TYPE_INT8, 2, 1);
    field(LDNS_RDF_TYPE_ALG, 3, 1);
    field(LDNS_RDF_TYPE_B64, 4, rdata.size() - 4);
    return record;
  }

  // Takes the RRSIGs out of the list.
  static ldns_rr_list* take_signatures(ldns_rr_list* list) {
    ldns_rr_list* signatures = ldns_rr_list_new();
    ldns_rr_list* others = ldns_rr_list_new();
    while (ldns_rr* record = ldns_rr_list_pop_rr(list)) {
      ldns_rr_list_push_rr(ldns_rr_get_type(record) == LDNS_RR_TYPE_RRSIG ? signatures : others,
                           record);
    }
    while (ldns_rr* record = ldns_rr_list_pop_rr(others)) {
      ldns_rr_list_push_rr(list, record);
    }
    ldns_rr_list_free(others);
    return signatures;
  }

  void verify(ldns_rr_list* left, const ldns_rr_list* signatures, const ldns_rr_list* keys,
              std::uint32_t now) {
    while (ldns_rr_list* set = ldns_rr_list_pop_rrset(left)) {
      const ldns_rr* first = ldns_rr_list_rr(set, 0);
      char* owner = ldns_rdf2str(ldns_rr_owner(first));
      char* type = ldns_rr_type2str(ldns_rr_get_type(first));
      std::string name(owner);  // of any letter case, as compression has it
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      name += std::string(" ") + type;
      free(owner);
      free(type);
      bool is_signed = false;
      bool is_good = true;
      for (std::size_t i = 0; i < ldns_rr_list_rr_count(signatures); ++i) {
        ldns_rr* signature = ldns_rr_list_rr(signatures, i);
        if (ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(signature)) != ldns_rr_get_type(first) ||
            ldns_rdf_compare(ldns_rr_owner(signature), ldns_rr_owner(first)) != 0) {
          continue;
        }
        is_signed = true;
        is_good = is_good &&
                  ldns_verify_rrsig_keylist_time(set, signature, keys, static_cast<time_t>(now),
                                                 nullptr) == LDNS_STATUS_OK;
      }
      (!is_signed ? unsigned_ : is_good ? good : bogus).insert(name);
      ldns_rr_list_deep_free(set);
    }
  }
};

struct World {
  explicit World(ZoneSigning zone = {.keys = {{new_key()}}}) : signing(std::move(zone)) {
    CompileInput input;
    input.zones.push_back(
        {"t.zone",
         "$TTL 300\n@ SOA Ns.X. h.x. 1 3600 600 604800 60\n@ NS ns.x.\n@ MX 10 Mail.Other.\n"
         "www A 192.0.2.2\nwww A 192.0.2.1\nwww TXT \"hello\"\nlong CNAME alias\nalias CNAME WWW\n"
         "*.wild A 192.0.2.3\nsub NS ns.sub\nsub DS 12345 13 2 "
         "0000000000000000000000000000000000000000000000000000000000000000\n"
         "ns.sub A 192.0.2.4\nplain NS ns.plain\nns.plain A 192.0.2.5\na.b.ent A 192.0.2.6\n"
         "old DNAME new\nx.new A 192.0.2.7\nsrv SRV 1 2 3 Target.X.\n"
         "ptr NAPTR 1 2 \"u\" \"E2U+sip\" \"!x!y!\" Foo.X.\n"});
    input.signing.emplace(*Name::parse("t"), signing);
    auto compiled = compile(input);
    if (!compiled) {
      ADD_FAILURE() << format_problem(compiled.error().front());
      return;
    }
    tables = *std::move(compiled);
  }

  std::vector<std::uint8_t> ask(const std::string& name, const std::string& type,
                                bool compact_ok = false, bool dnssec_ok = true,
                                Transport transport = Transport::kUdp) {
    QueryOptions options;
    options.dnssec_ok = dnssec_ok;
    std::vector<std::uint8_t> query = *build_query(name, type, options);
    if (compact_ok) {
      query[query.size() - 4] |= 0x40;
    }
    std::vector<std::uint8_t> out(kTcpBufferBytesMin);
    const HealthBoard board(0);
    const Context context{.tables = tables, .board = board, .signatures = &cache};
    out.resize(answer(
        context, {.bytes = query, .transport = transport, .random = 1, .now_seconds = now}, out));
    return out;
  }
  Verified verified(const std::string& name, const std::string& type) {
    return {ask(name, type), signing, now};
  }
  std::string nsec(const std::string& name, const std::string& type) {
    const auto response = *parse_response(ask(name, type));
    for (const ResponseRecord& record : response.authority) {
      if (record.type == "NSEC") {
        // ldns ends bitmaps with a space.
        return record.name + " " + record.data.substr(0, record.data.find_last_not_of(' ') + 1);
      }
    }
    return "";
  }

  ZoneSigning signing;
  Tables tables;
  SignatureCache cache;
  std::uint32_t now = kNow;
};

using Names = std::set<std::string>;

TEST(Signer, PositiveAnswersAreSigned) {
  World world;
  EXPECT_EQ(world.verified("www.t", "A").good, (Names{"www.t. A"}));
  EXPECT_EQ(world.verified("t", "SOA").good, (Names{"t. SOA"}));
  EXPECT_EQ(world.verified("t", "MX").good, (Names{"t. MX"}));
  EXPECT_EQ(world.verified("srv.t", "SRV").good, (Names{"srv.t. SRV"}));
  EXPECT_EQ(world.verified("ptr.t", "NAPTR").good, (Names{"ptr.t. NAPTR"}));
  EXPECT_EQ(world.verified("t", "DNSKEY").good, (Names{"t. DNSKEY"}));
  EXPECT_EQ(world.verified("WwW.T", "A").good, (Names{"www.t. A"}));
}

TEST(Signer, ChainsAreSignedLinkByLink) {
  World world;
  const Verified chain = world.verified("long.t", "A");
  EXPECT_EQ(chain.good, (Names{"long.t. CNAME", "alias.t. CNAME", "www.t. A"}));
  EXPECT_TRUE(chain.unsigned_.empty());
  // RFC 6672 section 5.3.1: the synthesised CNAME is not signed.
  const Verified renamed = world.verified("x.old.t", "A");
  EXPECT_EQ(renamed.good, (Names{"old.t. DNAME", "x.new.t. A"}));
  EXPECT_EQ(renamed.unsigned_, (Names{"x.old.t. CNAME"}));
}

TEST(Signer, AWildcardIsSignedAsTheNameItStandsFor) {
  World world;
  EXPECT_EQ(world.verified("any.wild.t", "A").good, (Names{"any.wild.t. A"}));
  EXPECT_EQ(world.verified("*.wild.t", "A").good, (Names{"*.wild.t. A"}));
  EXPECT_EQ(world.nsec("any.wild.t", "TXT"), "any.wild.t \\000.any.wild.t. A RRSIG NSEC");
}

TEST(Signer, NoData) {
  World world;
  EXPECT_EQ(world.verified("www.t", "AAAA").good, (Names{"t. SOA", "www.t. NSEC"}));
  EXPECT_EQ(world.nsec("www.t", "AAAA"), "www.t \\000.www.t. A TXT RRSIG NSEC");
  EXPECT_EQ(world.nsec("b.ent.t", "A"), "b.ent.t \\000.b.ent.t. RRSIG NSEC");
}

TEST(Signer, ANameThatIsNotThere) {
  World world;
  EXPECT_EQ(parse_response(world.ask("no.t", "A"))->rcode, 0);
  EXPECT_EQ(parse_response(world.ask("no.t", "A", true))->rcode, 3);
  EXPECT_EQ(parse_response(world.ask("no.t", "A", false, false))->rcode, 3);
  EXPECT_EQ(world.verified("no.t", "A").good, (Names{"t. SOA", "no.t. NSEC"}));
  EXPECT_EQ(world.nsec("no.t", "A"), "no.t \\000.no.t. RRSIG NSEC TYPE128");
  EXPECT_EQ(parse_response(world.ask("no.t", "TYPE128"))->rcode, 1);
}

TEST(Signer, Referrals) {
  World world;
  const Verified secure = world.verified("www.sub.t", "A");
  EXPECT_EQ(secure.good, (Names{"sub.t. DS"}));
  EXPECT_EQ(secure.unsigned_, (Names{"sub.t. NS"}));
  const Verified insecure = world.verified("www.plain.t", "A");
  EXPECT_EQ(insecure.good, (Names{"plain.t. NSEC"}));
  EXPECT_EQ(insecure.unsigned_, (Names{"plain.t. NS"}));
  EXPECT_EQ(world.nsec("www.plain.t", "A"), "plain.t \\000.plain.t. NS RRSIG NSEC");
  EXPECT_EQ(world.nsec("plain.t", "DS"), "plain.t \\000.plain.t. NS RRSIG NSEC");
  EXPECT_EQ(world.verified("sub.t", "DS").good, (Names{"sub.t. DS"}));
}

TEST(Signer, WithoutDoNothingIsSigned) {
  World world;
  for (const char* type : {"A", "AAAA"}) {
    const auto response = *parse_response(world.ask("www.t", type, false, false));
    for (const auto& records : {response.answers, response.authority}) {
      for (const ResponseRecord& record : records) {
        EXPECT_NE(record.type, "RRSIG");
        EXPECT_NE(record.type, "NSEC");
      }
    }
  }
  EXPECT_EQ(world.cache.made(), 0U);
}

TEST(Signer, ADaySharesItsSignatures) {
  World world;
  const auto first = world.ask("www.t", "A");
  EXPECT_EQ(world.ask("www.t", "A"), first);
  EXPECT_EQ(world.cache.made(), 1U);
  world.now = kNow - kNow % kDay + kDay;
  EXPECT_EQ(world.verified("www.t", "A").good, (Names{"www.t. A"}));
  EXPECT_EQ(world.cache.made(), 2U);
}

TEST(Signer, SignaturesHoldForDays) {
  World world;
  const auto response = world.ask("www.t", "A");
  EXPECT_FALSE(Verified(response, world.signing, kNow + 6 * kDay).good.empty());
  EXPECT_FALSE(Verified(response, world.signing, kNow - kDay).good.empty());
  EXPECT_FALSE(Verified(response, world.signing, kNow + 9 * kDay).bogus.empty());
}

TEST(Signer, KeysOfTwoRoles) {
  World world({.keys = {{new_key()}, {new_key(kZoneKeyFlag)}}});
  const auto tag_of = [&](const char* name, const char* type) {
    for (const ResponseRecord& record : parse_response(world.ask(name, type))->answers) {
      if (record.type == "RRSIG") {
        return record.data;
      }
    }
    return std::string();
  };
  const auto tag = [&](std::size_t i) {
    return " " + std::to_string(world.signing.keys[i].key.tag()) + " t. ";
  };
  EXPECT_NE(tag_of("t", "DNSKEY").find(tag(0)), std::string::npos);
  EXPECT_NE(tag_of("www.t", "A").find(tag(1)), std::string::npos);
}

TEST(Signer, OneKeyFollowsAnother) {
  const ZoneKey old_key{new_key()};
  const ZoneKey next{new_key()};
  const auto is_good = [](const ZoneSigning& signing) {
    World world(signing);
    const Verified keys = world.verified("t", "DNSKEY");
    const Verified answer = world.verified("www.t", "A");
    return keys.good.size() == 1 && keys.bogus.empty() && answer.good.size() == 1;
  };
  EXPECT_TRUE(is_good({.keys = {old_key}}));
  EXPECT_TRUE(is_good({.keys = {old_key, {next.key, false}}}));
  EXPECT_TRUE(is_good({.keys = {old_key, next}}));
  EXPECT_TRUE(is_good({.keys = {{old_key.key, false}, next}}));
  EXPECT_TRUE(is_good({.keys = {next}}));
}

TEST(Signer, AKeyThatIsNotActiveSignsNothing) {
  World world({.keys = {{new_key(), false}}});
  EXPECT_EQ(world.verified("www.t", "A").unsigned_, (Names{"www.t. A"}));
  EXPECT_EQ(world.tables.notes().size(), 1U);
}

TEST(Signer, DnssecRecordsOfTheTextAreReplaced) {
  CompileInput input;
  input.zones.push_back({"t.zone",
                         "$TTL 60\n@ SOA ns.x. h.x. 1 2 3 4 5\n@ NS ns.x.\n"
                         "@ DNSKEY 256 3 13 AAAA\nwww A 192.0.2.1\nwww NSEC t. A\n"});
  input.signing.emplace(*Name::parse("t"), ZoneSigning{.keys = {{new_key()}}});
  const auto tables = compile(input);
  ASSERT_TRUE(tables);
  const HealthBoard board(0);
  const auto keys = tables->lookup("t", board);
  EXPECT_EQ(std::ranges::count(keys, "DNSKEY", &RecordSetView::type), 1);
  EXPECT_EQ(tables->lookup("www.t", board).size(), 1U);
}

TEST(SignatureCache, ForgetsWhatIsNotAskedFor) {
  SignatureCache cache(4);
  const SigningKey key = new_key();
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(cache.sign(key, std::to_string(i)), nullptr);
    ASSERT_NE(cache.sign(key, "often"), nullptr);
    EXPECT_LE(cache.size(), 8U);
  }
  EXPECT_EQ(cache.made(), 101U);
}

TEST(Nsec, NamesOfFullLengthHaveASuccessor) {
  // 255 bytes: no label can be put before it.
  std::string name;
  for (int i = 0; i < 3; ++i) {
    name += std::string(1, '\x3f') + std::string(63, 'a');
  }
  name += std::string(1, '\x3d') + std::string(61, 'a') + '\0';
  ASSERT_EQ(name.size(), kNameBytesMax);
  const std::array<std::uint16_t, 1> types{1};
  const std::string nsec =
      make_nsec({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()}, types);
  EXPECT_EQ(nsec[0], '\x3f');
  EXPECT_EQ(nsec[63], 'b');
  EXPECT_EQ(nsec.substr(64), name.substr(64) + std::string("\0\1\x40", 3));
}

TEST(Nsec, Windows) {
  const std::array<std::uint8_t, 1> root{0};
  const std::array<std::uint16_t, 4> types{1, 46, 128, 257};
  const std::string nsec = make_nsec(root, types);
  EXPECT_EQ(nsec.substr(0, 3), std::string("\1\0\0", 3));
  EXPECT_EQ(nsec.substr(3, 2), std::string("\0\x11", 2));
  EXPECT_EQ(static_cast<std::uint8_t>(nsec[5 + 16]), 0x80);
  EXPECT_EQ(nsec.substr(5 + 17), std::string("\1\1\x40", 3));
}

}  // namespace
}  // namespace leeward::dns
