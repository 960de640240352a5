// SPDX-License-Identifier: Apache-2.0
//
// The API's answers as text for a person. What comes in is JSON from the network: absent or
// mistyped members show as "-", never as an error, and control characters never reach the terminal.
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

namespace leeward::cli {

struct Style {
  bool colour = false;
};

[[nodiscard]] std::string render_standing(std::string_view application,
                                          const boost::json::value& standing, Style style);
[[nodiscard]] std::string render_status(const boost::json::value& status,
                                        const boost::json::value& applications, Style style);
[[nodiscard]] std::string render_checks(const boost::json::value& checks, Style style);
[[nodiscard]] std::string render_history(const boost::json::value& history, Style style);
[[nodiscard]] std::string render_decision(const boost::json::value& decision, Style style);
[[nodiscard]] std::string render_control_panels(const boost::json::value& panels, Style style);
[[nodiscard]] std::string render_zones(const boost::json::value& zones, Style style);
[[nodiscard]] std::string render_reload(const boost::json::value& summary);
[[nodiscard]] std::string render_event(std::string_view name, const boost::json::value& data,
                                       Style style);

// "1m30s" from 90.2; at most two units.
[[nodiscard]] std::string render_age(double seconds);

// The text without control characters but, where `lines`, line ends.
[[nodiscard]] std::string printable(std::string_view text, bool lines = false);

}  // namespace leeward::cli
