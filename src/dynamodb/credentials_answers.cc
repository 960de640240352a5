// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/credentials_answers.h"

#include <string>
#include <utility>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <pugixml.hpp>

namespace leeward::dynamodb {
namespace {

namespace json = boost::json;

// Goes into headers: anything but visible ASCII could end one and begin another.
bool is_header_safe(std::string_view text) {
  for (const char c : text) {
    if (c < 0x21 || c > 0x7E) {
      return false;
    }
  }
  return true;
}

Result<TimedCredentials> checked(Credentials credentials, const std::string& expiration) {
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
    return fail(ErrorCode::kDataCorrupt, "the answer holds no access key");
  }
  if (!is_header_safe(credentials.access_key_id) ||
      !is_header_safe(credentials.session_token.reveal())) {
    return fail(ErrorCode::kDataCorrupt, "the answer's access key has characters that no key has");
  }
  TimedCredentials timed{std::move(credentials), std::nullopt};
  if (!expiration.empty()) {
    ASSIGN_OR_RETURN(timed.expires, parse_rfc3339(expiration));
  }
  return timed;
}

std::string child(const pugi::xml_node& node, const char* name) {
  return node.child(name).text().as_string();
}

// Elements of the answer are found by name at their fixed places; deep nesting is only skipped.
pugi::xml_parse_result load(pugi::xml_document& document, std::string_view xml) {
  return document.load_buffer(xml.data(), xml.size(), pugi::parse_minimal | pugi::parse_escapes);
}

}  // namespace

Result<TimedCredentials> parse_assume_role_answer(std::string_view xml) {
  pugi::xml_document document;
  if (xml.size() > kCredentialAnswerBytesMax || !load(document, xml)) {
    return fail(ErrorCode::kDataCorrupt, "the answer is no XML, or too large");
  }
  const pugi::xml_node found = document.child("AssumeRoleWithWebIdentityResponse")
                                   .child("AssumeRoleWithWebIdentityResult")
                                   .child("Credentials");
  return checked({.access_key_id = child(found, "AccessKeyId"),
                  .secret_access_key = Secret(child(found, "SecretAccessKey")),
                  .session_token = Secret(child(found, "SessionToken"))},
                 child(found, "Expiration"));
}

std::string sts_error(std::string_view xml) {
  pugi::xml_document document;
  if (xml.size() > kCredentialAnswerBytesMax || !load(document, xml)) {
    return "";
  }
  const pugi::xml_node error = document.child("ErrorResponse").child("Error");
  return error ? fmt::format("{}: {}", child(error, "Code"), child(error, "Message")) : "";
}

Result<TimedCredentials> parse_metadata_answer(std::string_view text) {
  boost::system::error_code bad;
  const json::value answer = text.size() <= kCredentialAnswerBytesMax
                                 ? json::parse(text, bad, {}, {.max_depth = 8})
                                 : json::value();
  const json::object* const object = bad ? nullptr : answer.if_object();
  if (object == nullptr) {
    return fail(ErrorCode::kDataCorrupt, "the answer is no JSON object, or too large");
  }
  const auto read = [object](std::string_view name) {
    const json::value* const found = object->if_contains(name);
    return found != nullptr && found->is_string()
               ? std::string(std::string_view(found->get_string()))
               : std::string();
  };
  if (const std::string code = read("Code"); !code.empty() && code != "Success") {
    return fail(ErrorCode::kUnauthenticated,
                fmt::format("the answer says {}", is_header_safe(code) ? code : "a failure"));
  }
  return checked({.access_key_id = read("AccessKeyId"),
                  .secret_access_key = Secret(read("SecretAccessKey")),
                  .session_token = Secret(read("Token"))},
                 read("Expiration"));
}

}  // namespace leeward::dynamodb
