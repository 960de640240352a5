// SPDX-License-Identifier: Apache-2.0
#include "probe/outcome.h"

#include <cerrno>
#include <system_error>

namespace leeward::probe {
namespace {

std::string describe(int error) {
  return std::system_category().message(error);
}

// The checker's own trouble says nothing about the target.
bool is_local(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:  // no free local port, or no local address of this family
    case EAFNOSUPPORT:
    case EBADF:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string sanitise_detail(std::string_view text) {
  std::string result(text.substr(0, kDetailBytesMax));
  for (char& c : result) {
    if (c < ' ' || c > '~') {
      c = '?';
    }
  }
  return result;
}

Outcome connect_failure(int error) {
  if (is_local(error)) {
    return {ProbeOutcome::kLocalError, describe(error)};
  }
  if (error == ECONNREFUSED) {
    return {ProbeOutcome::kRefused, "connection refused"};
  }
  if (error == ETIMEDOUT) {
    return {ProbeOutcome::kTimeout, "connecting: " + describe(error)};
  }
  // No route, ICMP unreachable, prohibited by a route or a firewall, reset while connecting.
  return {ProbeOutcome::kUnreachable, describe(error)};
}

Outcome exchange_failure(int error) {
  if (is_local(error)) {
    return {ProbeOutcome::kLocalError, describe(error)};
  }
  switch (error) {
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EACCES:
    case EPERM:
      return {ProbeOutcome::kUnreachable, describe(error)};
    case ETIMEDOUT:
      return {ProbeOutcome::kTimeout, describe(error)};
    default:
      return {ProbeOutcome::kClosed, "connection reset before an answer"};
  }
}

}  // namespace leeward::probe
