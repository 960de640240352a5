// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/client_network.h"

namespace leeward::dns {

using routing::ClientNetwork;

}  // namespace leeward::dns
