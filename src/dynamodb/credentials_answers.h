// SPDX-License-Identifier: Apache-2.0
//
// Credentials out of the answers of the services that lend them. Answers come from the network:
// bounded size, and no byte of them in an error, because it may be a secret.
//
// Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "dynamodb/sigv4.h"

namespace leeward::dynamodb {

struct TimedCredentials {
  Credentials credentials;
  std::optional<WallTime> expires;  // none: they do not
};

inline constexpr std::size_t kCredentialAnswerBytesMax = 64U << 10U;

// The XML answer of STS to AssumeRoleWithWebIdentity.
Result<TimedCredentials> parse_assume_role_answer(std::string_view xml);

// "InvalidIdentityToken: ..." of an XML error answer of STS; empty where it is none.
[[nodiscard]] std::string sts_error(std::string_view xml);

// The JSON answer of a container's endpoint or of instance metadata.
Result<TimedCredentials> parse_metadata_answer(std::string_view text);

}  // namespace leeward::dynamodb
