// SPDX-License-Identifier: Apache-2.0
//
// The forms of text that a config may hold, each read by a pure function.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace leeward::config {

// Canonical text of an IPv4 or IPv6 address (RFC 5952); no brackets, no zone.
Result<std::string> parse_ip(std::string_view text);

// "ADDRESS:PORT" or "[IPv6]:PORT". Port 0 lets the system choose.
Result<Endpoint> parse_endpoint(std::string_view text);
[[nodiscard]] std::string format_endpoint(const Endpoint& endpoint);

// "192.0.2.0/24", "2001:db8::/32"; no bits set beyond the prefix.
Status check_network(std::string_view text);

// RFC 1123 labels, underscores allowed (RFC 2782 names); lower-cased, without a trailing dot.
Result<std::string> parse_hostname(std::string_view text);

// Names of regions, applications, tokens and nodes: they stand in paths, metrics and logs.
// 1 to 63 of A-Z a-z 0-9 . _ -, beginning with a letter or digit.
Status check_name(std::string_view text);

// DynamoDB's: 3 to 255 of A-Z a-z 0-9 . _ -
Status check_table_name(std::string_view text);

// http://HOST[:PORT] or https://...; no path, query or user.
Status check_endpoint_url(std::string_view text);

[[nodiscard]] bool is_loopback(std::string_view ip);
// An address that can be an answer: not unspecified, multicast or broadcast.
[[nodiscard]] bool is_unicast(std::string_view ip);

}  // namespace leeward::config
