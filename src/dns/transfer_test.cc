// SPDX-License-Identifier: Apache-2.0
//
// Contents, serials, differences and TSIG; the conversations with real secondaries are in
// tests/conformance/dns_transfer_test.py.
#include "dns/transfer.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dns/client_message.h"
#include "dns/compile.h"
#include "dns/protocol.h"
#include "dns/tsig.h"

namespace leeward::dns {
namespace {

constexpr std::uint32_t kNow = 1'800'000'000;
constexpr std::uint32_t kAhead = ZoneHistory::kAheadSecondsMax;

Tables zone_with(const std::string& records, std::uint32_t serial = 1) {
  CompileInput input;
  input.zones.push_back({"t.zone", "$TTL 60\n@ SOA ns.x. h.x. " + std::to_string(serial) +
                                       " 2 3 4 5\n@ NS ns.x.\n" + records});
  return *compile(input);
}

ZoneContent content_of(const Tables& tables) {
  return materialise(tables, HealthBoard(0), 0);
}

std::vector<std::uint16_t> types_of(const std::vector<const TransferRecord*>& records) {
  std::vector<std::uint16_t> types;
  for (const TransferRecord* record : records) {
    types.push_back(record->type);
  }
  return types;
}

using Update = ZoneHistory::Update;

TEST(ZoneHistory, TheSameContentKeepsItsSerial) {
  ZoneHistory history;
  EXPECT_EQ(history.update(content_of(zone_with("a A 192.0.2.1\n")), kNow), Update::kNew);
  EXPECT_EQ(history.serial(), kNow + kAhead);
  EXPECT_EQ(history.update(content_of(zone_with("a A 192.0.2.1\n")), kNow + 100), Update::kSame);
  EXPECT_EQ(history.serial(), kNow + kAhead);
}

TEST(ZoneHistory, SerialsNeverGetFarAheadOfTheClock) {
  ZoneHistory history;
  history.update(content_of(zone_with("a A 192.0.2.1\n")), kNow);
  EXPECT_EQ(history.update(content_of(zone_with("a A 192.0.2.2\n")), kNow), Update::kLater);
  EXPECT_EQ(history.serial(), kNow + kAhead);
  EXPECT_EQ(history.update(content_of(zone_with("a A 192.0.2.2\n")), kNow + 1), Update::kNew);
  EXPECT_EQ(history.serial(), kNow + kAhead + 1);
  // Later, a burst is allowed.
  for (std::uint32_t i = 1; i <= kAhead; ++i) {
    EXPECT_EQ(history.update(content_of(zone_with("a A 192.0.3." + std::to_string(i) + "\n")),
                             kNow + 1000),
              Update::kNew);
  }
  EXPECT_LE(history.serial(), kNow + 1000 + kAhead);
}

TEST(ZoneHistory, AZonesOwnSerialThatIsLaterStands) {
  const std::uint32_t own = 2'026'112'301;
  ZoneHistory history;
  history.update(content_of(zone_with("a A 192.0.2.1\n", own)), kNow);
  EXPECT_EQ(history.serial(), own);
  EXPECT_EQ(history.update(content_of(zone_with("a A 192.0.2.2\n", own)), kNow), Update::kNew);
  EXPECT_EQ(history.serial(), own + 1);
  EXPECT_EQ(history.update(content_of(zone_with("a A 192.0.2.2\n", own + 9)), kNow), Update::kNew);
  EXPECT_EQ(history.serial(), own + 9);
}

TEST(ZoneHistory, Differences) {
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += "n" + std::to_string(i) + " A 192.0.2.1\n";
  }
  ZoneHistory history;
  history.update(content_of(zone_with(many + "a A 192.0.2.1\n")), kNow);
  const std::uint32_t first = history.serial();
  history.update(content_of(zone_with(many + "a A 192.0.2.2\n")), kNow + 100);
  const std::uint32_t second = history.serial();
  history.update(content_of(zone_with(many + "a A 192.0.2.2\nb TXT x\n")), kNow + 200);
  using type::kA;
  using type::kSoa;
  using type::kTxt;
  EXPECT_EQ(types_of(history.transfer(first)),
            (std::vector{kSoa, kSoa, kA, kSoa, kA, kSoa, kSoa, kTxt, kSoa}));
  EXPECT_EQ(types_of(history.transfer(second)), (std::vector{kSoa, kSoa, kSoa, kTxt, kSoa}));
  EXPECT_EQ(types_of(history.transfer(history.serial())), (std::vector{kSoa}));
  const std::size_t whole = 2 + 1 + 20 + 2;  // two SOA, NS
  EXPECT_EQ(history.transfer(std::nullopt).size(), whole);
  EXPECT_EQ(history.transfer(first - 5).size(), whole) << "not known any more: all of it";
}

TEST(ZoneHistory, IsBounded) {
  ZoneHistory history;
  for (std::uint32_t i = 0; i < 200; ++i) {
    history.update(content_of(zone_with("a A 192.0.2." + std::to_string(i) + "\n")),
                   kNow + i * 100);
  }
  EXPECT_EQ(history.transfer(kNow + kAhead).size(), 4U) << "SOA NS A SOA";
}

TEST(Transfer, RequestsAreTakenApart) {
  const auto axfr = parse_transfer_request(*build_query("T", "AXFR", {}));
  ASSERT_TRUE(axfr);
  EXPECT_EQ(axfr->zone.text(), "t");
  EXPECT_FALSE(axfr->incremental);
  EXPECT_FALSE(parse_transfer_request(*build_query("t", "A", {})));
  EXPECT_FALSE(parse_transfer_request(*build_query("t", "IXFR", {}))) << "no serial";
  std::vector<std::uint8_t> bytes = *build_query("t", "AXFR", {});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::uint8_t> cut(bytes.begin(),
                                        bytes.begin() + static_cast<std::ptrdiff_t>(size));
    (void)parse_transfer_request(cut);
    EXPECT_FALSE(find_tsig(cut));
  }
}

