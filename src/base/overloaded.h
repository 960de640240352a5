// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace leeward {

// std::visit(overloaded{[](const A&) {...}, [](const B&) {...}}, variant): no default branch, so a
// new alternative fails to compile until every visitor handles it.
template <typename... Handlers>
struct overloaded : Handlers... {
  using Handlers::operator()...;
};

}  // namespace leeward
