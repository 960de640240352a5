// SPDX-License-Identifier: Apache-2.0
//
// The providers behind find_credentials, one function each. An error means: configured, and failed.
#pragma once

#include <optional>
#include <string>

#include "dynamodb/credentials.h"

namespace leeward::dynamodb {

struct Provided {
  std::optional<TimedCredentials> found;
  std::string why_not;  // if nothing is configured here
};

Result<Provided> credentials_of_environment(const CredentialWorld& world);

// AWS_PROFILE, or "default", of AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE.
Result<Provided> credentials_of_profile(const CredentialWorld& world);

// AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME, by STS over HTTPS.
Result<Provided> credentials_of_web_identity(const CredentialWorld& world);

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI; over plain HTTP only from this host and the
// link-local addresses of Amazon's agents.
Result<Provided> credentials_of_container(const CredentialWorld& world);

// Instance metadata, version 2 only: a session token first. AWS_EC2_METADATA_SERVICE_ENDPOINT,
// AWS_EC2_METADATA_DISABLED.
Result<Provided> credentials_of_instance(const CredentialWorld& world);

}  // namespace leeward::dynamodb
