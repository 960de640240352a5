// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

namespace leeward::config {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kViewer:
      return "viewer";
    case Role::kOperator:
      return "operator";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

std::string_view to_string(LogFormat format) {
  return format == LogFormat::kJson ? "json" : "keyvalue";
}

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "";
}

std::string_view to_string(TsigAlgorithm algorithm) {
  return algorithm == TsigAlgorithm::kHmacSha512 ? "hmac-sha512" : "hmac-sha256";
}

std::string_view to_string(AwsAccess access) {
  return access == AwsAccess::kReadOnly ? "read-only" : "full";
}

}  // namespace leeward::config
