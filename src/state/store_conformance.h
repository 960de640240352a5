// SPDX-License-Identifier: Apache-2.0
//
// For tests: what every Store must do, whatever is behind it. A new implementation instantiates
// StoreConformance and StoreTwin with its own factory and passes them unchanged.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "state/store.h"

namespace leeward::state {

// Where handlers wait until the test runs them, as an event loop would.
class TaskQueue {
 public:
  void post(std::move_only_function<void()> task);
  void run_until(const std::function<bool()>& done);  // fails the test after a minute
  void run_ready();

 private:
  std::optional<std::move_only_function<void()>> take(bool wait);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> tasks_;
};

class StoreUnderTest {
 public:
  StoreUnderTest() = default;
  StoreUnderTest(const StoreUnderTest&) = delete;
  StoreUnderTest& operator=(const StoreUnderTest&) = delete;
  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  virtual void pass_time(Duration duration) = 0;  // for leases
  virtual void restart() = 0;                     // close and open again
  virtual TaskQueue& tasks() = 0;

  // Calls, then runs handlers until this one's came.
  template <typename T>
  Result<T> await(const std::function<void(Handler<T>)>& call) {
    std::optional<Result<T>> result;
    call([&result](Result<T> got) { result.emplace(std::move(got)); });
    tasks().run_until([&result] { return result.has_value(); });
    if (!result) {
      return fail(ErrorCode::kDeadlineExceeded, "the handler never came");
    }
    return std::move(*result);
  }
  Result<TransactionResult> transact(Transaction transaction);
  Result<TransactionResult> put(const std::string& key, const std::string& value,
                                LeaseId lease = 0);
  Result<TransactionResult> remove(const KeyRange& range);
  Result<RangeResult> read(const KeyRange& range, std::size_t limit = 0);
  std::string value(const std::string& key);  // "" where there is none
  Result<LeaseId> grant(Duration ttl);
};

using StoreFactory = std::function<std::unique_ptr<StoreUnderTest>()>;
struct NamedFactory {
  std::string name;
  StoreFactory make;
};

class StoreConformance : public testing::TestWithParam<NamedFactory> {
 protected:
  std::unique_ptr<StoreUnderTest> test_ = GetParam().make();
};
class StoreTwin : public testing::TestWithParam<NamedFactory> {};

}  // namespace leeward::state
