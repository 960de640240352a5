// SPDX-License-Identifier: Apache-2.0
//
// Writes small MaxMind databases for tests (https://maxmind.github.io/MaxMind-DB/, version 2.0).
// No part of the daemon.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/location.h"

namespace leeward::geo {

struct TestPlace {
  std::string network;  // "192.0.2.0/24"
  std::string continent;
  std::string country;
  std::string subdivision;
  std::optional<routing::GeoPoint> point;
};

// The bytes of a file. Of nested networks the inner one counts; `ip_version` 6 holds both families.
[[nodiscard]] std::string test_database(const std::vector<TestPlace>& places,
                                        std::string_view type = "Test-City",
                                        std::uint16_t ip_version = 6);

}  // namespace leeward::geo
