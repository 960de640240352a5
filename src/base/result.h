// SPDX-License-Identifier: Apache-2.0
//
// Errors are values. A function that can fail for reasons outside the program returns Result<T>;
// a broken invariant inside the program is LEEWARD_CHECK (check.h). Exceptions of third-party
// libraries are caught in the one function that calls them and become an Error there.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace leeward {

// Small and stable: mapped once to HTTP status, CLI exit code and C enum.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,  // the caller's input is wrong; repeating it will not help
  kNotFound,
  kAlreadyExists,
  kFailedPrecondition,  // the system is in a state that forbids it (a guard refused)
  kAborted,             // lost a race (compare-and-set failed); re-read and try again
  kUnauthenticated,
  kPermissionDenied,
  kResourceExhausted,  // disk full, too many connections, queue full
  kUnavailable,        // a peer, port or file cannot be reached now
  kDeadlineExceeded,
  kDataCorrupt,  // stored data fails its checks
  kUnimplemented,
  kInternal,
};

[[nodiscard]] std::string_view to_string(ErrorCode code);

// `message` is for a person: what went wrong, where, and what to do about it.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  friend bool operator==(const Error&, const Error&) = default;
};

// Prefixes the message with where it happened: "reading /x: permission denied".
[[nodiscard]] Error with_context(Error error, std::string_view context);

template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

}  // namespace leeward

#define LEEWARD_CONCAT_INNER(a, b) a##b
#define LEEWARD_CONCAT(a, b) LEEWARD_CONCAT_INNER(a, b)

// RETURN_IF_ERROR(write_all(...));
#define RETURN_IF_ERROR(expression)                              \
  do {                                                           \
    auto leeward_status = (expression);                          \
    if (!leeward_status) {                                       \
      return std::unexpected(std::move(leeward_status).error()); \
    }                                                            \
  } while (false)

// ASSIGN_OR_RETURN(auto zone, parse_zone(text));   A statement, never an expression.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(LEEWARD_CONCAT(leeward_result_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                   \
  if (!result) {                                                \
    return std::unexpected(std::move(result).error());          \
  }                                                             \
  declaration = std::move(*result)
