// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace leeward::node {

// Tells the service manager how the daemon is: sd_notify(3)'s protocol, one datagram to the socket
// named by $NOTIFY_SOCKET. Does nothing where that is not set. `state` is "READY=1",
// "RELOADING=1\nMONOTONIC_USEC=...", "STOPPING=1" or "STATUS=...".
//
// The protocol is stable and five lines long, so no libsystemd is linked. Thread-safe.
void notify_service_manager(std::string_view state);

}  // namespace leeward::node
