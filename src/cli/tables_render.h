// SPDX-License-Identifier: Apache-2.0
//
// Tables as text for a person. Thread-safety: pure functions.
#pragma once

#include <string>

#include "cli/render.h"
#include "tables/status.h"

namespace leeward::cli {

// A block per table: a line of its own, its regions in columns, then alarms and drift.
[[nodiscard]] std::string render_table_status(const tables::TableStatus& status, Style style);

}  // namespace leeward::cli
