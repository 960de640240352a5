// SPDX-License-Identifier: Apache-2.0
//
// Errors as RFC 9457 problem details. The one place that maps an ErrorCode to an HTTP status.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "admin/http.h"
#include "base/result.h"

namespace leeward::admin {

[[nodiscard]] int http_status(ErrorCode code);  // kNotFound: 404

// "Not Found"; empty for a status the API never sends.
[[nodiscard]] std::string_view reason_phrase(int status);

// {type: "urn:leeward:problem:not-found", title, status, detail}
[[nodiscard]] Response problem(const Error& error);

// For what is wrong with the HTTP itself (405, 413, 415, 431 ...): type "about:blank".
[[nodiscard]] Response http_problem(int status, std::string_view detail);

// With one more member, such as the decision that was refused.
[[nodiscard]] Response problem_with(const Error& error, std::string_view member,
                                    const boost::json::object& value);

}  // namespace leeward::admin
