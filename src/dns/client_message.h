// SPDX-License-Identifier: Apache-2.0
//
// DNS from the client's side, for `leeward resolve`, drills and tests: builds a query, takes a
// response apart. The response is as hostile as any input: every length is checked, compression
// pointers only go backwards and are counted (RFC 1035 section 4.1.4 does not say so; loops do).
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace leeward::dns {

struct QueryOptions {
  std::uint16_t id = 0;  // random in real use: a response is matched by it
  bool recursion_desired = false;
  bool checking_disabled = false;
  bool edns = true;
  bool dnssec_ok = false;
  std::uint16_t udp_size = 1232;
  std::uint16_t query_class = 1;  // IN; 3 is CHAOS
  // EDNS Client Subnet (RFC 7871): as if asked on behalf of this IPv4 or IPv6 address. Needs edns.
  std::string client_address;
};

// Query bytes for `name` (presentation form, absolute whether or not it ends in a dot) and `type`
// ("A", "TYPE65", "ANY").
Result<std::vector<std::uint8_t>> build_query(std::string_view name, std::string_view type,
                                              const QueryOptions& options);

struct ResponseRecord {
  std::string name;  // no trailing dot but for the root
  std::uint32_t ttl_seconds = 0;
  std::string record_class;  // "IN", "CH", "CLASS7"
  std::string type;          // "A"
  std::string data;          // presentation form

  friend bool operator==(const ResponseRecord&, const ResponseRecord&) = default;
};

struct ResponseEdns {
  std::uint16_t udp_size = 0;
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  std::optional<int> client_subnet_scope;  // prefix length that the answer is valid for

  friend bool operator==(const ResponseEdns&, const ResponseEdns&) = default;
};

struct ParsedResponse {
  std::uint16_t id = 0;
  int opcode = 0;
  int rcode = 0;           // with EDNS's upper bits
  std::string rcode_text;  // "NXDOMAIN", "BADVERS", "RCODE77"
  bool is_response = false;
  bool authoritative = false;
  bool truncated = false;
  bool recursion_desired = false;
  bool recursion_available = false;
  bool authentic_data = false;
  bool checking_disabled = false;
  std::string question_name;  // letter case as it came; empty: no question
  std::string question_type;
  std::string question_class;
  std::vector<ResponseRecord> answers;
  std::vector<ResponseRecord> authority;
  std::vector<ResponseRecord> additional;  // without OPT
  std::optional<ResponseEdns> edns;

  friend bool operator==(const ParsedResponse&, const ParsedResponse&) = default;
};

// A whole DNS message (queries parse, too: is_response is false). Trailing bytes are an error.
Result<ParsedResponse> parse_response(std::span<const std::uint8_t> message);

}  // namespace leeward::dns
