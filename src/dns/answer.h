// SPDX-License-Identifier: Apache-2.0
//
// The authoritative server as one pure function: query bytes in, response bytes out.
//
// Behaviour: RFC 1034/1035/2181 (lookup, AA, RRsets), 2308 (negative answers), 4592 (wildcards),
// 6672 (DNAME), 6891 (EDNS(0)), 8482 (minimal ANY), 9471 (glue and truncation).
//   - a response (QR=1) or a packet shorter than a header: nothing is sent
//   - opcode other than QUERY: NOTIMP, header only; other than one question, a compressed, overlong
//     or cut-off question name, trailing bytes, two OPT records: FORMERR
//   - EDNS version other than 0: BADVERS; no OPT asked, none answered; options: Client Subnet
//     (RFC 7871), COOKIE (RFC 7873, 9018), NSID (RFC 5001); malformed ones are FORMERR, others are
//     ignored
//   - DO=1 and a signed zone: signatures, and denials of existence in the compact form (RFC 9824):
//     a name that is not there is NOERROR, or NXDOMAIN if the client sets CO
//   - names outside the zones, classes other than IN, AXFR and IXFR: REFUSED
//   - a response that does not fit (512 without EDNS, else at most 1232 on UDP) carries TC=1 and no
//     records, never a part of an RRset
//   - the question is echoed as it came, letter case included (0x20)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dns/client.h"
#include "dns/cookie.h"
#include "dns/signer.h"
#include "dns/tables.h"
#include "dns/transfer.h"
#include "model/health_board.h"
#include "routing/location.h"

namespace leeward::dns {

enum class Transport : std::uint8_t { kUdp, kTcp };

struct Query {
  std::span<const std::uint8_t> bytes;  // the message; on TCP without its length prefix
  Transport transport = Transport::kUdp;
  std::uint64_t random = 0;       // fresh per query; decides among equals (multivalue)
  ClientNetwork client{};         // the resolver's address; family 0: not known
  std::uint32_t now_seconds = 0;  // since 1970, for cookies and signatures
};

// What answers depend on besides the query. All of it must outlive the call.
struct Context {
  const Tables& tables;
  const HealthBoard& board;                   // of the layout that `tables` was compiled with
  const routing::Locator* locator = nullptr;  // where clients are; null: not known
  bool client_subnet = true;                  // go by EDNS Client Subnet
  std::string_view nsid{};                    // empty: not said
  // DNS cookies; the second is accepted, too, while the first replaces it. Null: none are given.
  const CookieSecret* cookie_secret = nullptr;
  const CookieSecret* previous_cookie_secret = nullptr;
  // Of the calling thread. Null: answers of signed zones go out without signatures.
  SignatureCache* signatures = nullptr;
  // Of these tables' zones. Null: their own.
  const Serials* serials = nullptr;
};

// What the server may want to know about an answer.
struct AnswerFacts {
  bool has_good_cookie = false;  // the client's address is not forged
  bool has_tsig = false;         // the query is signed (RFC 8945); the answer is not yet
};

inline constexpr std::size_t kUdpResponseBytesMax = 1232;  // fits an IPv6 path of 1280
inline constexpr std::size_t kUdpBufferBytesMin = 4096;    // of `out`
inline constexpr std::size_t kTcpBufferBytesMin = 65'535;  // of `out`
inline constexpr std::size_t kResponseBytesPlain = 512;    // UDP without EDNS (RFC 1035)

// Writes the response into `out` (at least kTcpBufferBytesMin for TCP, kUdpBufferBytesMin for UDP)
// and returns its length; 0: send nothing. `out` and `query.bytes` must not overlap.
//
// No allocation, lock, system call or exception, but for the signatures that DO=1 asks for. Any
// number of threads at once.
std::size_t answer(const Context& context, const Query& query, std::span<std::uint8_t> out,
                   AnswerFacts* facts = nullptr) noexcept;
inline std::size_t answer(const Tables& tables, const HealthBoard& board, const Query& query,
                          std::span<std::uint8_t> out) noexcept {
  return answer(Context{.tables = tables, .board = board}, query, out);
}

}  // namespace leeward::dns
