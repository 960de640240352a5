// SPDX-License-Identifier: Apache-2.0
//
// Checked zone drafts -> the flat arrays of Layout. Internal to compile().
#pragma once

#include <memory>
#include <vector>

#include "dns/compile.h"
#include "dns/layout.h"
#include "dns/zone_draft.h"

namespace leeward::dns {

// REQUIRES: no findings of kind problem so far. Adds one if the tables would be too large or the
// layout lacks an application.
std::unique_ptr<Layout> build_layout(const CompileInput& input, const std::vector<ZoneDraft>& zones,
                                     Findings& findings);

}  // namespace leeward::dns
