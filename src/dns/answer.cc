// SPDX-License-Identifier: Apache-2.0
#include "dns/answer.h"

#include <algorithm>
#include <cstring>

#include "dns/layout.h"
#include "dns/lookup.h"
#include "dns/query.h"
#include "dns/response.h"

namespace leeward::dns {
namespace {

using Fault = ParsedQuery::Fault;

constexpr std::size_t kOptBytes = 11;
// RFC 6891: of the query's flags, only these come back.
constexpr std::uint16_t kEchoedFlags = flag::kRecursionDesired | flag::kCheckingDisabled;

// Header and OPT of one response, around whatever `Response` or a copy put between them.
class Envelope {
 public:
  Envelope(const Context& context, const Query& query, const ParsedQuery& parsed,
           std::span<std::uint8_t> out)
      : context_(context), query_(query), parsed_(parsed), out_(out) {}

  // Where records must end: the OPT still has to fit.
  [[nodiscard]] std::size_t limit() const {
    std::size_t limit = kTcpBufferBytesMin;
    if (query_.transport == Transport::kUdp) {
      limit = parsed_.has_edns ? std::clamp<std::size_t>(parsed_.edns_size, kResponseBytesPlain,
                                                         kUdpResponseBytesMax)
                               : kResponseBytesPlain;
    }
    return std::min(limit, out_.size()) - opt_bytes();
  }

  std::size_t header_only(Rcode rcode) {
    write_header(rcode, 0, 0);
    std::memset(out_.data() + 6, 0, 6);
    return kHeaderBytes;
  }

  void copy_question() {
    std::memcpy(out_.data() + kHeaderBytes, query_.bytes.data() + kHeaderBytes,
                parsed_.question_end - kHeaderBytes);
  }

  // What the answer depended on of the client's network.
  void set_scope(std::uint8_t scope_bits) { scope_bits_ = scope_bits; }

  // REQUIRES: the question was copied, records end at `end` <= limit().
  std::size_t finish(Rcode rcode, std::uint16_t extra_flags, std::array<std::uint16_t, 3> counts,
                     std::size_t end) {
    write_header(rcode, extra_flags, 1);
    if (parsed_.has_edns) {
      end += write_opt(out_.data() + end, rcode);
      ++counts[2];
    }
    store16(out_.data() + 6, counts[0]);
    store16(out_.data() + 8, counts[1]);
    store16(out_.data() + 10, counts[2]);
    return end;
  }

  std::size_t without_records(Rcode rcode, std::uint16_t extra_flags = 0) {
    copy_question();
    return finish(rcode, extra_flags, {}, parsed_.question_end);
  }

 private:
  void write_header(Rcode rcode, std::uint16_t extra_flags, std::uint16_t questions) {
    store16(out_.data(), parsed_.id);
    const std::uint16_t opcode_and_echo =
        parsed_.flags & static_cast<std::uint16_t>(flag::kOpcodeMask | kEchoedFlags);
    store16(out_.data() + 2,
            static_cast<std::uint16_t>(flag::kResponse | opcode_and_echo | extra_flags |
                                       (static_cast<std::uint16_t>(rcode) & 0xF)));
    store16(out_.data() + 4, questions);
  }

  [[nodiscard]] std::size_t client_subnet_bytes() const {
    return parsed_.has_client_subnet && context_.client_subnet
               ? 8 + (parsed_.client_subnet.prefix_bits + 7U) / 8U
               : 0;
  }
  [[nodiscard]] bool gives_cookie() const {
    return parsed_.has_cookie && context_.cookie_secret != nullptr && query_.client.family != 0;
  }
  [[nodiscard]] std::size_t nsid_bytes() const {
    return parsed_.wants_nsid && !context_.nsid.empty() ? 4 + context_.nsid.size() : 0;
  }
  [[nodiscard]] std::size_t opt_bytes() const {
    if (!parsed_.has_edns) {
      return 0;
    }
    return kOptBytes + client_subnet_bytes() + nsid_bytes() +
           (gives_cookie() ? kCookieOptionBytes : 0);
  }

