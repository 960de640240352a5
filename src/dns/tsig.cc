// SPDX-License-Identifier: Apache-2.0
#include "dns/tsig.h"

#include <array>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "dns/protocol.h"

namespace leeward::dns {
namespace {

constexpr std::uint16_t kClassAny = 255;
constexpr std::uint16_t kFudgeSeconds = 300;

void put16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

void put48(std::string& out, std::uint64_t value) {
  put16(out, static_cast<std::uint16_t>(value >> 32));
  put16(out, static_cast<std::uint16_t>(value >> 16));
  put16(out, static_cast<std::uint16_t>(value));
}

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const Name& algorithm_name(TsigHash hash) {
  static const Name kSha256 = *Name::parse("hmac-sha256");
  static const Name kSha512 = *Name::parse("hmac-sha512");
  return hash == TsigHash::kSha256 ? kSha256 : kSha512;
}

std::string hmac(const TsigSecret& key, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  const std::string& secret = key.bytes.reveal();
  HMAC(key.hash == TsigHash::kSha256 ? EVP_sha256() : EVP_sha512(), secret.data(),
       static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(data.data()),
       data.size(), mac.data(), &size);
  return {reinterpret_cast<const char*>(mac.data()), size};
}

// Section 4.3.3.
std::string variables(const Name& key, const Name& algorithm, std::uint64_t time,
                      std::uint16_t fudge, TsigError error) {
  std::string out = key.wire();
  put16(out, kClassAny);
  out.append(4, '\0');  // TTL
  out += algorithm.wire();
  put48(out, time);
  put16(out, fudge);
  put16(out, static_cast<std::uint16_t>(error));
  put16(out, 0);  // no other data
  return out;
}

// The offset after a name, which may end in a pointer; 0: malformed.
std::size_t after_name(std::span<const std::uint8_t> message, std::size_t at) {
  while (at < message.size()) {
    const std::uint8_t length = message[at];
    if (length == 0) {
      return at + 1;
    }
    if ((length & 0xC0) == 0xC0) {
      return at + 2;
    }
    if (length > kLabelBytesMax) {
      return 0;
    }
    at += std::size_t{1} + length;
  }
  return 0;
}

std::optional<TsigRecord> parse_rdata(std::span<const std::uint8_t> message, std::size_t begin,
                                      std::size_t rdata, std::size_t end) {
  TsigRecord record;
  record.begin = begin;
  // Neither name may be compressed (section 4.2).
  auto name = Name::from_wire(message.subspan(begin));
  auto algorithm = Name::from_wire(message.subspan(rdata, end - rdata));
  if (!name || !algorithm) {
    return std::nullopt;
  }
  record.name = name->lowered();
  record.algorithm = algorithm->lowered();
  std::size_t at = rdata + algorithm->wire().size();
  if (end - at < 10) {
    return std::nullopt;
  }
  const std::uint8_t* fixed = message.data() + at;
  record.time_seconds = std::uint64_t{load16(fixed)} << 32 | load32(fixed + 2);
  record.fudge_seconds = load16(fixed + 6);
  const std::size_t mac_size = load16(fixed + 8);
  at += 10;
  if (end - at < mac_size + 6) {
    return std::nullopt;
  }
  record.mac = message.subspan(at, mac_size);
  at += mac_size;
  record.original_id = load16(&message[at]);
  record.error = static_cast<TsigError>(load16(&message[at + 2]));
  const std::size_t other = load16(&message[at + 4]);
  return at + 6 + other == end ? std::optional(record) : std::nullopt;
}

void append_record(std::vector<std::uint8_t>& message, const Name& key, const Name& algorithm,
                   std::uint64_t time, std::uint16_t fudge, std::string_view mac, TsigError error) {
  std::string rdata = algorithm.wire();
  put48(rdata, time);
  put16(rdata, fudge);
  put16(rdata, static_cast<std::uint16_t>(mac.size()));
  rdata += mac;
  put16(rdata, load16(message.data()));
  put16(rdata, static_cast<std::uint16_t>(error));
  put16(rdata, 0);
  std::string record = key.wire();
  put16(record, type::kTsig);
  put16(record, kClassAny);
  record.append(4, '\0');
  put16(record, static_cast<std::uint16_t>(rdata.size()));
  record += rdata;
  message.insert(message.end(), record.begin(), record.end());
  store16(&message[10], static_cast<std::uint16_t>(load16(&message[10]) + 1));
}

}  // namespace

Result<Secret> decode_tsig_secret(std::string_view base64) {
  std::string out(base64.size() + 3, '\0');
  const int size = base64.empty() || base64.size() % 4 != 0
                       ? -1
                       : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                         reinterpret_cast<const unsigned char*>(base64.data()),
                                         static_cast<int>(base64.size()));
  if (size <= 0) {
    return fail(ErrorCode::kInvalidArgument, "the secret of a TSIG key is base64");
  }
  const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return Secret(std::move(out));
}

