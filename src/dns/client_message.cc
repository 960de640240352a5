// SPDX-License-Identifier: Apache-2.0
#include "dns/client_message.h"

#include <array>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "dns/name.h"
#include "dns/protocol.h"
#include "dns/rdata.h"

namespace leeward::dns {
namespace {

constexpr std::uint16_t kClientSubnetOption = 8;

void put16(std::vector<std::uint8_t>& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

// RFC 7871 section 6: family, source and scope prefix length, address.
Result<std::vector<std::uint8_t>> client_subnet(const std::string& address) {
  std::array<std::uint8_t, 16> bytes{};
  const bool is_ipv4 = inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
  if (!is_ipv4 && inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not an IPv4 or IPv6 address", address));
  }
  const std::size_t size = is_ipv4 ? 4 : 16;
  std::vector<std::uint8_t> option;
  put16(option, kClientSubnetOption);
  put16(option, static_cast<std::uint16_t>(4 + size));
  put16(option, is_ipv4 ? 1 : 2);
  option.push_back(static_cast<std::uint8_t>(size * 8));
  option.push_back(0);
  option.insert(option.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  return option;
}

std::string class_to_text(std::uint16_t value) {
  switch (value) {
    case dns_class::kIn:
      return "IN";
    case dns_class::kChaos:
      return "CH";
    case 4:
      return "HS";
    case 254:
      return "NONE";
    case 255:
      return "ANY";
    default:
      return fmt::format("CLASS{}", value);
  }
}

std::string rcode_to_text(int rcode) {
  constexpr std::array<std::string_view, 11> kNames{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                    "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                                    "NXRRSET", "NOTAUTH", "NOTZONE"};
  if (rcode >= 0 && static_cast<std::size_t>(rcode) < kNames.size()) {
    return std::string(kNames[static_cast<std::size_t>(rcode)]);
  }
  if (rcode == 16) {
    return "BADVERS";
  }
  return rcode == 23 ? "BADCOOKIE" : fmt::format("RCODE{}", rcode);
}

// A cursor over one message. After the first failure everything fails: check once, at the end.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> message) : message_(message) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool at_end() const { return at_ == message_.size(); }

  std::uint16_t u16() { return need(2) ? load16(&message_[advance(2)]) : std::uint16_t{0}; }
  std::uint32_t u32() { return need(4) ? load32(&message_[advance(4)]) : 0; }

  std::span<const std::uint8_t> bytes(std::size_t size) {
    return need(size) ? message_.subspan(advance(size), size) : std::span<const std::uint8_t>{};
  }

  // A possibly compressed name; the cursor ends behind its first pointer.
  Name name() {
    std::string wire;
    std::size_t at = at_;
    std::optional<std::size_t> resume;
    std::size_t lowest = at_;  // pointers must go below everything read so far
    for (int pointers = 0; ok_;) {
      if (at >= message_.size()) {
        break;
      }
      const std::size_t length = message_[at];
      if ((length & 0xC0) == 0xC0) {
        if (at + 1 >= message_.size() || ++pointers > kPointersMax) {
          break;
        }
        const std::size_t target = load16(&message_[at]) & 0x3FFFU;
        resume = resume.value_or(at + 2);
        if (target >= lowest) {
          break;
        }
        at = lowest = target;
        continue;
      }
      if (length > kLabelBytesMax || at + 1 + length > message_.size() ||
          wire.size() + 1 + length > kNameBytesMax) {
        break;
      }
      wire.append(message_.begin() + static_cast<std::ptrdiff_t>(at),
                  message_.begin() + static_cast<std::ptrdiff_t>(at + 1 + length));
      at += 1 + length;
      if (length == 0) {
        at_ = resume.value_or(at);
        return Name::from_wire(as_bytes(wire)).value_or(Name());
      }
    }
    ok_ = false;
    return {};
  }

  void fail() { ok_ = false; }

 private:
  static constexpr int kPointersMax = 127;  // a name has no more labels than that

  bool need(std::size_t size) {
    ok_ = ok_ && size <= message_.size() - at_;
    return ok_;
  }
  std::size_t advance(std::size_t size) { return std::exchange(at_, at_ + size); }

  std::span<const std::uint8_t> message_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

// Rdata with its names uncompressed. RFC 3597 lets senders compress those of RFC 1035's types;
// some older ones compress SRV and DNAME, too.
std::string read_rdata(Reader& reader, std::uint16_t type, std::size_t size) {
  const std::size_t end = reader.at() + size;
  std::string rdata;
  const auto copy = [&](std::size_t count) {
    const std::span<const std::uint8_t> bytes = reader.bytes(count);
    rdata.append(bytes.begin(), bytes.end());
  };
  switch (type) {
    case type::kNs:
    case type::kCname:
    case type::kPtr:
    case type::kDname:
      rdata += reader.name().wire();
      break;
    case type::kMx:
      copy(2);
      rdata += reader.name().wire();
      break;
    case type::kSrv:
      copy(6);
      rdata += reader.name().wire();
      break;
    case type::kSoa:
      rdata += reader.name().wire();
      rdata += reader.name().wire();
      copy(20);
      break;
    default:
      copy(size);
      break;
  }
  if (reader.at() != end) {
    reader.fail();
  }
  return rdata;
}

void take_opt(ParsedResponse& response, std::uint16_t udp_size, std::uint32_t ttl,
              std::span<const std::uint8_t> options) {
  ResponseEdns edns;
  edns.udp_size = udp_size;
  edns.version = static_cast<std::uint8_t>(ttl >> 16);
  edns.dnssec_ok = (ttl & 0x8000) != 0;
  response.rcode |= static_cast<int>(ttl >> 24) << 4;
  Reader reader(options);
  while (reader.ok() && !reader.at_end()) {
    const std::uint16_t code = reader.u16();
    const std::span<const std::uint8_t> value = reader.bytes(reader.u16());
    if (reader.ok() && code == kClientSubnetOption && value.size() >= 4) {
      edns.client_subnet_scope = value[3];
    }
  }
  response.edns = edns;
}

void read_section(Reader& reader, std::size_t count, ParsedResponse& response,
                  std::vector<ResponseRecord>& records) {
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const Name owner = reader.name();
    const std::uint16_t type = reader.u16();
    const std::uint16_t record_class = reader.u16();
    const std::uint32_t ttl = reader.u32();
    const std::uint16_t size = reader.u16();
    const std::string rdata = read_rdata(reader, type, size);
    if (!reader.ok()) {
      return;
    }
    if (type == type::kOpt) {
      if (response.edns || !owner.is_root()) {
        reader.fail();
        return;
      }
      take_opt(response, record_class, ttl, as_bytes(rdata));
      continue;
    }
    records.push_back({owner.text(), ttl, class_to_text(record_class), type_to_text(type),
                       rdata_to_text(type, as_bytes(rdata))});
  }
}

}  // namespace

Result<std::vector<std::uint8_t>> build_query(std::string_view name, std::string_view type,
                                              const QueryOptions& options) {
  ASSIGN_OR_RETURN(const Name parsed, Name::parse(name));
  const std::optional<std::uint16_t> number = parse_type(type);
  if (!number) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("unknown record type '{}'", type));
  }
  std::vector<std::uint8_t> options_bytes;
  if (!options.client_address.empty()) {
    if (!options.edns) {
      return fail(ErrorCode::kInvalidArgument, "a client address can only be sent with EDNS");
    }
    ASSIGN_OR_RETURN(options_bytes, client_subnet(options.client_address));
  }
  std::vector<std::uint8_t> query;
  put16(query, options.id);
  put16(query,
        static_cast<std::uint16_t>((options.recursion_desired ? flag::kRecursionDesired : 0) |
                                   (options.checking_disabled ? flag::kCheckingDisabled : 0)));
  for (const int count : {1, 0, 0, options.edns ? 1 : 0}) {
    put16(query, static_cast<std::uint16_t>(count));
  }
  query.insert(query.end(), parsed.bytes().begin(), parsed.bytes().end());
  put16(query, *number);
  put16(query, options.query_class);
  if (options.edns) {
    query.push_back(0);
    put16(query, type::kOpt);
    put16(query, options.udp_size);
    put16(query, 0);
    put16(query, options.dnssec_ok ? 0x8000 : 0);
    put16(query, static_cast<std::uint16_t>(options_bytes.size()));
    query.insert(query.end(), options_bytes.begin(), options_bytes.end());
  }
  return query;
}

Result<ParsedResponse> parse_response(std::span<const std::uint8_t> message) {
  Reader reader(message);
  ParsedResponse response;
  response.id = reader.u16();
  const std::uint16_t flags = reader.u16();
  response.is_response = (flags & flag::kResponse) != 0;
  response.opcode = (flags & flag::kOpcodeMask) >> 11;
  response.rcode = flags & 0xF;
  response.authoritative = (flags & flag::kAuthoritative) != 0;
  response.truncated = (flags & flag::kTruncated) != 0;
  response.recursion_desired = (flags & flag::kRecursionDesired) != 0;
  response.recursion_available = (flags & flag::kRecursionAvailable) != 0;
  response.authentic_data = (flags & flag::kAuthenticData) != 0;
  response.checking_disabled = (flags & flag::kCheckingDisabled) != 0;
  const std::uint16_t questions = reader.u16();
  const std::uint16_t answers = reader.u16();
  const std::uint16_t authority = reader.u16();
  const std::uint16_t additional = reader.u16();
  if (questions > 1) {
    return fail(ErrorCode::kDataCorrupt, fmt::format("DNS message with {} questions", questions));
  }
  if (questions == 1) {
    response.question_name = reader.name().text();
    response.question_type = type_to_text(reader.u16());
    response.question_class = class_to_text(reader.u16());
  }
  read_section(reader, answers, response, response.answers);
  read_section(reader, authority, response, response.authority);
  read_section(reader, additional, response, response.additional);
  if (!reader.ok()) {
    return fail(
        ErrorCode::kDataCorrupt,
        fmt::format("malformed DNS message of {} bytes, at byte {}", message.size(), reader.at()));
  }
  if (!reader.at_end()) {
    return fail(ErrorCode::kDataCorrupt, fmt::format("DNS message followed by {} stray bytes",
                                                     message.size() - reader.at()));
  }
  response.rcode_text = rcode_to_text(response.rcode);
  return response;
}

}  // namespace leeward::dns
