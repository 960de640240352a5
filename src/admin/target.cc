// SPDX-License-Identifier: Apache-2.0
#include "admin/target.h"

#include <cstddef>

#include <fmt/format.h>

namespace leeward::admin {
namespace {

constexpr std::size_t kTargetBytesMax = 2048;
constexpr std::size_t kPartsMax = 16;

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<unsigned>(c - '0');
  }
  if (c >= 'a' && c <= 'f') {
    return static_cast<unsigned>(c - 'a') + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return static_cast<unsigned>(c - 'A') + 10;
  }
  return std::nullopt;
}

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) {
        return fail(ErrorCode::kInvalidArgument, "the target ends within a percent-encoding");
      }
      const auto first = hex_digit(text[i + 1]);
      const auto second = hex_digit(text[i + 2]);
      if (!first || !second) {
        return fail(ErrorCode::kInvalidArgument,
                    "the target has a '%' that two hexadecimal digits do not follow");
      }
      c = static_cast<char>(*first * 16 + *second);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      return fail(ErrorCode::kInvalidArgument, "the target holds a control character");
    }
    result += c;
  }
  return result;
}

// The text up to `separator`, which is removed from the front of `rest` together with it.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view rest) {
  std::vector<std::pair<std::string, std::string>> query;
  while (!rest.empty()) {
    std::string_view part = take_until(rest, '&');
    if (part.empty()) {
      continue;
    }
    if (query.size() == kPartsMax) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the target has more than {} parameters", kPartsMax));
    }
    const std::string_view name = take_until(part, '=');
    ASSIGN_OR_RETURN(std::string decoded_name, decode(name, true));
    ASSIGN_OR_RETURN(std::string decoded_value, decode(part, true));
    query.emplace_back(std::move(decoded_name), std::move(decoded_value));
  }
  return query;
}

}  // namespace

std::optional<std::string> Target::parameter(std::string_view name) const {
  std::optional<std::string> found;
  for (const auto& [key, value] : query) {
    if (key == name) {
      found = value;
    }
  }
  return found;
}

Result<Target> parse_target(std::string_view text) {
  if (text.empty() || text.front() != '/') {
    return fail(ErrorCode::kInvalidArgument, "the target must be a path that starts with '/'");
  }
  if (text.size() > kTargetBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the target is longer than {} bytes", kTargetBytesMax));
  }
  std::string_view rest = text.substr(1);
  std::string_view path = take_until(rest, '?');
  Target target;
  while (!path.empty()) {
    if (target.segments.size() == kPartsMax) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the target has more than {} path segments", kPartsMax));
    }
    const bool ends_with_slash = path.back() == '/' && path.find('/') == path.size() - 1;
    ASSIGN_OR_RETURN(std::string segment, decode(take_until(path, '/'), false));
    target.segments.push_back(std::move(segment));
    if (ends_with_slash) {
      target.segments.emplace_back();  // "/v1/status/" is not "/v1/status"
    }
  }
  ASSIGN_OR_RETURN(target.query, parse_query(rest));
  return target;
}

std::string percent_encode(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool unreserved = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                            (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      result += c;
    } else {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

}  // namespace leeward::admin
