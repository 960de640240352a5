// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/schema.h"

namespace leeward::config {

// token: {file: PATH} or {env: NAME}. The value is read through Sources and never printed.
Key<Token> token_value_key();

}  // namespace leeward::config