  [[nodiscard]] std::size_t write_opt(std::uint8_t* const begin, Rcode rcode) const {
    begin[0] = 0;
    store16(begin + 1, type::kOpt);
    store16(begin + 3, kUdpResponseBytesMax);
    begin[5] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(rcode) >> 4);
    begin[6] = 0;  // version
    store16(begin + 7, parsed_.dnssec_ok ? 0x8000 : 0);
    store16(begin + 9, static_cast<std::uint16_t>(opt_bytes() - kOptBytes));
    std::uint8_t* at = begin + kOptBytes;
    if (nsid_bytes() > 0) {
      store16(at, option::kNsid);
      store16(at + 2, static_cast<std::uint16_t>(context_.nsid.size()));
      std::memcpy(at + 4, context_.nsid.data(), context_.nsid.size());
      at += nsid_bytes();
    }
    if (const std::size_t bytes = client_subnet_bytes(); bytes > 0) {
      const ClientNetwork& network = parsed_.client_subnet;
      store16(at, option::kClientSubnet);
      store16(at + 2, static_cast<std::uint16_t>(bytes - 4));
      store16(at + 4, network.family == 4 ? 1 : 2);
      at[6] = network.prefix_bits;
      at[7] = network.prefix_bits == 0 ? std::uint8_t{0} : scope_bits_;
      std::memcpy(at + 8, network.address.data(), bytes - 8);
      at += bytes;
    }
    if (gives_cookie()) {
      write_cookie(at);
    }
    return opt_bytes();
  }

  void write_cookie(std::uint8_t* at) const {
    store16(at, option::kCookie);
    store16(at + 2, kCookieOptionBytes - 4);
    std::memcpy(at + 4, parsed_.client_cookie.data(), kClientCookieBytes);
    const ServerCookie cookie = make_server_cookie(parsed_.client_cookie, query_.client,
                                                   query_.now_seconds, *context_.cookie_secret);
    std::memcpy(at + 4 + kClientCookieBytes, cookie.data(), cookie.size());
  }

  static constexpr std::size_t kCookieOptionBytes = 4 + kClientCookieBytes + kServerCookieBytes;

  const Context& context_;
  const Query& query_;
  const ParsedQuery& parsed_;
  std::span<std::uint8_t> out_;
  std::uint8_t scope_bits_ = 0;
};

// version.bind and version.server, class CHAOS.
std::size_t answer_chaos(const Layout& layout, const ParsedQuery& parsed, Envelope& envelope,
                         std::span<std::uint8_t> out) {
  constexpr std::string_view kBind("\7version\4bind\0", 14);
  constexpr std::string_view kServer("\7version\6server\0", 16);
  const std::string_view name(reinterpret_cast<const char*>(parsed.name.bytes.data()),
                              parsed.name.size);
  if (layout.version.empty() || (name != kBind && name != kServer)) {
    return envelope.without_records(Rcode::kRefused);
  }
  if (parsed.qtype != type::kTxt && parsed.qtype != type::kAny) {
    return envelope.without_records(Rcode::kNoError, flag::kAuthoritative);
  }
  envelope.copy_question();
  Response response(out, parsed.question_end, envelope.limit());
  std::array<std::uint8_t, 12> fixed{};
  store16(fixed.data() + 2, type::kTxt);
  store16(fixed.data() + 4, dns_class::kChaos);
  if (!response.add_record_of_question(Section::kAnswer, {fixed.data(), type::kTxt, layout.version},
                                       0)) {
    return envelope.without_records(Rcode::kNoError, flag::kTruncated);
  }
  return envelope.finish(Rcode::kNoError, flag::kAuthoritative, response.counts(), response.size());
}

// What is refused before any zone is looked at.
Rcode screen(const ParsedQuery& parsed) {
  if (parsed.has_edns && parsed.edns_version != 0) {
    return Rcode::kBadVers;
  }
  if (parsed.qclass == dns_class::kChaos) {
    return Rcode::kNoError;
  }
  if (parsed.qclass != dns_class::kIn) {
    return Rcode::kRefused;
  }
  if (parsed.qtype == type::kOpt) {
    return Rcode::kFormErr;
  }
  if (parsed.qtype == type::kNxName) {
    return Rcode::kFormErr;  // RFC 9824 section 3.4
  }
  if (parsed.qtype >= type::kMetaFirst && parsed.qtype < type::kMetaLast) {
    const bool transfer = parsed.qtype == type::kAxfr || parsed.qtype == type::kIxfr;
    return transfer ? Rcode::kRefused : Rcode::kNotImp;
  }
  return Rcode::kNoError;
}

bool has_good_cookie(const Context& context, const Query& query, const ParsedQuery& parsed) {
  for (const CookieSecret* secret : {context.cookie_secret, context.previous_cookie_secret}) {
    if (secret != nullptr && is_server_cookie(parsed.server_cookie, parsed.client_cookie,
                                              query.client, query.now_seconds, *secret)) {
      return true;
    }
  }
  return false;
}

// By whom the answer is located: the network that the resolver names, else the resolver itself.
routing::Client client_of(const Context& context, const Query& query, const ParsedQuery& parsed) {
  const bool named =
      parsed.has_client_subnet && context.client_subnet && parsed.client_subnet.prefix_bits > 0;
  return {named ? parsed.client_subnet : query.client, context.locator};
}

}  // namespace

