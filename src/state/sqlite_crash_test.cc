// SPDX-License-Identifier: Apache-2.0
//
// kill -9 at any moment loses nothing acknowledged. This program starts itself again as a writer
// that reports each acknowledged write on a pipe, kills it after a random number of reports, opens
// the file and looks.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "state/sqlite_fixture.h"

namespace leeward::state {
namespace {

constexpr const char* kFileVariable = "LEEWARD_CRASH_TEST_FILE";
constexpr const char* kFirstVariable = "LEEWARD_CRASH_TEST_FIRST";
constexpr int kReportDescriptor = 3;
constexpr int kRounds = 20;
constexpr int kInFlight = 16;

std::string key_of(int number) {
  return "n/" + std::to_string(number);
}

// The writer: n/<i> and last = <i> in one transaction, a few in flight, until killed.
TEST(SqliteCrashWriter, DISABLED_WritesUntilKilled) {
  const char* path = std::getenv(kFileVariable);
  ASSERT_NE(path, nullptr);
  int next = std::atoi(std::getenv(kFirstVariable));
  auto opened = open_sqlite_store(path, {}, [](std::move_only_function<void()> task) { task(); });
  ASSERT_TRUE(opened) << opened.error().message;
  std::atomic<int> in_flight = 0;
  for (;; ++next) {
    while (in_flight >= kInFlight) {
      std::this_thread::yield();
    }
    ++in_flight;
    (*opened)->transact(
        {.compares = {},
         .then = {Put{key_of(next), std::string(300, 'x'), 0},
                  Put{"last", std::to_string(next), 0}},
         .otherwise = {}},
        [next, &in_flight](const Result<TransactionResult>& result) {
          if (!result || ::write(kReportDescriptor, &next, sizeof next) != ssize_t{sizeof next}) {
            std::_Exit(1);
          }
          --in_flight;
        });
  }
}

class Writer {
 public:
  Writer(const std::string& path, int first) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      std::abort();
    }
    const std::string file = std::string(kFileVariable) + "=" + path;
    const std::string from = std::string(kFirstVariable) + "=" + std::to_string(first);
    const char* arguments[] = {"test_state", "--gtest_filter=SqliteCrashWriter.*",
                               "--gtest_also_run_disabled_tests", nullptr};
    const char* environment[] = {file.c_str(), from.c_str(), nullptr};
    process_ = ::fork();
    if (process_ == 0) {
      // dup2 onto itself would keep close-on-exec.
      if (ends[1] == kReportDescriptor) {
        ::fcntl(ends[1], F_SETFD, 0);
      } else {
        ::dup2(ends[1], kReportDescriptor);
      }
      const int quiet = ::open("/dev/null", O_WRONLY);
      ::dup2(quiet, STDOUT_FILENO);
      ::execve("/proc/self/exe", const_cast<char**>(arguments), const_cast<char**>(environment));
      ::_exit(127);
    }
    ::close(ends[1]);
    reports_ = ends[0];
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    kill();
    ::close(reports_);
  }

  // The next acknowledged number; -1 when the writer is gone and all was read.
  [[nodiscard]] int next_report() const {
    int number = 0;
    const ssize_t got = ::read(reports_, &number, sizeof number);
    return got == ssize_t{sizeof number} ? number : -1;
  }

  void kill() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
      process_ = 0;
    }
  }

 private:
  pid_t process_ = 0;
  int reports_ = -1;
};

TEST(SqliteCrash, KillLosesNothingAcknowledged) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("state.db");
  Rng rng(20'261'123);
  int first = 0;
  int acknowledged = -1;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    Writer writer(path, first);
    for (std::uint64_t reports = 1 + rng.below(120); reports > 0; --reports) {
      const int number = writer.next_report();
      ASSERT_GT(number, acknowledged) << "the writer failed";
      acknowledged = number;
    }
    writer.kill();
    for (int number = writer.next_report(); number >= 0; number = writer.next_report()) {
      acknowledged = number;
    }

    SqliteUnderTest test(path, {});
    const int last = std::atoi(test.value("last").c_str());
    ASSERT_GE(last, acknowledged);
    const auto all = test.read(KeyRange::prefix("n/"));
    ASSERT_TRUE(all);
    EXPECT_EQ(all->count, static_cast<std::size_t>(last) + 1) << "none missing, none half";
    EXPECT_EQ(all->revision, last + 1);
    for (int number = first; number <= last; ++number) {
      ASSERT_EQ(test.value(key_of(number)).size(), 300U) << number;
    }
    first = last + 1;
  }
}

TEST(SqliteCrash, AnotherProcessHoldsTheFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("state.db");
  const Writer writer(path, 0);
  ASSERT_GE(writer.next_report(), 0);
  const auto opened =
      open_sqlite_store(path, {}, [](std::move_only_function<void()> task) { task(); });
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(opened.error().message.contains("has it open")) << opened.error().message;
}

}  // namespace
}  // namespace leeward::state
