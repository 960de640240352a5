// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "dynamodb/client.h"
#include "dynamodb/sigv4.h"
#include "dynamodb/streams.h"

namespace leeward::dynamodb {
namespace {

// Made by botocore 1.43's SigV4Auth for these requests at 2026-11-23T11:40:08Z.
struct Vector {
  const char* host;
  const char* region;
  const char* body;
  const char* token;
  const char* signature;
};

constexpr Vector kVectors[] = {
    {"127.0.0.1:8101", "eu-west-3", "{}", "",
     "41fe1039edbf962ea35d4667044c008f4a8c8e61109c004f58ed229db66472ba"},
    {"dynamodb.eu-central-1.amazonaws.com", "eu-central-1", "{}", "",
     "a3581090a8874e1578d33884a88349e9517d29075d0b562af664968488de20e3"},
    {"127.0.0.1:8101", "eu-west-3", "{\"TableName\":\"items\",\"\u00e9\":1}", "",
     "093a56ebd4350cbf286dddb7bdfe6ad734246fdb016f54a46261bf84ea55861e"},
    {"127.0.0.1:8101", "eu-west-3", "{}",
     "TOKEN/with+chars==", "4163b4ec4b8fb6b6939ab26368e7ab0344338c344b13cfb28dc128170da92c43"},
    {"dynamodb.eu-central-1.amazonaws.com", "eu-central-1",
     "{\"TableName\":\"items\",\"\u00e9\":1}",
     "TOKEN/with+chars==", "4b4694ae54d486eeb7fffa4197281e2c6c42e74cb3bf30bc15af4737e3fc7295"},
};

TEST(SigV4, SignsAsBotocoreDoes) {
  const WallTime at = *parse_rfc3339("2026-11-23T11:40:08.000Z");
  for (const Vector& vector : kVectors) {
    const auto headers = sign(
        {.method = "POST",
         .host = vector.host,
         .path = "/",
         .body = vector.body,
         .region = vector.region,
         .service = "dynamodb",
         .headers = {{"content-type", "application/x-amz-json-1.0"},
                     {"x-amz-target", "DynamoDB_20120810.ListTables"}}},
        {"AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), Secret(vector.token)},
        at);
    const std::string& authorization = headers.back().second;
    EXPECT_TRUE(authorization.ends_with(std::string("Signature=") + vector.signature))
        << authorization;
    EXPECT_EQ(headers.front(),
              (std::pair<std::string, std::string>("x-amz-date", "20261123T114008Z")));
    EXPECT_EQ(headers.size(), *vector.token == '\0' ? 2U : 3U);
  }
}

TEST(Client, TellsFailuresApart) {
  EXPECT_EQ(failure_of("ConditionalCheckFailedException", 400), Failure::kConditionFailed);
  EXPECT_EQ(failure_of("TrimmedDataAccessException", 400), Failure::kTrimmed);
  EXPECT_EQ(failure_of("ProvisionedThroughputExceededException", 400), Failure::kThrottled);
  EXPECT_EQ(failure_of("ValidationException", 400), Failure::kValidation);
  for (const char* retried : {"ExpiredTokenException", "TransactionConflictException",
                              "ReplicatedWriteConflictException", "SomethingNewException"}) {
    EXPECT_EQ(failure_of(retried, 400), Failure::kUnavailable) << retried;
  }
  EXPECT_EQ(failure_of("InternalServerError", 500), Failure::kUnavailable);
  EXPECT_EQ(failure_of("", 503), Failure::kUnavailable);
}

TEST(Client, NobodyListeningIsUnavailable) {
  Client client({"http://127.0.0.1:1", "eu-west-3"}, {"id", Secret("key"), Secret()});
  const auto answer =
      client.call("DynamoDB_20120810.ListTables", {}, std::chrono::milliseconds(500));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().failure, Failure::kUnavailable);
  EXPECT_NE(answer.error().message.find("127.0.0.1:1"), std::string::npos);
}

TEST(Endpoint, AmazonsStreamsHaveAHostOfTheirOwn) {
  const Endpoint amazon = resolve_endpoint("", "eu-west-3");
  EXPECT_EQ(amazon.url, "https://dynamodb.eu-west-3.amazonaws.com");
  EXPECT_EQ(streams_endpoint(amazon).url, "https://streams.dynamodb.eu-west-3.amazonaws.com");
  const Endpoint local = resolve_endpoint("http://127.0.0.1:8101", "eu-west-3");
  EXPECT_EQ(streams_endpoint(local).url, local.url);
}

TEST(Checkpoint, SurvivesItsFile) {
  const std::string directory =
      std::filesystem::temp_directory_path() / "leeward-checkpoint-XXXXXX";
  std::string path = directory;
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  const std::string file = path + "/items.checkpoint";
  EXPECT_EQ(read_checkpoint(file).error().code, ErrorCode::kNotFound);
  const Checkpoint checkpoint{"arn:aws:dynamodb:x",
                              {{"shard-1", {"100", false}}, {"shard-0", {"", true}}},
                              *parse_rfc3339("2026-11-23T11:40:08.123Z"),
                              "table-id@1795434008.1"};
  ASSERT_TRUE(write_checkpoint(file, checkpoint).has_value());
  EXPECT_EQ(*read_checkpoint(file), checkpoint);
  std::filesystem::remove_all(path);
}

TEST(Checkpoint, RefusesWhatIsNotOne) {
  for (const char* text :
       {"", "{}", "[]", R"({"stream_arn":"a"})", R"({"stream_arn":"a","shards":{}})",
        R"({"stream_arn":"a","saved_at":"soon","shards":{}})",
        R"({"stream_arn":"a","saved_at":"2026-11-23T11:40:08.123Z","shards":{"s":{}}})",
        "garbage"}) {
    const auto parsed = parse_checkpoint(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kDataCorrupt);
  }
}

}  // namespace
}  // namespace leeward::dynamodb
