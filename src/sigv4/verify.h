// SPDX-License-Identifier: Apache-2.0
//
// Checks AWS Signature Version 4 in the Authorization header of what clients send ("Signing AWS API
// requests", IAM user guide).
//
// Thread-safety: verify() is pure; a KeyCache belongs to one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time.h"

namespace leeward::sigv4 {

// Access key id -> secret.
using KeyBook = std::map<std::string, Secret, std::less<>>;

struct SignedHeader {
  std::string name;  // lower case
  std::string_view value;
};

struct ReceivedRequest {
  std::string_view method;
  std::string_view path;              // as sent, still percent-encoded, without the query
  std::string_view query;             // as sent, without the '?'
  std::vector<SignedHeader> headers;  // all of them, in order of arrival
  std::string_view body;
};

struct Scope {
  std::string region;
  std::string service;
  Duration allowed_skew = std::chrono::minutes(15);
  // Headers that must be under the signature: they decide where a request goes and what it does.
  std::vector<std::string> must_sign = {"host", "x-amz-date"};
};

// Why a request is not accepted; services have codes of their own for these.
struct Fault {
  enum class Kind : std::uint8_t {
    kMissing,     // no Authorization header
    kIncomplete,  // not of this kind, or parts are missing
    kUnknownKey,
    kExpired,   // older or newer than the clock allows
    kInvalid,   // another scope, a header that is not signed
    kMismatch,  // another secret, or another request than was signed
  };
  Kind kind = Kind::kMissing;
  std::string message;

  friend bool operator==(const Fault&, const Fault&) = default;
};

// Signing keys last for a day; deriving one costs four HMACs.
class KeyCache {
 public:
  const std::string& key_for(const std::string& access_key, const Secret& secret,
                             std::string_view date, const Scope& scope);

 private:
  struct Derived {
    std::string scope;
    std::string key;
  };
  std::map<std::string, Derived, std::less<>> derived_;  // at most one per access key
};

struct Verdict {
  std::optional<Fault> fault;
  std::string access_key_id;  // whose signature it is; only without a fault
};

[[nodiscard]] Verdict verify(const ReceivedRequest& request, const Scope& scope,
                             const KeyBook& keys, KeyCache& cache, WallTime now);

// Nothing: there is an Authorization header of Signature Version 4.
[[nodiscard]] std::optional<Fault> check_present(std::string_view authorization);

}  // namespace leeward::sigv4
