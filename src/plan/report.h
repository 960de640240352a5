// SPDX-License-Identifier: Apache-2.0
//
// A prediction, written for a person (text), a program (JSON) or a browser (HTML: one file, no
// scripts, nothing fetched). Pure.
#pragma once

#include <span>
#include <string>

#include "plan/predict.h"

namespace leeward::plan {

[[nodiscard]] std::string as_text(std::span<const ApplicationPlan> plans, const Options& options);
// {"model": {...}, "applications": [{"application": "shop", "losses": [...], "clients": [...]}]}
[[nodiscard]] std::string as_json(std::span<const ApplicationPlan> plans, const Options& options);
[[nodiscard]] std::string as_html(std::span<const ApplicationPlan> plans, const Options& options);

// "450 ms", "12.3 s", "5 min": what a person reads.
[[nodiscard]] std::string short_duration(Duration duration);
// "5 % independent", "none"
[[nodiscard]] std::string describe(const Loss& loss);
// "0 (at most 3.2)": false failovers per year, with the 95 % bound.
[[nodiscard]] std::string describe_rate(double rate, double at_most);

}  // namespace leeward::plan
