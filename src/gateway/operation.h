// SPDX-License-Identifier: Apache-2.0
//
// Which call a request is, from its X-Amz-Target header. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace leeward::gateway {

inline constexpr std::string_view kTargetPrefix = "DynamoDB_20120810.";
inline constexpr std::string_view kStreamsPrefix = "DynamoDBStreams_20120810.";

// Who answers a client's call.
enum class Handling : std::uint8_t {
  kData,     // items: rewritten where the table is replicated, else forwarded
  kTable,    // tables and global tables: answered by the gateway with the store's help
  kStreams,  // stream reads: stamps and tombstones are taken out of what the store answers
  kForward,  // the rest: the store's own answer, with ARNs translated
};

struct Operation {
  std::size_t index = 0;  // below operation_count(), for counters
  std::string_view name;  // "PutItem"
  Handling handling = Handling::kForward;
};

// Nothing: no such operation.
[[nodiscard]] std::optional<Operation> find_operation(std::string_view target);

[[nodiscard]] std::size_t operation_count();
[[nodiscard]] std::string_view operation_name(std::size_t index);

}  // namespace leeward::gateway