TEST(Transfer, LargeZonesTakeSeveralMessages) {
  std::string many;
  for (int i = 0; i < 200; ++i) {
    many += "n" + std::to_string(i) + " TXT " + std::string(200, 'x') + "\n";
  }
  ZoneHistory history;
  history.update(content_of(zone_with(many)), kNow);
  const auto request = *parse_transfer_request(*build_query("t", "AXFR", {}));
  const auto records = history.transfer(std::nullopt);
  const auto messages = transfer_messages(request, records);
  EXPECT_GT(messages.size(), 2U);
  std::size_t answers = 0;
  for (const auto& message : messages) {
    EXPECT_LE(message.size(), 16'384U);
    const auto parsed = parse_response(message);
    ASSERT_TRUE(parsed);
    answers += parsed->answers.size();
  }
  EXPECT_EQ(answers, records.size());
}

TEST(Transfer, ContentsAreInOrder) {
  const Tables tables = zone_with("a A 192.0.2.1\na A 192.0.2.2\n");
  EXPECT_EQ(content_of(tables), content_of(tables));
  EXPECT_EQ(content_of(tables).records.size(), 3U);
  EXPECT_TRUE(std::ranges::is_sorted(content_of(tables).records));
}

TsigSecret secret(const std::string& name, TsigHash hash = TsigHash::kSha256) {
  return {*Name::parse(name), hash,
          *decode_tsig_secret("8pJbV1dFbU0Zk1gm2XoQ1Vb3m5c2vS0x1mXo3yq6n2s=")};
}

TEST(Tsig, SignsAndVerifies) {
  for (const TsigHash hash : {TsigHash::kSha256, TsigHash::kSha512}) {
    const TsigSecret key = secret("k", hash);
    std::vector<std::uint8_t> message = *build_query("t", "AXFR", {});
    EXPECT_FALSE(find_tsig(message));
    TsigSigner(key, {}).sign(message, kNow);
    const auto record = find_tsig(message);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->name.text(), "k");
    EXPECT_EQ(verify_tsig(message, *record, key, kNow), TsigError::kNone);
    EXPECT_EQ(verify_tsig(message, *record, key, kNow + 300), TsigError::kNone);
    EXPECT_EQ(verify_tsig(message, *record, key, kNow + 301), TsigError::kBadTime);
    EXPECT_EQ(verify_tsig(message, *record, key, kNow - 301), TsigError::kBadTime);
    EXPECT_EQ(verify_tsig(message, *record, secret("other", hash), kNow), TsigError::kBadKey);
    // A forwarder may have changed the id: the original one counts.
    message[0] ^= 0xFF;
    EXPECT_EQ(verify_tsig(message, *find_tsig(message), key, kNow), TsigError::kNone);
  }
}

TEST(Tsig, NoBitMayChange) {
  const TsigSecret key = secret("k");
  std::vector<std::uint8_t> message = *build_query("t", "AXFR", {});
  TsigSigner(key, {}).sign(message, kNow);
  for (std::size_t i = 2; i < message.size(); ++i) {  // after the id
    std::vector<std::uint8_t> changed = message;
    changed[i] ^= 1;
    const auto record = find_tsig(changed);
    // Of its TSIG record, what is not signed: TTL and the sizes that make it another message.
    if (record && record->original_id == load16(changed.data())) {
      const std::size_t ttl_at = record->begin + key.name.wire().size() + 4;
      EXPECT_EQ(verify_tsig(changed, *record, key, kNow) == TsigError::kNone,
                i >= ttl_at && i < ttl_at + 4)
          << i;
    }
  }
  EXPECT_FALSE(decode_tsig_secret("not base64"));
  EXPECT_FALSE(decode_tsig_secret(""));
}

}  // namespace
}  // namespace leeward::dns
