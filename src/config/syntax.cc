// SPDX-License-Identifier: Apache-2.0
#include "config/syntax.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "config/quote.h"

namespace leeward::config {
namespace {

constexpr std::size_t kHostnameBytesMax = 253;
constexpr std::size_t kLabelBytesMax = 63;
constexpr std::size_t kNameBytesMax = 63;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return port;
}

struct Bytes {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 0;  // 4, 16, or 0: not an address
};

Bytes address_bytes(std::string_view text) {
  Bytes result;
  const std::string copy(text);
  if (inet_pton(AF_INET, copy.c_str(), result.bytes.data()) == 1) {
    result.size = 4;
  } else if (inet_pton(AF_INET6, copy.c_str(), result.bytes.data()) == 1) {
    result.size = 16;
  }
  // A NUL inside would have cut the copy short.
  if (text.find('\0') != std::string_view::npos) {
    result.size = 0;
  }
  return result;
}

Status check_label(std::string_view whole, std::string_view label) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is not a host name: {}", quote(whole), why));
  };
  if (label.empty()) {
    return bad("it has an empty label");
  }
  if (label.size() > kLabelBytesMax) {
    return bad("a label has more than 63 characters");
  }
  if (label.front() == '-' || label.back() == '-') {
    return bad("a label may not begin or end with '-'");
  }
  for (const char c : label) {
    if (static_cast<unsigned char>(c) >= 0x80) {
      return bad("write names outside ASCII in their 'xn--' form");
    }
    if (c == '*') {
      return bad("wildcards belong in a zone file");
    }
    if (!is_alphanumeric(c) && c != '-' && c != '_') {
      return bad("only letters, digits, '-', '_' and dots may stand in it");
    }
  }
  return {};
}

}  // namespace

Result<std::string> parse_ip(std::string_view text) {
  const Bytes address = address_bytes(text);
  if (address.size == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected an IPv4 or IPv6 address such as 198.51.100.10 or "
                            "2001:db8::10, found {}",
                            quote(text)));
  }
  std::array<char, INET6_ADDRSTRLEN> printed{};
  inet_ntop(address.size == 4 ? AF_INET : AF_INET6, address.bytes.data(), printed.data(),
            printed.size());
  return std::string(printed.data());
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected ADDRESS:PORT such as 127.0.0.1:5353 or [::1]:5353, found {}: "
                            "{}",
                            quote(text), why));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return bad("the port is missing");
  }
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad("an IPv6 address stands in brackets");
  }
  const std::optional<std::uint16_t> port = parse_port(text.substr(colon + 1));
  if (!port) {
    return bad("the port is not a number from 0 to 65535");
  }
  const Result<std::string> address = parse_ip(host);
  if (!address || bracketed != (address->find(':') != std::string::npos)) {
    return bad("the address is not an IP address; names are not looked up here");
  }
  return Endpoint{*address, *port};
}

std::string format_endpoint(const Endpoint& endpoint) {
  const bool v6 = endpoint.address.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", endpoint.address, endpoint.port)
            : fmt::format("{}:{}", endpoint.address, endpoint.port);
}

Status check_network(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is not a network such as 192.0.2.0/24: {}", quote(text), why));
  };
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return wrong("'/' and the prefix's length are missing");
  }
  const std::string address(text.substr(0, slash));
  std::array<unsigned char, 16> bytes{};
  const bool is_ipv4 = ::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
  if (!is_ipv4 && ::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) {
    return wrong("what is before the '/' is no IP address");
  }
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const unsigned bits = is_ipv4 ? 32 : 128;
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || length > bits) {
    return wrong(fmt::format("the prefix's length must be from 0 to {}", bits));
  }
  for (unsigned bit = length; bit < bits; ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8) & 1U) != 0) {
      return wrong("bits beyond the prefix are set");
    }
  }
  return {};
}

Result<std::string> parse_hostname(std::string_view text) {
  std::string_view name = text;
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  if (name.empty() || name.size() > kHostnameBytesMax) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} is not a host name: it must have 1 to 253 characters", quote(text)));
  }
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    RETURN_IF_ERROR(check_label(text, name.substr(begin, end - begin)));
    begin = end + 1;
  }
  std::string lowered(name);
  for (char& c : lowered) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  // 192.0.2.300 is a mistyped address, not a name: no top-level domain is all digits.
  const std::size_t last_dot = lowered.rfind('.');
  const std::string_view last =
      std::string_view(lowered).substr(last_dot == std::string::npos ? 0 : last_dot + 1);
  if (std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is not a host name: its last label is a number", quote(text)));
  }
  return lowered;
}

Status check_name(std::string_view text) {
  const bool good = !text.empty() && text.size() <= kNameBytesMax && is_alphanumeric(text[0]) &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
                    });
  if (!good) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a name of 1 to 63 letters, digits, '.', '_' and '-' that "
                            "begins with a letter or digit, found {}",
                            quote(text)));
  }
  return {};
}

Status check_table_name(std::string_view text) {
  const bool good =
      text.size() >= 3 && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
      });
  if (!good) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a DynamoDB table name: 3 to 255 letters, digits, '_', '-' "
                            "and '.', found {}",
                            quote(text)));
  }
  return {};
}

Status check_endpoint_url(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a URL such as http://127.0.0.1:8101, without path or user, "
                            "found {}",
                            quote(text)));
  };
  std::string_view rest = text;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else {
    return bad();
  }
  if (parse_endpoint(rest)) {
    return {};
  }
  const std::size_t colon = rest.rfind(':');
  const bool bracketed = rest.starts_with('[') && rest.ends_with(']');
  if (bracketed) {
    return parse_ip(rest.substr(1, rest.size() - 2)) ? Status{} : bad();
  }
  const std::string_view host = rest.substr(0, colon);
  if (colon != std::string_view::npos && !parse_port(rest.substr(colon + 1))) {
    return bad();
  }
  if (!parse_hostname(host) && !parse_ip(host)) {
    return bad();
  }
  return {};
}

bool is_loopback(std::string_view ip) {
  const Bytes address = address_bytes(ip);
  if (address.size == 4) {
    return address.bytes[0] == 127;
  }
  Bytes one;
  one.bytes[15] = 1;
  return address.size == 16 && address.bytes == one.bytes;
}

bool is_unicast(std::string_view ip) {
  const Bytes address = address_bytes(ip);
  if (address.size == 4) {
    return address.bytes[0] != 0 && address.bytes[0] < 224;
  }
  return address.size == 16 && address.bytes[0] != 0xFF && address.bytes != Bytes{}.bytes;
}

}  // namespace leeward::config
