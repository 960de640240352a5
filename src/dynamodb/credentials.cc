// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/credentials.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "dynamodb/credentials_providers.h"

namespace leeward::dynamodb {
namespace {

constexpr Duration kRefreshBefore = std::chrono::minutes(5);
constexpr Duration kAttemptEvery = std::chrono::minutes(1);

}  // namespace

Result<TimedCredentials> find_credentials(const CredentialWorld& world) {
  std::vector<std::string> looked;
  for (const auto provider :
       {credentials_of_environment, credentials_of_profile, credentials_of_web_identity,
        credentials_of_container, credentials_of_instance}) {
    ASSIGN_OR_RETURN(Provided provided, provider(world));
    if (provided.found) {
      return *std::move(provided.found);
    }
    looked.push_back(std::move(provided.why_not));
  }
  std::string text = "no AWS credentials";
  for (const std::string& why : looked) {
    text += fmt::format("; {}", why);
  }
  return fail(
      ErrorCode::kUnauthenticated,
      text + ". For DynamoDB Local any AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY will do");
}

CredentialSource::CredentialSource(Credentials fixed)
    : current_(TimedCredentials{std::move(fixed), std::nullopt}) {}

CredentialSource::CredentialSource(CredentialWorld world) : world_(std::move(world)) {}

bool CredentialSource::serves(WallTime now) const {
  return current_ && (!current_->expires || now < *current_->expires);
}

bool CredentialSource::due(WallTime now) const {
  return !serves(now) ||
         (current_->expires && now >= *current_->expires - kRefreshBefore && now >= next_attempt_);
}

Result<Credentials> CredentialSource::get() {
  std::unique_lock lock(mutex_);
  if (!world_.now) {
    return current_->credentials;
  }
  while (fetching_ && !serves(world_.now())) {
    fetched_.wait(lock);
  }
  if (fetching_ || !due(world_.now())) {
    return current_->credentials;
  }
  fetching_ = true;
  lock.unlock();
  Result<TimedCredentials> found = find_credentials(world_);
  lock.lock();
  fetching_ = false;
  fetched_.notify_all();
  const WallTime now = world_.now();
  next_attempt_ = now + kAttemptEvery;
  if (found) {
    current_ = *std::move(found);
  } else if (!serves(now)) {
    return fail(std::move(found).error());
  }
  return current_->credentials;
}

void CredentialSource::expire() {
  const std::lock_guard lock(mutex_);
  if (world_.now) {
    current_.reset();
  }
}

Result<Credentials> credentials_from_environment() {
  const auto read = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  Credentials credentials{read("AWS_ACCESS_KEY_ID"), Secret(read("AWS_SECRET_ACCESS_KEY")),
                          Secret(read("AWS_SESSION_TOKEN"))};
  for (const auto& [name, missing] :
       {std::pair{"AWS_ACCESS_KEY_ID", credentials.access_key_id.empty()},
        std::pair{"AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.empty()}}) {
    if (missing) {
      return fail(ErrorCode::kUnauthenticated,
                  fmt::format("{} is not set; any value will do for DynamoDB Local", name));
    }
  }
  return credentials;
}

}  // namespace leeward::dynamodb
