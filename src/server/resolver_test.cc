// SPDX-License-Identifier: Apache-2.0
//
// Other people's programs against our server: dig, kdig, and Unbound as a resolver in front.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/test_support.h"

extern char** environ;

namespace leeward::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string output_of(const std::string& command) {
  std::string output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) {
    return "cannot run " + command;
  }
  std::array<char, 4096> buffer{};
  while (fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) {
    output += buffer.data();
  }
  (void)pclose(pipe);
  return output;
}

bool is_installed(const std::string& program) {
  return !output_of("PATH=\"$PATH:/usr/sbin:/sbin\" command -v " + program).empty();
}

class Dig : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!is_installed(GetParam())) {
      GTEST_SKIP() << GetParam() << " is not installed (scripts/setup installs it)";
    }
  }

  std::string ask(const std::string& arguments) {
    return output_of(fmt::format("{} @127.0.0.1 -p {} {}", GetParam(),
                                 server_->endpoints().at(0).port, arguments));
  }

  std::unique_ptr<DnsServer> server_ = start_server();
};

TEST_P(Dig, GetsAnswersOverUdpAndTcp) {
  for (const char* transport : {"+notcp", "+tcp"}) {
    EXPECT_EQ(ask(fmt::format("{} +short www.example.test A", transport)), "192.0.2.1\n");
    EXPECT_EQ(ask(fmt::format("{} +short www.example.test AAAA", transport)), "2001:db8::1\n");
    EXPECT_THAT(ask(fmt::format("{} none.example.test", transport)), HasSubstr("NXDOMAIN"));
    EXPECT_THAT(ask(fmt::format("{} www.elsewhere.test", transport)), HasSubstr("REFUSED"));
  }
}

TEST_P(Dig, FallsBackToTcpWhenTruncated) {
  const std::string plain = ask("+ignore +noedns big.example.test TXT");
  EXPECT_THAT(plain, HasSubstr(" tc"));
  const std::string whole = ask("big.example.test TXT");
  EXPECT_THAT(whole, HasSubstr("TCP"));
  EXPECT_THAT(whole, HasSubstr("ANSWER: 40"));
}

TEST_P(Dig, SizesFollowEdns) {
  EXPECT_THAT(ask("+ignore +noedns many.example.test A"), HasSubstr(" tc"));
  EXPECT_THAT(ask("+ignore +bufsize=1232 many.example.test A"), Not(HasSubstr(" tc")));
  EXPECT_THAT(ask("+noedns www.example.test A"), Not(HasSubstr("EDNS")));
  EXPECT_THAT(ask("+bufsize=1232 www.example.test A"), HasSubstr("EDNS"));
}

INSTANTIATE_TEST_SUITE_P(Programs, Dig, ::testing::Values("dig", "kdig"),
                         [](const auto& info) { return std::string(info.param); });

// ------------------------------------------------------------------ a resolver in front

class Unbound : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_installed("unbound") || !is_installed("dig")) {
      GTEST_SKIP() << "unbound or dig is not installed (scripts/setup installs them)";
    }
    directory_ =
        std::filesystem::temp_directory_path() / fmt::format("leeward-unbound-{}", getpid());
    std::filesystem::create_directories(directory_);
    {
      const auto free = bind_endpoint({"127.0.0.1", 0}, 1);
      ASSERT_TRUE(free);
      port_ = free->endpoint.port;
    }
    write_config();
    spawn();
  }

  void TearDown() override {
    if (process_ > 0) {
      (void)kill(process_, SIGKILL);
      (void)waitpid(process_, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }

  // A validating resolver that knows no root: our zone by a stub, unsigned on purpose.
  void write_config() {
    std::ofstream(directory_ / "unbound.conf") << fmt::format(
        "server:\n"
        "  interface: 127.0.0.1\n  port: {}\n  access-control: 127.0.0.0/8 allow\n"
        "  do-ip6: no\n  do-daemonize: no\n  num-threads: 1\n  chroot: \"\"\n  username: \"\"\n"
        "  directory: \"{}\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n"
        "  do-not-query-localhost: no\n  use-caps-for-id: yes\n  qname-minimisation: yes\n"
        "  module-config: \"validator iterator\"\n"
        "  trust-anchor: \". DS 20326 8 2 "
        "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\"\n"
        "  domain-insecure: \"example.test\"\n  local-zone: \"test.\" nodefault\n"
        "remote-control:\n  control-enable: no\n"
        "stub-zone:\n  name: \"example.test\"\n  stub-addr: 127.0.0.1@{}\n",
        port_, directory_.string(), server_->endpoints().at(0).port);
  }

  void spawn() {
    const std::string config = (directory_ / "unbound.conf").string();
    std::string name = "unbound";
    std::string foreground = "-d";
    std::string option = "-c";
    std::string path = config;
    std::array<char*, 5> arguments = {name.data(), foreground.data(), option.data(), path.data(),
                                      nullptr};
    const char* program = access("/usr/sbin/unbound", X_OK) == 0 ? "/usr/sbin/unbound" : "unbound";
    ASSERT_EQ(posix_spawnp(&process_, program, nullptr, nullptr, arguments.data(), environ), 0);
  }

  std::string resolve(const std::string& question) const {
    return output_of(fmt::format("dig @127.0.0.1 -p {} +time=2 +tries=1 {}", port_, question));
  }

  std::unique_ptr<DnsServer> server_ = start_server();
  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

TEST_F(Unbound, ResolvesOurNames) {
  ASSERT_TRUE(eventually([&] { return resolve("+short www.example.test A") == "192.0.2.1\n"; }))
      << resolve("www.example.test A");
  EXPECT_EQ(resolve("+short www.example.test AAAA"), "2001:db8::1\n");
  EXPECT_THAT(resolve("none.example.test A"), HasSubstr("NXDOMAIN"));
  EXPECT_THAT(resolve("www.example.test MX"), HasSubstr("ANSWER: 0"));
  EXPECT_THAT(resolve("big.example.test TXT"), HasSubstr("ANSWER: 40"));
}

}  // namespace
}  // namespace leeward::server