std::optional<TsigRecord> find_tsig(std::span<const std::uint8_t> message) {
  if (message.size() < kHeaderBytes || load16(&message[10]) == 0) {
    return std::nullopt;
  }
  std::size_t at = kHeaderBytes;
  for (std::uint32_t i = load16(&message[4]); i > 0; --i) {
    at = after_name(message, at);
    if (at == 0 || at + 4 > message.size()) {
      return std::nullopt;
    }
    at += 4;
  }
  const std::uint32_t records = load16(&message[6]) + std::uint32_t{load16(&message[8])} +
                                std::uint32_t{load16(&message[10])};
  for (std::uint32_t i = 0; i < records; ++i) {
    const std::size_t begin = at;
    const std::size_t fixed = after_name(message, at);
    if (fixed == 0 || fixed + 10 > message.size()) {
      return std::nullopt;
    }
    const std::size_t end = fixed + 10 + load16(&message[fixed + 8]);
    if (end > message.size()) {
      return std::nullopt;
    }
    if (load16(&message[fixed]) == type::kTsig) {
      const bool is_last = i + 1 == records && end == message.size();
      return is_last && load16(&message[fixed + 2]) == kClassAny
                 ? parse_rdata(message, begin, fixed + 10, end)
                 : std::nullopt;
    }
    at = end;
  }
  return std::nullopt;
}

TsigError verify_tsig(std::span<const std::uint8_t> message, const TsigRecord& record,
                      const TsigSecret& key, std::uint64_t now_seconds) {
  if (record.name != key.name || record.algorithm != algorithm_name(key.hash)) {
    return TsigError::kBadKey;
  }
  // As it was signed: with its own id, and without this record.
  std::string data(text_of(message.first(record.begin)));
  auto* header = reinterpret_cast<std::uint8_t*>(data.data());
  store16(header, record.original_id);
  store16(header + 10, static_cast<std::uint16_t>(load16(header + 10) - 1));
  data += variables(record.name, record.algorithm, record.time_seconds, record.fudge_seconds,
                    record.error);
  if (!equal_in_constant_time(hmac(key, data), text_of(record.mac))) {
    return TsigError::kBadSig;
  }
  const std::uint64_t apart = now_seconds > record.time_seconds ? now_seconds - record.time_seconds
                                                                : record.time_seconds - now_seconds;
  return apart <= record.fudge_seconds ? TsigError::kNone : TsigError::kBadTime;
}

void TsigSigner::sign(std::vector<std::uint8_t>& message, std::uint64_t now_seconds) {
  std::string data;
  if (!mac_.empty()) {
    put16(data, static_cast<std::uint16_t>(mac_.size()));
    data += mac_;
  }
  data += text_of(message);
  const Name& algorithm = algorithm_name(key_->hash);
  if (is_first_) {
    data += variables(key_->name, algorithm, now_seconds, kFudgeSeconds, TsigError::kNone);
  } else {  // section 5.3.1: only the timers
    put48(data, now_seconds);
    put16(data, kFudgeSeconds);
  }
  is_first_ = false;
  mac_ = hmac(*key_, data);
  append_record(message, key_->name, algorithm, now_seconds, kFudgeSeconds, mac_, TsigError::kNone);
}

void append_tsig_error(std::vector<std::uint8_t>& message, const TsigRecord& request,
                       TsigError error) {
  append_record(message, request.name, request.algorithm, request.time_seconds,
                request.fudge_seconds, {}, error);
}

}  // namespace leeward::dns
