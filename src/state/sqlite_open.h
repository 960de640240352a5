// SPDX-License-Identifier: Apache-2.0
//
// From a path to a connection that is locked, checked, durable and has our tables; or an Error that
// tells a person what to do. Thread-safety: none.
#pragma once

#include <string>

#include "state/sqlite_statement.h"

namespace leeward::state {

Result<Connection> open_checked(const std::string& path);

}  // namespace leeward::state
