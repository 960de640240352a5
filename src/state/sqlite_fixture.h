// SPDX-License-Identifier: Apache-2.0
//
// For tests: a SQLite store in a directory of its own, removed afterwards.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <unistd.h>

#include "state/sqlite_store.h"
#include "state/store_conformance.h"

namespace leeward::state {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "leeward-state-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      std::abort();
    }
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class SqliteUnderTest : public StoreUnderTest {
 public:
  explicit SqliteUnderTest(SqliteOptions options = {}) : options_(options) { open(); }
  SqliteUnderTest(std::string path, SqliteOptions options)
      : options_(options), path_(std::move(path)) {
    open();
  }

  Store& store() override { return *store_; }
  TaskQueue& tasks() override { return tasks_; }
  void pass_time(Duration duration) override {
    tick();
    now_ += duration;
    tick();
  }
  void restart() override {
    store_.reset();
    tasks_.run_ready();
    open();
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void open() {
    auto opened = open_sqlite_store(path_, options_, [this](std::move_only_function<void()> task) {
      tasks_.post(std::move(task));
    });
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      std::abort();
    }
    store_ = std::move(*opened);
  }
  void tick() {
    store_->tick(now_);
    // A tick is handled with or after the first read, so before the second.
    (void)store_->read_now({KeyRange::all(), 1});
    (void)store_->read_now({KeyRange::all(), 1});
  }

  SqliteOptions options_;
  TemporaryDirectory directory_;
  std::string path_ = directory_.file("state.db");
  MonoTime now_ = MonoTime(std::chrono::hours(5));
  TaskQueue tasks_;
  std::unique_ptr<Store> store_;
};

}  // namespace leeward::state
