// SPDX-License-Identifier: Apache-2.0
//
// Where credentials come from, in the AWS SDKs' order: the environment, a profile of the shared
// files, a web identity, the container's endpoint, instance metadata. The first that is configured
// decides: if it then fails, that is the error, and the ones after it are not asked.
//
// A profile may hold keys or a web identity. Profiles that need a role chain, SSO or a program
// (`source_profile`, `sso_session`, `credential_process`) are refused by name: use
// `aws configure export-credentials --format env` with them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dynamodb/credentials_answers.h"
#include "dynamodb/endpoints.h"
#include "dynamodb/sigv4.h"

namespace leeward::dynamodb {

struct FetchRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Duration timeout = std::chrono::seconds(5);
};

struct FetchAnswer {
  long status = 0;
  std::string body;  // at most kCredentialAnswerBytesMax
};

// What the providers look at; tests bring their own.
struct CredentialWorld {
  GetEnv get_env;
  std::function<Result<std::string>(const std::string& path)> read_file;  // kNotFound: no such file
  std::function<Result<FetchAnswer>(const FetchRequest&)> fetch;
  std::function<WallTime()> now;
};

// The process's environment, files, network and clock.
[[nodiscard]] CredentialWorld system_credential_world();

// Asks the providers once. kUnauthenticated says what was looked for, and where.
Result<TimedCredentials> find_credentials(const CredentialWorld& world);

// Hands out credentials, and new ones five minutes before they expire. While new ones cannot be
// had, the old ones serve until they are over, and one attempt is made per minute.
//
// Thread-safety: all. get() may block for the providers' time-outs (5 s each at most); one thread
// fetches, and the others go on with the old ones if those still serve.
class CredentialSource {
 public:
  explicit CredentialSource(Credentials fixed);
  explicit CredentialSource(CredentialWorld world);

  Result<Credentials> get();

  // A store said that they are over, whatever their time says: the next get() fetches anew.
  void expire();

 private:
  [[nodiscard]] bool serves(WallTime now) const;
  [[nodiscard]] bool due(WallTime now) const;

  const CredentialWorld world_;  // without functions: fixed
  std::mutex mutex_;
  std::condition_variable fetched_;
  std::optional<TimedCredentials> current_;
  WallTime next_attempt_{};
  bool fetching_ = false;
};

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and nothing else; kUnauthenticated
// names what is missing.
Result<Credentials> credentials_from_environment();

}  // namespace leeward::dynamodb
