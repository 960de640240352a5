// SPDX-License-Identifier: Apache-2.0
//
// The pieces that signing and verifying share.
//
// Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time.h"

namespace leeward::sigv4 {

inline constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

[[nodiscard]] std::string hex(std::string_view bytes);
[[nodiscard]] std::string sha256_hex(std::string_view text);
[[nodiscard]] std::string hmac(std::string_view key, std::string_view text);  // HMAC-SHA-256

// "AWS Signature Version 4 signing process", step 3; `date` as 20261123.
[[nodiscard]] std::string signing_key(const Secret& secret, std::string_view date,
                                      std::string_view region, std::string_view service);

[[nodiscard]] std::string amz_date(WallTime time);  // "20261123T114008Z"
[[nodiscard]] std::optional<WallTime> parse_amz_date(std::string_view text);

// Header values are signed without outer blanks and with runs of blanks as one.
[[nodiscard]] std::string canonical_value(std::string_view value);

[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace leeward::sigv4
