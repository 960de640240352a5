// SPDX-License-Identifier: Apache-2.0
//
// EDNS(0) options, byte by byte.
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/compile.h"
#include "dns/protocol.h"

namespace leeward::dns {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A query for www.t A whose OPT has these options.
Bytes query_with(const Bytes& options) {
  Bytes query = *build_query("www.t", "A", {});
  const std::size_t length_at = query.size() - 2;
  store16(query.data() + length_at, static_cast<std::uint16_t>(options.size()));
  query.insert(query.end(), options.begin(), options.end());
  return query;
}

struct World {
  World() {
    CompileInput input;
    input.zones.push_back(
        {"t.zone", "$TTL 60\n@ SOA ns.x. h.x. 1 2 3 4 5\n@ NS ns.x.\nwww A 192.0.2.1\n"});
    tables = *compile(input);
  }
  Bytes ask(const Bytes& options) {
    const Bytes query = query_with(options);
    Bytes out(kUdpBufferBytesMin);
    Query asked{.bytes = query, .transport = Transport::kUdp, .random = 1};
    asked.client = *routing::parse_network("198.51.100.100");
    asked.now_seconds = 1'559'731'985;
    facts = {};
    const Context context{.tables = tables,
                          .board = board,
                          .locator = nullptr,
                          .client_subnet = client_subnet,
                          .nsid = nsid,
                          .cookie_secret = cookies ? &secret : nullptr};
    out.resize(answer(context, asked, out, &facts));
    return out;
  }
  int rcode(const Bytes& options) { return parse_response(ask(options))->rcode; }
  // The options of the answer's OPT, which comes last.
  Bytes options_of(const Bytes& options) {
    const Bytes answer = ask(options);
    for (std::size_t at = answer.size(); at >= 11; --at) {
      const std::uint8_t* opt = answer.data() + at - 11;
      if (opt[0] == 0 && load16(opt + 1) == type::kOpt && at + load16(opt + 9) == answer.size()) {
        return {answer.begin() + static_cast<std::ptrdiff_t>(at), answer.end()};
      }
    }
    ADD_FAILURE() << "no OPT";
    return {};
  }

  Tables tables;
  HealthBoard board{0};
  bool client_subnet = true;
  bool cookies = true;
  std::string nsid;
  CookieSecret secret{0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
                      0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf};
  AnswerFacts facts;
};

TEST(Edns, ClientSubnetIsEchoedWithTheScopeOfTheAnswer) {
  World world;
  EXPECT_EQ(world.options_of({0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2}),
            (Bytes{0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2}));
  EXPECT_EQ(world.options_of({0, 8, 0, 4, 0, 2, 0, 0}), (Bytes{0, 8, 0, 4, 0, 2, 0, 0}));
  world.client_subnet = false;
  EXPECT_TRUE(world.options_of({0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2}).empty());
}

TEST(Edns, AMalformedClientSubnetIsFormErr) {
  World world;
  const Bytes bad[] = {
      {0, 8, 0, 3, 0, 1, 24},                           // no scope
      {0, 8, 0, 8, 0, 1, 24, 0, 192, 0, 2, 1},          // a byte too many
      {0, 8, 0, 6, 0, 1, 24, 0, 192, 0},                // one too few
      {0, 8, 0, 9, 0, 1, 33, 0, 192, 0, 2, 1, 0},       // more bits than there are
      {0, 8, 0, 7, 0, 1, 23, 0, 192, 0, 3},             // a bit beyond the prefix
      {0, 8, 0, 7, 0, 1, 24, 24, 192, 0, 2},            // a scope from a client
      {0, 8, 0, 4, 0, 1, 0, 0, 0, 8, 0, 4, 0, 1, 0, 0}  // twice
  };
  for (const Bytes& options : bad) {
    EXPECT_EQ(world.rcode(options), 1) << options.size();
  }
  EXPECT_EQ(world.rcode({0, 8, 0, 5, 0, 9, 8, 0, 1}), 0) << "a family that is not known";
}

TEST(Edns, ACookieIsAnsweredWithOurs) {
  World world;
  const Bytes client{0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57};
  Bytes option{0, 10, 0, 8};
  option.insert(option.end(), client.begin(), client.end());
  const Bytes first = world.options_of(option);
  EXPECT_FALSE(world.facts.has_good_cookie);
  // RFC 9018 appendix A.1.
  const Bytes server{0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7, 0x9f, 0x11,
                     0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80};
  Bytes expected{0, 10, 0, 24};
  expected.insert(expected.end(), client.begin(), client.end());
  expected.insert(expected.end(), server.begin(), server.end());
  EXPECT_EQ(first, expected);
  world.ask(expected);
  EXPECT_TRUE(world.facts.has_good_cookie);
  world.cookies = false;
  EXPECT_TRUE(world.options_of(option).empty());
}

TEST(Edns, AMalformedCookieIsFormErr) {
  World world;
  for (const std::size_t size : {0U, 7U, 9U, 15U, 41U}) {
    Bytes option{0, 10, 0, static_cast<std::uint8_t>(size)};
    option.resize(4 + size);
    EXPECT_EQ(world.rcode(option), 1) << size;
  }
  Bytes option{0, 10, 0, 16};
  option.resize(20);
  EXPECT_EQ(world.rcode(option), 0) << "somebody else's server cookie";
}

TEST(Edns, NsidIsSaidWhereItIsConfigured) {
  World world;
  EXPECT_TRUE(world.options_of({0, 3, 0, 0}).empty());
  world.nsid = "gra-1";
  EXPECT_EQ(world.options_of({0, 3, 0, 0}), (Bytes{0, 3, 0, 5, 'g', 'r', 'a', '-', '1'}));
  EXPECT_TRUE(world.options_of({}).empty());
}

TEST(Edns, UnknownOptionsAreIgnoredAndLengthsChecked) {
  World world;
  EXPECT_EQ(world.rcode({0xFF, 0xFF, 0, 2, 1, 2}), 0);
  EXPECT_EQ(world.rcode({0xFF, 0xFF, 0, 3, 1, 2}), 1);
  EXPECT_EQ(world.rcode({0xFF}), 1);
}

}  // namespace
}  // namespace leeward::dns
