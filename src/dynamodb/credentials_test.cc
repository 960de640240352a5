// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/credentials.h"

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dynamodb/credentials_ini.h"

namespace leeward::dynamodb {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// An environment, files and services without any of them being real.
struct FakeWorld {
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> files;
  std::map<std::string, FetchAnswer> answers;  // "GET http://..."
  std::vector<FetchRequest> asked;
  WallTime now = *parse_rfc3339("2026-11-23T12:00:00Z");

  CredentialWorld world() {
    return {.get_env = [this](const std::string& name) -> std::optional<std::string> {
              const auto found = env.find(name);
              return found == env.end() ? std::nullopt : std::optional(found->second);
            },
            .read_file = [this](const std::string& path) -> Result<std::string> {
              const auto found = files.find(path);
              return found == files.end()
                         ? Result<std::string>(fail(ErrorCode::kNotFound, path + ": no such file"))
                         : Result<std::string>(found->second);
            },
            .fetch = [this](const FetchRequest& request) -> Result<FetchAnswer> {
              asked.push_back(request);
              const auto found = answers.find(request.method + " " + request.url);
              return found == answers.end()
                         ? Result<FetchAnswer>(fail(ErrorCode::kUnavailable, "no route"))
                         : Result<FetchAnswer>(found->second);
            },
            .now = [this] { return now; }};
  }

  Result<TimedCredentials> find() { return find_credentials(world()); }
  std::string id() {
    const auto found = find();
    return found ? found->credentials.access_key_id : "error: " + found.error().message;
  }
};

constexpr const char* kSts = "https://sts.amazonaws.com/";
const char* const kAssumed = R"(<AssumeRoleWithWebIdentityResponse
  xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
  <Credentials><SessionToken>tok/en&amp;==</SessionToken><SecretAccessKey>s3cret</SecretAccessKey>
  <Expiration>2026-11-23T13:00:00Z</Expiration><AccessKeyId>ASIAROLE</AccessKeyId></Credentials>
  </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>)";
const char* const kMetadata = R"({"Code": "Success", "AccessKeyId": "ASIAHOST",
  "SecretAccessKey": "s3cret", "Token": "token", "Expiration": "2026-11-23T18:00:00Z"})";

