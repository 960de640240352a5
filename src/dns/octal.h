// SPDX-License-Identifier: Apache-2.0
//
// Route 53 writes bytes as octal escapes ("\052" is '*'), where master files write decimal ones
// ("DNS domain name format", developer guide; RFC 1035 section 5.1).
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "dns/name.h"

namespace leeward::dns {

// "\052" -> "\042", for parsers of the presentation form; other escapes stay. An escape that is no
// octal byte stays, too, and its reader will refuse it or read it as decimal.
[[nodiscard]] std::string octal_to_decimal(std::string_view text);

// A name as Route 53 shows it: absolute, lower case, with a trailing dot; bytes other than a-z 0-9
// - and _ as octal escapes.
[[nodiscard]] std::string route53_text(const Name& name);

// A name as Route 53 takes it, with or without trailing dot, any letter case.
Result<Name> parse_route53_name(std::string_view text);

}  // namespace leeward::dns