std::size_t answer(const Context& context, const Query& query, std::span<std::uint8_t> out,
                   AnswerFacts* facts) noexcept {
  ParsedQuery parsed;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  parse_query(query.bytes, parsed);
  if (facts != nullptr) {
    facts->has_good_cookie = parsed.has_cookie && has_good_cookie(context, query, parsed);
    facts->has_tsig = parsed.has_tsig;
  }
  Envelope envelope(context, query, parsed, out);
  switch (parsed.fault) {
    case Fault::kNone:
      break;
    case Fault::kDrop:
      return 0;
    case Fault::kHeaderOnlyFormErr:
      return envelope.header_only(Rcode::kFormErr);
    case Fault::kHeaderOnlyNotImp:
      return envelope.header_only(Rcode::kNotImp);
    case Fault::kFormErr:
      return envelope.without_records(Rcode::kFormErr);
  }
  if (const Rcode rcode = screen(parsed); rcode != Rcode::kNoError) {
    return envelope.without_records(rcode);
  }
  const Layout& layout = context.tables.layout();
  if (parsed.qclass == dns_class::kChaos) {
    return answer_chaos(layout, parsed, envelope, out);
  }

  const std::uint32_t exact = layout.find(parsed.name.hash[0], parsed.name.suffix(0));
  envelope.copy_question();
  const Signing signing{parsed.dnssec_ok ? context.signatures : nullptr, query.now_seconds,
                        context.serials};
  const bool has_own_serial = context.serials != nullptr && parsed.qtype == type::kSoa;
  if (exact != kNone && layout.nodes[exact].cut == kNone && !has_own_serial &&
      (signing.cache == nullptr || layout.zones[layout.nodes[exact].zone].signing == kNone)) {
    const Set* set = layout.find_set(layout.nodes[exact], parsed.qtype);
    if (set != nullptr && set->plain.size != 0) {
      const Alternative& alternative = set->plain;
      if (alternative.size <= envelope.limit() - parsed.question_end) {
        std::memcpy(out.data() + parsed.question_end, layout.bytes.data() + alternative.offset,
                    alternative.size);
        return envelope.finish(Rcode::kNoError, flag::kAuthoritative,
                               {static_cast<std::uint16_t>(alternative.records), 0, 0},
                               parsed.question_end + alternative.size);
      }
      return envelope.finish(Rcode::kNoError, flag::kAuthoritative | flag::kTruncated, {},
                             parsed.question_end);
    }
  }
  Response response(out, parsed.question_end, envelope.limit());
  const Outcome outcome = Lookup(layout, context.board, client_of(context, query, parsed),
                                 query.random, response, signing)
                              .run(parsed, exact);
  if (outcome.failed) {
    return envelope.without_records(Rcode::kServFail);
  }
  envelope.set_scope(outcome.scope_bits);
  if (outcome.truncated) {
    return envelope.finish(outcome.rcode, outcome.flags | flag::kTruncated, {},
                           parsed.question_end);
  }
  return envelope.finish(outcome.rcode, outcome.flags, response.counts(), response.size());
}

}  // namespace leeward::dns
