// SPDX-License-Identifier: Apache-2.0
//
// What the bodies of requests have in common.
//
// Thread-safety: pure functions. Errors: kInvalidArgument that names what is wrong.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "base/result.h"

namespace leeward::admin {

// The body as a JSON object of bounded depth; nothing but blanks is an empty one.
Result<boost::json::object> parse_json_object(std::string_view body);

// The member as one line of text.
Result<std::string> string_member(std::string_view key, const boost::json::value& value,
                                  std::size_t bytes_max);

}  // namespace leeward::admin
