// SPDX-License-Identifier: Apache-2.0
//
// For tests: one detector, one target and a script, in virtual time. Scripts are the files
// tests/scenario/detect/*.scn; run_scenario turns the commands of one into the story it tells.
//
//   check KEY=VALUE ...            interval timeout floor spacing failure_threshold
//                                  success_threshold hold_down hold_down_max flap_window
//                                  jitter initial seed
//   at T target healthy rtt D      also: refuses | silent | status | loses P% rtt D
//   at T next FATE ...             the next probes only: a round trip (400ms), lost, refused
//   at T checker broken|works      probes end in local errors
//   at T checker paused D          nobody calls the detector for D
//   at T checker disqualified WHY  and: at T checker qualified
//   skip suspicions                only count them: for long stories
//   until T
#pragma once

#include <string>

namespace leeward::detect {

// The story, or "error: ..." for a script it cannot read.
std::string run_scenario(const std::string& script);

}  // namespace leeward::detect
