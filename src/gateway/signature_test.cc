// SPDX-License-Identifier: Apache-2.0
#include "gateway/signature.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dynamodb/sigv4.h"

namespace leeward::gateway {
namespace {

using testing::HasSubstr;

constexpr const char* kTarget = "DynamoDB_20120810.GetItem";
constexpr const char* kBody = R"({"TableName":"items","Key":{"id":{"S":"a"}}})";

WallTime noon() {
  return *parse_rfc3339("2026-11-23T12:00:00Z");
}

dynamodb::Credentials credentials(const std::string& secret = "wJalrXUtnFEMI") {
  return {"AKIDEXAMPLE", Secret(secret), Secret()};
}

// A request as dynamodb::sign, the oracle, signs it. The views live as long as it does.
struct Signed {
  explicit Signed(const dynamodb::Credentials& by = credentials(), WallTime at = noon(),
                  const std::string& region = "eu-west-3", const std::string& service = "dynamodb")
      : headers{{"content-type", std::string(kContentType)}, {"x-amz-target", kTarget}} {
    const auto added =
        dynamodb::sign({"POST", "127.0.0.1:8000", "/", kBody, region, service, headers}, by, at);
    headers.insert(headers.end(), added.begin(), added.end());
    headers.emplace_back("host", "127.0.0.1:8000");
    headers.emplace_back("user-agent", "not signed");
  }

  std::string& operator[](const std::string& name) {
    for (auto& [key, value] : headers) {
      if (key == name) {
        return value;
      }
    }
    return headers.emplace_back(name, "").second;
  }

  [[nodiscard]] ReceivedRequest received() const {
    ReceivedRequest request{"POST", "/", "", {}, body};
    for (const auto& [name, value] : headers) {
      request.headers.push_back({name, value});
    }
    return request;
  }

