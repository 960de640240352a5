// SPDX-License-Identifier: Apache-2.0
#include "lag/drain_barrier.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "lag/clock.h"

namespace leeward::lag {
namespace {

constexpr Duration kCallTimeout = std::chrono::milliseconds(500);
constexpr Duration kPause = std::chrono::milliseconds(2);

struct Waiting {
  std::string table;
  boost::json::object key;
  int lane = 0;
};

class Barrier {
 public:
  Barrier(const DrainRequest& request, const Connect& connect, const std::atomic<bool>& cancelled)
      : request_(request),
        cancelled_(cancelled),
        source_(connect(request.from)),
        destination_(connect(request.to)),
        sequence_(sequence_now()),
        start_(mono_now()) {}

  DrainResult run() {
    for (const std::string& table : request_.tables) {
      if (!write(table)) {
        return ended(fmt::format("the barrier cannot be written in {}: {}", request_.from, last_));
      }
    }
    const std::size_t count = waiting_.size();
    while (!waiting_.empty()) {
      std::erase_if(waiting_, [this](const Waiting& each) { return arrived(each); });
      if (!waiting_.empty() && !pause()) {
        return ended(fmt::format(
            "{} of {} lanes did not arrive in {} within {:.0f} ms, lane {} of {} among them{}{}",
            waiting_.size(), count, request_.to, to_milliseconds(mono_now() - start_),
            waiting_.front().lane, waiting_.front().table, last_.empty() ? "" : ": ", last_));
      }
    }
    DrainResult result = ended(fmt::format("drained: {} lanes of {} arrived in {} after {:.0f} ms",
                                           count, fmt::join(request_.tables, ", "), request_.to,
                                           to_milliseconds(mono_now() - start_)));
    result.proven = true;
    return result;
  }

 private:
  [[nodiscard]] DrainResult ended(std::string detail) const {
    return {false, mono_now() - start_, std::move(detail)};
  }

  // False: no time left.
  bool pause() {
    if (cancelled_ || mono_now() >= request_.deadline) {
      return false;
    }
    std::this_thread::sleep_for(kPause);
    return true;
  }

  bool write(const std::string& table) {
    std::vector<KeyAttribute> schema;
    do {
      const auto described =
          source_.call("DynamoDB_20120810.DescribeTable", {{"TableName", table}}, kCallTimeout);
      if (described) {
        auto keys = key_schema_of(*described);
        last_ = keys ? "" : keys.error().message;
        schema = keys ? std::move(*keys) : std::vector<KeyAttribute>{};
      } else {
        last_ = described.error().message;
      }
    } while (schema.empty() && pause());
    for (int lane = 0; !schema.empty() && lane < request_.lanes;) {
      const auto answer = source_.call(
          "DynamoDB_20120810.PutItem",
          {{"TableName", table},
           {"Item", probe_item(schema, ProbeKind::kBarrier, request_.from, lane, sequence_)}},
          kCallTimeout);
      if (answer) {
        waiting_.push_back(
            {table, probe_key(schema, ProbeKind::kBarrier, request_.from, lane), lane});
        ++lane;
      } else {
        last_ = answer.error().message;
        if (!pause()) {
          return false;
        }
      }
    }
    return !schema.empty();
  }

  bool arrived(const Waiting& each) {
    const auto answer = destination_.call(
        "DynamoDB_20120810.GetItem",
        {{"TableName", each.table}, {"ConsistentRead", true}, {"Key", each.key}}, kCallTimeout);
    last_ = answer ? "" : answer.error().message;
    const auto sequence = answer ? sequence_of(*answer) : std::nullopt;
    return sequence && *sequence >= sequence_;
  }

  const DrainRequest& request_;
  const std::atomic<bool>& cancelled_;
  dynamodb::Client source_;
  dynamodb::Client destination_;
  std::uint64_t sequence_;
  MonoTime start_;
  std::vector<Waiting> waiting_;
  std::string last_;  // the last error, for a person
};

}  // namespace

DrainResult drain(const DrainRequest& request, const Connect& connect,
                  const std::atomic<bool>& cancelled) {
  return Barrier(request, connect, cancelled).run();
}

}  // namespace leeward::lag
