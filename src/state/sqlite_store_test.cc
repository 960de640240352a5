// SPDX-License-Identifier: Apache-2.0
#include "state/sqlite_store.h"

#include <csignal>
#include <fstream>
#include <iterator>
#include <latch>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "state/sqlite_fixture.h"

namespace leeward::state {
namespace {

using testing::Values;

const NamedFactory kSqlite{"Sqlite", [] { return std::make_unique<SqliteUnderTest>(); }};
// Every request its own commit: the other path through the worker.
const NamedFactory kSqliteUngrouped{"SqliteUngrouped", [] {
                                      SqliteOptions options;
                                      options.group_max = 1;
                                      return std::make_unique<SqliteUnderTest>(options);
                                    }};

std::string factory_name(const testing::TestParamInfo<NamedFactory>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(State, StoreConformance, Values(kSqlite, kSqliteUngrouped), factory_name);
INSTANTIATE_TEST_SUITE_P(State, StoreTwin, Values(kSqlite), factory_name);

Result<std::unique_ptr<Store>> open(const std::string& path) {
  return open_sqlite_store(path, {}, [](std::move_only_function<void()> task) { task(); });
}

Error error_of(const std::string& path) {
  auto opened = open(path);
  return opened ? Error{ErrorCode::kInternal, "opened"} : opened.error();
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A store with something in it, closed.
std::string filled(const TemporaryDirectory& directory) {
  std::string path = directory.file("state.db");
  SqliteUnderTest test(path, {});
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(test.put("key/" + std::to_string(i), std::string(500, 'v')));
  }
  return path;
}

void run_sql(const std::string& path, const char* sql) {
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &connection), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(connection, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(connection);
}

TEST(SqliteFile, IsPrivate) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("state.db");
  const mode_t before = ::umask(0);
  SqliteUnderTest test(path, {});
  ASSERT_TRUE(test.put("a", "1"));
  ::umask(before);
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    struct stat info{};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U) << entry.path();
  }
  ::chmod(path.c_str(), 0644);
  test.restart();
  struct stat info{};
  ::stat(path.c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0600U) << "tightened when opened";
}

TEST(SqliteFile, NeedsItsDirectory) {
  const TemporaryDirectory directory;
  const Error error = error_of(directory.file("no/such/state.db"));
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_TRUE(error.message.contains("no/such does not exist; create it")) << error.message;
}

TEST(SqliteFile, IsNotADirectory) {
  const TemporaryDirectory directory;
  const Error error = error_of(directory.path().string());
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(error.message.contains("not a regular file")) << error.message;
}

TEST(SqliteFile, ThatIsNoDatabaseIsLeftAlone) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("state.db");
  const std::string text(5000, 'x');
  write_bytes(path, text);
  const Error error = error_of(path);
  EXPECT_EQ(error.code, ErrorCode::kDataCorrupt);
  EXPECT_TRUE(error.message.contains(path)) << error.message;
  EXPECT_TRUE(error.message.contains("Restore it from a backup")) << error.message;
  EXPECT_EQ(bytes_of(path), text);
}

TEST(SqliteFile, DamagedAnywhereIsFoundAndLeftAlone) {
  const TemporaryDirectory directory;
  const std::string path = filled(directory);
  const std::string good = bytes_of(path);
  ASSERT_GT(good.size(), 40'000U);
  int found = 0;
  int tried = 0;
  for (std::size_t at = 0; at + 2048 < good.size(); at += 4096) {
    std::string bad = good;
    bad.replace(at, 2048, std::string(2048, '\x5A'));
    write_bytes(path, bad);
    const Error error = error_of(path);
    ++tried;
    if (error.code == ErrorCode::kDataCorrupt) {
      ++found;
      EXPECT_EQ(bytes_of(path), bad) << "overwritten at " << at;
    }
    std::filesystem::remove(path + "-wal");
  }
  EXPECT_EQ(found, tried);
  for (const std::size_t size : {good.size() / 2, std::size_t{100}, std::size_t{4096}}) {
    write_bytes(path, good.substr(0, size));
    EXPECT_EQ(error_of(path).code, ErrorCode::kDataCorrupt) << "cut to " << size;
    EXPECT_EQ(bytes_of(path), good.substr(0, size));
  }
  write_bytes(path, good);
  EXPECT_TRUE(open(path));
}

TEST(SqliteFile, OfAnotherProgramIsLeftAlone) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("state.db");
  run_sql(path, "CREATE TABLE songs (name TEXT)");
  const std::string before = bytes_of(path);
  const Error error = error_of(path);
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(error.message.contains("another program")) << error.message;
  EXPECT_EQ(bytes_of(path), before);
}

TEST(SqliteFile, OfANewerVersionIsLeftAlone) {
  const TemporaryDirectory directory;
  const std::string path = filled(directory);
  run_sql(path, "PRAGMA user_version = 2");
  const Error error = error_of(path);
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(error.message.contains("newer Leeward (schema 2, this one knows 1)"))
      << error.message;
}

TEST(SqliteFile, HasOneOwner) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("state.db");
  SqliteUnderTest first(path, {});
  const Error error = error_of(path);
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_TRUE(error.message.contains("has it open")) << error.message;
  EXPECT_TRUE(first.put("a", "1")) << "the owner is not disturbed";
}