  std::vector<std::pair<std::string, std::string>> headers;
  std::string body = kBody;
};

Verifier verifier() {
  KeyBook keys;
  keys.emplace("AKIDEXAMPLE", Secret("wJalrXUtnFEMI"));
  keys.emplace("OTHER", Secret("another"));
  return {std::move(keys), "eu-west-3"};
}

std::string refusal(const Signed& request, WallTime now = noon()) {
  const auto error = verifier().check(request.received(), now);
  return error ? error->type + ": " + error->message : "accepted";
}

TEST(Verifier, TakesWhatTheOtherSignerSigned) {
  EXPECT_EQ(refusal(Signed()), "accepted");
}

TEST(Verifier, TakesBlanksAsTheyAreSigned) {
  Signed request;
  request["x-amz-target"] = std::string("  ") + kTarget + " ";
  EXPECT_EQ(refusal(request), "accepted");
}

TEST(Verifier, KeysOfTheDayAreTakenAnewOnTheNext) {
  Verifier verifier_of_both_days = verifier();
  const WallTime next_day = noon() + std::chrono::hours(24);
  EXPECT_FALSE(verifier_of_both_days.check(Signed().received(), noon()));
  const Signed tomorrow(credentials(), next_day);
  EXPECT_FALSE(verifier_of_both_days.check(tomorrow.received(), next_day));
}

TEST(Verifier, RefusesAChangedRequest) {
  const char* mismatch = "InvalidSignatureException: The request signature we calculated does not";
  Signed body;
  body.body = R"({"TableName":"other"})";
  EXPECT_THAT(refusal(body), HasSubstr(mismatch));
  Signed target;
  target["x-amz-target"] = "DynamoDB_20120810.DeleteTable";
  EXPECT_THAT(refusal(target), HasSubstr(mismatch));
  Signed host;
  host["host"] = "elsewhere:8000";
  EXPECT_THAT(refusal(host), HasSubstr(mismatch));
  Signed signature;
  signature["authorization"].back() = signature["authorization"].back() == '0' ? '1' : '0';
  EXPECT_THAT(refusal(signature), HasSubstr(mismatch));
  Signed shorter;
  shorter["authorization"].pop_back();
  EXPECT_THAT(refusal(shorter), HasSubstr(mismatch));
  EXPECT_THAT(refusal(Signed(credentials("wrong secret"))), HasSubstr(mismatch));
}

TEST(Verifier, RefusesAHeaderAddedTwice) {
  Signed request;
  request.headers.emplace_back("x-amz-target", "DynamoDB_20120810.DeleteTable");
  EXPECT_THAT(refusal(request), HasSubstr("InvalidSignatureException"));
}

TEST(Verifier, NeedsTheTargetUnderTheSignature) {
  Signed request;
  std::string& authorization = request["authorization"];
  const std::size_t at = authorization.find(";x-amz-target");
  ASSERT_NE(at, std::string::npos);
  authorization.erase(at, std::string_view(";x-amz-target").size());
  EXPECT_THAT(refusal(request), HasSubstr("'x-amz-target' must be a signed header"));
}

TEST(Verifier, FifteenMinutesEitherWay) {
  const auto off = [](std::chrono::seconds by) { return refusal(Signed(), noon() + by); };
  EXPECT_EQ(off(std::chrono::seconds(900)), "accepted");
  EXPECT_EQ(off(std::chrono::seconds(-900)), "accepted");
  EXPECT_THAT(off(std::chrono::seconds(901)),
              HasSubstr("Signature expired: 20261123T120000Z is now earlier than "
                        "20261123T120001Z (20261123T121501Z - 15 min.)"));
  EXPECT_THAT(off(std::chrono::seconds(-901)), HasSubstr("Signature not yet current"));
}

TEST(Verifier, NamesWhatIsMissing) {
  Signed none;
  none["authorization"].clear();
  EXPECT_THAT(refusal(none), HasSubstr("MissingAuthenticationTokenException"));
  Signed bearer;
  bearer["authorization"] = "Bearer abc";
  EXPECT_THAT(refusal(bearer), HasSubstr("IncompleteSignatureException"));
  Signed parts;
  parts["authorization"] = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/x";
  EXPECT_THAT(refusal(parts), HasSubstr("requires 'Signature' parameter. Authorization header "
                                        "requires 'SignedHeaders' parameter"));
  Signed date;
  date["x-amz-date"] = "yesterday";
  EXPECT_THAT(refusal(date), HasSubstr("X-Amz-Date"));
  Signed impossible;
  impossible["x-amz-date"] = "20269999T999999Z";
  EXPECT_THAT(refusal(impossible), HasSubstr("X-Amz-Date"));
  Signed distant;
  distant["x-amz-date"] = "29261123T120000Z";
  EXPECT_THAT(refusal(distant), HasSubstr("X-Amz-Date"));
}

TEST(Verifier, ScopeMustBeOfThisRegionAndService) {
  EXPECT_THAT(refusal(Signed(credentials(), noon(), "us-east-1")),
              HasSubstr("scoped to a valid region, not 'us-east-1'"));
  EXPECT_THAT(refusal(Signed(credentials(), noon(), "eu-west-3", "s3")),
              HasSubstr("correct service"));
  const dynamodb::Credentials unknown{"NOBODY", Secret("x"), Secret()};
  EXPECT_THAT(refusal(Signed(unknown)), HasSubstr("UnrecognizedClientException"));
}

TEST(Signer, SignsAsTheOtherSignerDoes) {
  for (const char* token : {"", "a-session-token"}) {
    const dynamodb::Credentials by{"AKIDEXAMPLE", Secret("wJalrXUtnFEMI"), Secret(token)};
    Signer signer(by, "eu-west-3");
    for (const WallTime now : {noon(), noon() + std::chrono::hours(24)}) {
      const std::string lines = signer.header_lines("127.0.0.1:8000", kTarget, kBody, now);
      Signed oracle(by, now);
      EXPECT_THAT(lines, HasSubstr("Authorization: " + oracle["authorization"] + "\r\n"));
      EXPECT_THAT(lines, HasSubstr("X-Amz-Date: " + oracle["x-amz-date"] + "\r\n"));
    }
  }
}

TEST(Keys, LinesOfKeyAndSecret) {
  const auto keys = parse_keys("# clients\nAKID1 secret/one\r\n\n  AKID2\tsecret+two  \n");
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ(keys->at("AKID1").reveal(), "secret/one");
  EXPECT_EQ(keys->at("AKID2").reveal(), "secret+two");
}

TEST(Keys, ErrorsNameTheLineAndNoSecret) {
  for (const char* text : {"AKID1 s3cret\nAKID2\n", "AKID1 s3cret\nAKID2 s3cret more\n",
                           "AKID1 s3cret\nAKID1 s3cret\n"}) {
    const auto keys = parse_keys(text);
    ASSERT_FALSE(keys);
    EXPECT_THAT(keys.error().message, HasSubstr("line 2"));
    EXPECT_THAT(keys.error().message, testing::Not(HasSubstr("s3cret")));
  }
  EXPECT_FALSE(parse_keys("# nothing\n"));
}

}  // namespace
}  // namespace leeward::gateway