TEST(Credentials, ComeFromTheFirstThatIsConfigured) {
  FakeWorld fake;
  EXPECT_THAT(fake.id(), AllOf(HasSubstr("AWS_ACCESS_KEY_ID is not set"),
                               HasSubstr("AWS_WEB_IDENTITY_TOKEN_FILE is not set"),
                               HasSubstr("no instance metadata at http://169.254.169.254"),
                               HasSubstr("DynamoDB Local")));
  EXPECT_EQ(fake.find().error().code, ErrorCode::kUnauthenticated);

  const std::string role = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
  fake.answers["PUT http://169.254.169.254/latest/api/token"] = {200, "session\n"};
  EXPECT_THAT(fake.id(), HasSubstr("knows no role"));
  fake.answers["GET " + role] = {200, "app role\n"};
  fake.answers["GET " + role + "app%20role"] = {200, kMetadata};
  EXPECT_EQ(fake.id(), "ASIAHOST");
  EXPECT_EQ(fake.asked.back().headers.at(0).second, "session");
  fake.env["AWS_EC2_METADATA_DISABLED"] = "True";
  EXPECT_THAT(fake.id(), HasSubstr("disabled"));

  fake.env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/creds";
  fake.answers["GET http://169.254.170.2/v2/creds"] = {
      200, R"({"AccessKeyId": "ASIATASK", "SecretAccessKey": "s", "Token": "t"})"};
  EXPECT_EQ(fake.id(), "ASIATASK");

  fake.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
  fake.env["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/app";
  fake.files["/token"] = "ey.J+h\n";
  fake.answers[std::string("POST ") + kSts] = {200, kAssumed};
  EXPECT_EQ(fake.id(), "ASIAROLE");
  EXPECT_THAT(fake.asked.back().body,
              AllOf(HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fapp&"),
                    HasSubstr("&WebIdentityToken=ey.J%2Bh")));
  EXPECT_EQ(fake.find()->credentials.session_token.reveal(), "tok/en&==");
  EXPECT_EQ(fake.find()->expires, *parse_rfc3339("2026-11-23T13:00:00Z"));

  fake.env["HOME"] = "/home/u";
  fake.files["/home/u/.aws/credentials"] =
      "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key=x\n";
  EXPECT_EQ(fake.id(), "AKIAFILE");

  fake.env["AWS_ACCESS_KEY_ID"] = "AKIAENV";
  EXPECT_THAT(fake.id(), HasSubstr("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"));
  fake.env["AWS_SECRET_ACCESS_KEY"] = "x";
  EXPECT_EQ(fake.id(), "AKIAENV");
}

TEST(Credentials, ProfilesAreNamedMergedAndRefusedByName) {
  FakeWorld fake;
  fake.env["AWS_PROFILE"] = "dev";
  fake.env["AWS_SHARED_CREDENTIALS_FILE"] = "/c";
  fake.env["AWS_CONFIG_FILE"] = "/f";
  EXPECT_THAT(fake.id(), HasSubstr("AWS_PROFILE is 'dev', and neither /c nor /f has it"));
  fake.files["/f"] =
      "[profile dev]\nregion = eu-west-3\naws_access_key_id = AKIACONFIG\n"
      "aws_secret_access_key = y # why\n[profile sso]\nsso_session = corp\n"
      "[profile web]\nweb_identity_token_file = /token\nrole_arn = arn:x\nregion = cn-north-1\n";
  EXPECT_EQ(fake.id(), "AKIACONFIG");
  EXPECT_EQ(fake.find()->credentials.secret_access_key.reveal(), "y");
  fake.files["/c"] = "[dev]\naws_access_key_id = AKIAFILE\naws_secret_access_key = x\n";
  EXPECT_EQ(fake.id(), "AKIAFILE");
  fake.env["AWS_PROFILE"] = "sso";
  EXPECT_THAT(fake.id(), AllOf(HasSubstr("AWS profile 'sso'"), HasSubstr("'sso_session'"),
                               HasSubstr("export-credentials --profile sso")));
  fake.env["AWS_PROFILE"] = "web";
  fake.files["/token"] = "t";
  fake.answers["POST https://sts.cn-north-1.amazonaws.com.cn/"] = {200, kAssumed};
  EXPECT_EQ(fake.id(), "ASIAROLE");
  fake.files["/c"] = "[dev]\nsuper-secret-line\n";
  EXPECT_THAT(fake.id(), AllOf(HasSubstr("/c: line 2"), Not(HasSubstr("super-secret"))));
}

TEST(Credentials, WhatIsConfiguredAndFailsIsTheError) {
  FakeWorld fake;
  fake.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
  EXPECT_THAT(fake.id(), HasSubstr("without AWS_ROLE_ARN"));
  fake.env["AWS_ROLE_ARN"] = "arn:x";
  EXPECT_THAT(fake.id(), HasSubstr("/token: no such file"));
  fake.files["/token"] = "t";
  fake.answers[std::string("POST ") + kSts] = {
      403,
      "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></"
      "ErrorResponse>"};
  EXPECT_THAT(fake.id(), HasSubstr("AccessDenied: no"));
  fake.env["AWS_ENDPOINT_URL_STS"] = "http://sts.example.test";
  EXPECT_THAT(fake.id(), HasSubstr("over https only"));
  fake.env["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:99";
  EXPECT_THAT(fake.id(), HasSubstr("no route"));

  FakeWorld container;
  container.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://example.test/creds";
  EXPECT_THAT(container.id(), HasSubstr("over http only this host"));
  container.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.evil.test/creds";
  EXPECT_THAT(container.id(), HasSubstr("over http only this host"));
  container.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost:9/creds";
  container.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "a\r\nb";
  EXPECT_THAT(container.id(), HasSubstr("line ends"));
  container.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "Basic abc";
  container.answers["GET http://localhost:9/creds"] = {500, "secret"};
  EXPECT_THAT(container.id(), AllOf(HasSubstr("status 500"), Not(HasSubstr("secret"))));
  EXPECT_EQ(container.asked.back().headers.at(0).second, "Basic abc");
  container.answers["GET http://localhost:9/creds"] = {200, R"({"AccessKeyId": "A\nB: c",
    "SecretAccessKey": "x"})"};
  EXPECT_THAT(container.id(), HasSubstr("characters that no key has"));
}

TEST(CredentialSource, FetchesBeforeExpiryAndKeepsTheOldOnesMeanwhile) {
  FakeWorld fake;
  fake.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/creds";
  const auto lend = [&fake](const std::string& id, const std::string& until) {
    fake.answers["GET http://localhost/creds"] = {
        200, R"({"AccessKeyId": ")" + id + R"(", "SecretAccessKey": "x", "Expiration": ")" + until +
                 R"("})"};
  };
  lend("FIRST", "2026-11-23T13:00:00Z");
  CredentialSource source(fake.world());
  const auto id = [&source] {
    const auto got = source.get();
    return got ? got->access_key_id : got.error().message;
  };
  EXPECT_EQ(id(), "FIRST");
  lend("SECOND", "2026-11-23T14:00:00Z");
  fake.now = *parse_rfc3339("2026-11-23T12:54:59Z");
  EXPECT_EQ(id(), "FIRST");
  fake.now = *parse_rfc3339("2026-11-23T12:55:00Z");
  EXPECT_EQ(id(), "SECOND");

  fake.answers.clear();
  const std::size_t before = fake.asked.size();
  fake.now = *parse_rfc3339("2026-11-23T13:56:00Z");
  EXPECT_EQ(id(), "SECOND");
  EXPECT_EQ(id(), "SECOND");
  EXPECT_EQ(fake.asked.size(), before + 1) << "one attempt per minute";
  fake.now = *parse_rfc3339("2026-11-23T14:00:00Z");
  EXPECT_THAT(id(), HasSubstr("no route"));
  lend("THIRD", "2026-11-23T15:00:00Z");
  EXPECT_EQ(id(), "THIRD");
  lend("FOURTH", "2026-11-23T15:00:00Z");
  source.expire();
  EXPECT_EQ(id(), "FOURTH");

  CredentialSource fixed(Credentials{"FIXED", Secret("x"), Secret()});
  fixed.expire();
  EXPECT_EQ(fixed.get()->access_key_id, "FIXED");
}

