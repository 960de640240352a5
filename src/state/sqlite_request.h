// SPDX-License-Identifier: Apache-2.0
//
// One thing asked of the SQLite store, from call to handler: work that may be run again when the
// group it shared a commit with failed, and a handler that runs once. Not thread-safe: handed from
// the caller's thread to the store's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "state/sqlite_database.h"
#include "state/sqlite_store.h"

namespace leeward::state {

class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  virtual ~Request() = default;

  [[nodiscard]] virtual bool writes() const = 0;
  virtual void run(Database& database) = 0;
  virtual void refuse(Error error) = 0;  // instead of the result of run()
  virtual void settle(const Post& post) = 0;
};

template <typename T>
class RequestOf : public Request {
 public:
  using Work = std::move_only_function<Result<T>(Database&)>;
  using Committed = std::move_only_function<void(const T&)>;

  // `committed` runs on the store's thread, before the handler is posted.
  RequestOf(bool writes, Work work, Handler<T> handler, Committed committed = {})
      : writes_(writes),
        work_(std::move(work)),
        handler_(std::move(handler)),
        committed_(std::move(committed)) {}

  [[nodiscard]] bool writes() const override { return writes_; }
  void run(Database& database) override { result_.emplace(work_(database)); }
  void refuse(Error error) override { result_.emplace(fail(std::move(error))); }
  void settle(const Post& post) override {
    if (*result_ && committed_) {
      committed_(**result_);
    }
    post([handler = std::move(handler_), result = std::move(*result_)]() mutable {
      handler(std::move(result));
    });
  }

 private:
  bool writes_;
  Work work_;
  Handler<T> handler_;
  Committed committed_;
  std::optional<Result<T>> result_;
};

}  // namespace leeward::state
