// SPDX-License-Identifier: Apache-2.0
//
// Numbers of the DNS protocol that Leeward treats specially (IANA "Domain Name System Parameters").
#pragma once

#include <cstddef>
#include <cstdint>

namespace leeward::dns {

inline constexpr std::size_t kHeaderBytes = 12;

enum class Rcode : std::uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kYxDomain = 6,
  kBadVers = 16,
};

// Plain numbers: any 16-bit value is a type, and most are only data to us.
namespace type {
inline constexpr std::uint16_t kA = 1;
inline constexpr std::uint16_t kNs = 2;
inline constexpr std::uint16_t kCname = 5;
inline constexpr std::uint16_t kSoa = 6;
inline constexpr std::uint16_t kPtr = 12;
inline constexpr std::uint16_t kMx = 15;
inline constexpr std::uint16_t kTxt = 16;
inline constexpr std::uint16_t kAaaa = 28;
inline constexpr std::uint16_t kSrv = 33;
inline constexpr std::uint16_t kDname = 39;
inline constexpr std::uint16_t kOpt = 41;
inline constexpr std::uint16_t kDs = 43;
inline constexpr std::uint16_t kRrsig = 46;
inline constexpr std::uint16_t kNsec = 47;
inline constexpr std::uint16_t kDnskey = 48;
inline constexpr std::uint16_t kNsec3 = 50;
inline constexpr std::uint16_t kNsec3Param = 51;
inline constexpr std::uint16_t kNxName = 128;     // RFC 9824: only in NSEC bitmaps
inline constexpr std::uint16_t kMetaFirst = 128;  // RFC 6895: 128 to 255 are QTYPEs and meta types
inline constexpr std::uint16_t kMetaLast = 255;
inline constexpr std::uint16_t kTsig = 250;
inline constexpr std::uint16_t kIxfr = 251;
inline constexpr std::uint16_t kAxfr = 252;
inline constexpr std::uint16_t kAny = 255;
}  // namespace type

// EDNS(0) options.
namespace option {
inline constexpr std::uint16_t kNsid = 3;
inline constexpr std::uint16_t kClientSubnet = 8;
inline constexpr std::uint16_t kCookie = 10;
}  // namespace option

namespace dns_class {
inline constexpr std::uint16_t kIn = 1;
inline constexpr std::uint16_t kChaos = 3;
}  // namespace dns_class

namespace flag {
inline constexpr std::uint16_t kResponse = 0x8000;
inline constexpr std::uint16_t kOpcodeMask = 0x7800;
inline constexpr std::uint16_t kAuthoritative = 0x0400;
inline constexpr std::uint16_t kTruncated = 0x0200;
inline constexpr std::uint16_t kRecursionDesired = 0x0100;
inline constexpr std::uint16_t kRecursionAvailable = 0x0080;
inline constexpr std::uint16_t kAuthenticData = 0x0020;
inline constexpr std::uint16_t kCheckingDisabled = 0x0010;
}  // namespace flag

// Big-endian loads and stores. REQUIRES: the bytes exist.
[[nodiscard]] inline std::uint16_t load16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>((at[0] << 8) | at[1]);
}
[[nodiscard]] inline std::uint32_t load32(const std::uint8_t* at) {
  return (static_cast<std::uint32_t>(load16(at)) << 16) | load16(at + 2);
}
inline void store16(std::uint8_t* at, std::uint16_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
inline void store32(std::uint8_t* at, std::uint32_t value) {
  store16(at, static_cast<std::uint16_t>(value >> 16));
  store16(at + 2, static_cast<std::uint16_t>(value));
}

}  // namespace leeward::dns