TEST(CredentialSource, OneThreadFetchesForAll) {
  std::atomic<int> fetches = 0;
  CredentialSource source({.get_env = [](const std::string& name) -> std::optional<std::string> {
                             return name == "AWS_CONTAINER_CREDENTIALS_FULL_URI"
                                        ? std::optional<std::string>("http://localhost/creds")
                                        : std::nullopt;
                           },
                           .read_file = [](const std::string&) -> Result<std::string> {
                             return fail(ErrorCode::kNotFound, "none");
                           },
                           .fetch = [&](const FetchRequest&) -> Result<FetchAnswer> {
                             ++fetches;
                             std::this_thread::yield();
                             return FetchAnswer{200, kMetadata};
                           },
                           .now = [] { return *parse_rfc3339("2026-11-23T12:00:00Z"); }});
  std::atomic<int> good = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        const auto got = source.get();
        good += got && got->access_key_id == "ASIAHOST" ? 1 : 0;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, 800);
  EXPECT_EQ(fetches, 1);
}

TEST(Ini, IsReadAsTheSdksDo) {
  const auto file = parse_ini(
      "# comment\n; another\r\n[default]\r\nAWS_Access_Key_Id = A=B # trailing\nempty =\n"
      "s3 =\n  max_queue_size = 1000\n\tx = 1\n[ profile   dev ] # of "
      "mine\na=1\na=2;3\n[default]\nb = 4");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(
      *file,
      (IniFile{{"default", {{"aws_access_key_id", "A=B"}, {"empty", ""}, {"s3", ""}, {"b", "4"}}},
               {"profile dev", {{"a", "2;3"}}}}));
  EXPECT_EQ(parse_ini("")->size(), 0U);
  EXPECT_THAT(parse_ini("a = 1").error().message, HasSubstr("line 1: a setting before"));
  EXPECT_THAT(parse_ini("[a]\n\nb").error().message, HasSubstr("line 3"));
  EXPECT_THAT(parse_ini("[a").error().message, HasSubstr("without ']'"));
  EXPECT_FALSE(parse_ini(std::string(kIniBytesMax + 1, '#')));
}

