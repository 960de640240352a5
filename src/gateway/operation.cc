// SPDX-License-Identifier: Apache-2.0
#include "gateway/operation.h"

#include <algorithm>
#include <array>

namespace leeward::gateway {
namespace {

struct Known {
  std::string_view name;
  Handling handling;
};

// Of the service model of 2012-08-10, sorted by name; streams after them.
constexpr auto kKnown = std::to_array<Known>({
    {"BatchExecuteStatement", Handling::kData},
    {"BatchGetItem", Handling::kData},
    {"BatchWriteItem", Handling::kData},
    {"CreateBackup", Handling::kForward},
    {"CreateGlobalTable", Handling::kTable},
    {"CreateTable", Handling::kTable},
    {"DeleteBackup", Handling::kForward},
    {"DeleteItem", Handling::kData},
    {"DeleteResourcePolicy", Handling::kForward},
    {"DeleteTable", Handling::kTable},
    {"DescribeBackup", Handling::kForward},
    {"DescribeContinuousBackups", Handling::kForward},
    {"DescribeContributorInsights", Handling::kForward},
    {"DescribeEndpoints", Handling::kForward},
    {"DescribeExport", Handling::kForward},
    {"DescribeGlobalTable", Handling::kTable},
    {"DescribeGlobalTableSettings", Handling::kTable},
    {"DescribeImport", Handling::kForward},
    {"DescribeKinesisStreamingDestination", Handling::kForward},
    {"DescribeLimits", Handling::kForward},
    {"DescribeTable", Handling::kTable},
    {"DescribeTableReplicaAutoScaling", Handling::kForward},
    {"DescribeTimeToLive", Handling::kForward},
    {"DisableKinesisStreamingDestination", Handling::kForward},
    {"EnableKinesisStreamingDestination", Handling::kForward},
    {"ExecuteStatement", Handling::kData},
    {"ExecuteTransaction", Handling::kData},
    {"ExportTableToPointInTime", Handling::kForward},
    {"GetItem", Handling::kData},
    {"GetResourcePolicy", Handling::kForward},
    {"ImportTable", Handling::kForward},
    {"ListBackups", Handling::kForward},
    {"ListContributorInsights", Handling::kForward},
    {"ListExports", Handling::kForward},
    {"ListGlobalTables", Handling::kTable},
    {"ListImports", Handling::kForward},
    {"ListTables", Handling::kTable},
    {"ListTagsOfResource", Handling::kForward},
    {"PutItem", Handling::kData},
    {"PutResourcePolicy", Handling::kForward},
    {"Query", Handling::kData},
    {"RestoreTableFromBackup", Handling::kForward},
    {"RestoreTableToPointInTime", Handling::kForward},
    {"Scan", Handling::kData},
    {"TagResource", Handling::kForward},
    {"TransactGetItems", Handling::kData},
    {"TransactWriteItems", Handling::kData},
    {"UntagResource", Handling::kForward},
    {"UpdateContinuousBackups", Handling::kForward},
    {"UpdateContributorInsights", Handling::kForward},
    {"UpdateGlobalTable", Handling::kTable},
    {"UpdateGlobalTableSettings", Handling::kTable},
    {"UpdateItem", Handling::kData},
    {"UpdateKinesisStreamingDestination", Handling::kForward},
    {"UpdateTable", Handling::kTable},
    {"UpdateTableReplicaAutoScaling", Handling::kForward},
    {"UpdateTimeToLive", Handling::kTable},
});

constexpr auto kStreams = std::to_array<Known>({
    {"DescribeStream", Handling::kStreams},
    {"GetRecords", Handling::kStreams},
    {"GetShardIterator", Handling::kStreams},
    {"ListStreams", Handling::kStreams},
});

template <typename Table>
std::optional<Operation> look_up(const Table& table, std::string_view name, std::size_t offset) {
  const auto found = std::ranges::lower_bound(table, name, {}, &Known::name);
  if (found == table.end() || found->name != name) {
    return std::nullopt;
  }
  return Operation{offset + static_cast<std::size_t>(found - table.begin()), found->name,
                   found->handling};
}

}  // namespace

static_assert(std::ranges::is_sorted(kKnown, {}, &Known::name));
static_assert(std::ranges::is_sorted(kStreams, {}, &Known::name));

std::optional<Operation> find_operation(std::string_view target) {
  if (target.starts_with(kTargetPrefix)) {
    return look_up(kKnown, target.substr(kTargetPrefix.size()), 0);
  }
  if (target.starts_with(kStreamsPrefix)) {
    return look_up(kStreams, target.substr(kStreamsPrefix.size()), kKnown.size());
  }
  return std::nullopt;
}

std::size_t operation_count() {
  return kKnown.size() + kStreams.size();
}

std::string_view operation_name(std::size_t index) {
  return index < kKnown.size() ? kKnown[index].name : kStreams[index - kKnown.size()].name;
}

}  // namespace leeward::gateway