TEST(SqliteFile, KeepsAHistoryOfBoundedLength) {
  SqliteOptions options;
  options.history_revisions = 20;
  SqliteUnderTest test(options);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(test.put("k", std::to_string(i)));
  }
  std::optional<Error> ended;
  const auto watch = test.store().watch(KeyRange::all(), 50, [&](Result<WatchBatch> news) {
    ended = news ? std::optional<Error>() : news.error();
  });
  test.tasks().run_until([&] { return ended.has_value(); });
  EXPECT_EQ(ended->code, ErrorCode::kFailedPrecondition);
  int batches = 0;
  const auto recent =
      test.store().watch(KeyRange::all(), 85, [&](const Result<WatchBatch>&) { ++batches; });
  test.tasks().run_until([&] { return batches == 16; });
}

TEST(SqliteQueue, IsBoundedAndSaysSo) {
  const TemporaryDirectory directory;
  SqliteOptions options;
  options.queue_max = 3;
  std::latch stuck(1);
  std::latch released(1);
  std::atomic<bool> first = true;
  const std::thread::id caller = std::this_thread::get_id();
  auto opened = open_sqlite_store(
      directory.file("state.db"), options, [&](std::move_only_function<void()> task) {
        if (std::this_thread::get_id() != caller && first.exchange(false)) {
          stuck.count_down();
          released.wait();
        }
        task();
      });
  ASSERT_TRUE(opened);
  std::atomic<int> done = 0;
  int refused = 0;
  const auto put = [&] {
    (*opened)->transact({.compares = {}, .then = {Put{"k", "v", 0}}, .otherwise = {}},
                        [&](const Result<TransactionResult>& result) {
                          if (result) {
                            ++done;
                          } else {
                            EXPECT_EQ(result.error().code, ErrorCode::kResourceExhausted);
                            EXPECT_TRUE(result.error().message.contains("3 requests behind"));
                            ++refused;
                          }
                        });
  };
  put();
  stuck.wait();  // the store's thread is busy with the first one's handler
  for (int i = 0; i < 5; ++i) {
    put();
  }
  EXPECT_EQ(refused, 2);
  released.count_down();
  (*opened)->close();
  EXPECT_EQ(done, 4);
}

// Writes until it fails; returns how many were acknowledged.
int fill(StoreUnderTest& test, Error& error) {
  for (int i = 0; i < 5000; ++i) {
    const auto result = test.put("fill/" + std::to_string(i), std::string(8000, 'f'));
    if (!result) {
      error = result.error();
      return i;
    }
  }
  return -1;
}

void expect_all_there(StoreUnderTest& test, int acknowledged) {
  for (int i = 0; i < acknowledged; ++i) {
    ASSERT_EQ(test.value("fill/" + std::to_string(i)).size(), 8000U) << i;
  }
}

TEST(SqliteFullDisk, FileLimitFailsWritesLosesNothingAndPasses) {
  SqliteUnderTest test;
  ASSERT_TRUE(test.put("before", "1"));
  (void)std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const struct rlimit small{.rlim_cur = 400'000, .rlim_max = limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  Error error;
  const int acknowledged = fill(test, error);
  EXPECT_EQ(test.value("before"), "1") << "reads go on";
  // In a group: the write fails, the read beside it does not.
  int answers = 0;
  test.store().transact(
      {.compares = {}, .then = {Put{"x", std::string(500'000, 'x'), 0}}, .otherwise = {}},
      [&](const Result<TransactionResult>& result) {
        EXPECT_FALSE(result);
        ++answers;
      });
  test.store().read({KeyRange::one("before"), 0}, [&](const Result<RangeResult>& result) {
    EXPECT_TRUE(result && result->count == 1);
    ++answers;
  });
  test.tasks().run_until([&] { return answers == 2; });
  ::setrlimit(RLIMIT_FSIZE, &limit);
  ASSERT_GT(acknowledged, 5);
  EXPECT_TRUE(error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kResourceExhausted);
  EXPECT_TRUE(error.message.contains(test.path())) << error.message;
  const auto after = test.put("after", "1");
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->revision, acknowledged + 2) << "failed ones took no revision";
  expect_all_there(test, acknowledged);
  test.restart();
  expect_all_there(test, acknowledged);
  EXPECT_EQ(test.value("after"), "1");
}

TEST(SqliteFullDisk, FullFileSystemSaysSoAndPasses) {
  const TemporaryDirectory directory;
  const std::string disk = directory.file("disk");
  std::filesystem::create_directory(disk);
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "mounting a small file system needs root; the file-limit test covers the rest";
  }
  {
    write_bytes(disk + "/ballast", std::string(500'000, 'b'));
    SqliteUnderTest test(disk + "/state.db", {});
    Error error;
    const int acknowledged = fill(test, error);
    EXPECT_GT(acknowledged, 5);
    EXPECT_EQ(error.code, ErrorCode::kResourceExhausted);
    EXPECT_TRUE(error.message.contains("full; free some space")) << error.message;
    std::filesystem::remove(disk + "/ballast");
    EXPECT_TRUE(test.put("after", "1"));
    expect_all_there(test, acknowledged);
  }
  ::umount(disk.c_str());
}

}  // namespace
}  // namespace leeward::state