TEST(Answers, ThatAreWrongAreErrorsWithoutTheirText) {
  for (const char* bad :
       {"", "{}", "[]", "nonsense", R"({"AccessKeyId": 3})",
        R"({"Code": "Failed", "AccessKeyId": "A", "SecretAccessKey": "x"})",
        R"({"AccessKeyId": "A", "SecretAccessKey": "x", "Expiration": "soon"})"}) {
    EXPECT_FALSE(parse_metadata_answer(bad)) << bad;
  }
  for (const char* bad : {"", "{}", "<a>", "<AssumeRoleWithWebIdentityResponse/>"}) {
    EXPECT_FALSE(parse_assume_role_answer(bad)) << bad;
  }
  EXPECT_EQ(sts_error("<html/>"), "");
  EXPECT_FALSE(parse_metadata_answer(std::string(kCredentialAnswerBytesMax + 1, ' ')));
}

TEST(Endpoints, FollowThePartitionAndTheEnvironment) {
  std::map<std::string, std::string> env;
  const GetEnv get_env = [&env](const std::string& name) -> std::optional<std::string> {
    const auto found = env.find(name);
    return found == env.end() ? std::nullopt : std::optional(found->second);
  };
  const auto url = [&](const std::string& given, const std::string& region) {
    const auto endpoint = resolve_endpoint(given, region, get_env);
    return endpoint ? endpoint->url : "error: " + endpoint.error().message;
  };
  EXPECT_EQ(url("", "eu-west-3"), "https://dynamodb.eu-west-3.amazonaws.com");
  EXPECT_EQ(url("", "cn-northwest-1"), "https://dynamodb.cn-northwest-1.amazonaws.com.cn");
  EXPECT_EQ(url("", "us-gov-east-1"), "https://dynamodb.us-gov-east-1.amazonaws.com");
  EXPECT_EQ(url("", "us-isob-east-1"), "https://dynamodb.us-isob-east-1.sc2s.sgov.gov");
  EXPECT_THAT(url("", "GRA11"), HasSubstr("'GRA11' is not a region of Amazon's"));
  EXPECT_THAT(url("", "evil.test/x-1"), HasSubstr("is not a region"));
  EXPECT_EQ(url("http://127.0.0.1:8000/", "GRA11"), "http://127.0.0.1:8000");
  env["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1";
  EXPECT_EQ(url("", "eu-west-3"), "http://127.0.0.1:1");
  env["AWS_ENDPOINT_URL_DYNAMODB"] = "http://127.0.0.1:2";
  EXPECT_EQ(url("", "eu-west-3"), "http://127.0.0.1:2");
  EXPECT_EQ(url("http://127.0.0.1:3", "eu-west-3"), "http://127.0.0.1:3");
  env["AWS_ENDPOINT_URL_DYNAMODB"] = "127.0.0.1:2";
  EXPECT_THAT(url("", "eu-west-3"), HasSubstr("AWS_ENDPOINT_URL_DYNAMODB is '127.0.0.1:2'"));
  env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(url("", "eu-west-3"), "https://dynamodb.eu-west-3.amazonaws.com");
  for (const char* region : {"eu-west-3", "ap-southeast-10", "us-gov-west-1"}) {
    EXPECT_TRUE(is_aws_region(region)) << region;
  }
  for (const char* region :
       {"", "-", "eu-west-", "eu-3", "EU-west-3", "eu--west-3", "-eu-west-3"}) {
    EXPECT_FALSE(is_aws_region(region)) << region;
  }
}

}  // namespace
}  // namespace leeward::dynamodb
