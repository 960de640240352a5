// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/credentials_providers.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "dynamodb/credentials_ini.h"

namespace leeward::dynamodb {
namespace {

constexpr Duration kMetadataTimeout = std::chrono::seconds(1);  // as the AWS SDKs

std::string env(const CredentialWorld& world, const std::string& name) {
  return world.get_env(name).value_or("");
}

Provided none(std::string why) {
  return {std::nullopt, std::move(why)};
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

std::string percent_encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    result += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

// The host of an http or https URL, without its port; brackets stay.
std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  std::string_view rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (rest.starts_with('[')) {
    return rest.substr(0, rest.find(']') + 1);
  }
  return rest.substr(0, rest.find(':'));
}

bool is_this_host(std::string_view host) {
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") &&
          std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); }));
}

struct WebIdentity {
  std::string token_file;
  std::string role_arn;
  std::string session_name;
  std::string region;
};

Result<TimedCredentials> assume_role(const CredentialWorld& world, const WebIdentity& identity) {
  ASSIGN_OR_RETURN(const std::string token_text, world.read_file(identity.token_file));
  const std::string token = one_line(token_text);
  std::string url = env(world, "AWS_ENDPOINT_URL_STS");
  if (url.empty()) {
    url = identity.region.empty() ? "https://sts.amazonaws.com"
                                  : fmt::format("https://sts.{}.{}", identity.region,
                                                partition_suffix(identity.region));
  }
  if (!url.starts_with("https://") && !(url.starts_with("http://") && is_this_host(host_of(url)))) {
    return fail(
        ErrorCode::kUnauthenticated,
        fmt::format("AWS_ENDPOINT_URL_STS is {}: an identity is shown over https only", url));
  }
  const std::string session = identity.session_name.empty() ? "leeward" : identity.session_name;
  const FetchRequest request{
      .method = "POST",
      .url = url + (url.ends_with('/') ? "" : "/"),
      .headers = {{"content-type", "application/x-www-form-urlencoded"}, {"accept", "text/xml"}},
      .body = fmt::format("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}"
                          "&RoleSessionName={}&WebIdentityToken={}",
                          percent_encoded(identity.role_arn), percent_encoded(session),
                          percent_encoded(token))};
  ASSIGN_OR_RETURN(const FetchAnswer answer, world.fetch(request));
  if (answer.status != 200) {
    const std::string said = sts_error(answer.body);
    return fail(ErrorCode::kUnauthenticated,
                fmt::format("{} refused the web identity of {}: {}", url, identity.token_file,
                            said.empty() ? fmt::format("status {}", answer.status) : said));
  }
  return parse_assume_role_answer(answer.body);
}

Error because(Error error, std::string_view who) {
  return with_context({ErrorCode::kUnauthenticated, std::move(error.message)}, who);
}

Result<Provided> provided(Result<TimedCredentials> result, std::string_view who) {
  if (!result) {
    return fail(because(std::move(result).error(), who));
  }
  return Provided{*std::move(result), ""};
}

// An absent file is an empty one.
Result<IniFile> read_ini(const CredentialWorld& world, const std::string& path) {
  const Result<std::string> text = world.read_file(path);
  if (!text) {
    return text.error().code == ErrorCode::kNotFound
               ? Result<IniFile>(IniFile{})
               : Result<IniFile>(fail(because(text.error(), "AWS profile")));
  }
  Result<IniFile> file = parse_ini(*text);
  if (!file) {
    return fail(because(std::move(file).error(), path));
  }
  return file;
}

std::string path_of(const CredentialWorld& world, const std::string& variable, const char* name) {
  std::string path = env(world, variable);
  return path.empty() ? fmt::format("{}/.aws/{}", env(world, "HOME"), name) : path;
}

// Which setting of a profile Leeward does not follow; null: none.
const char* unsupported_in(const IniSection& profile) {
  for (const char* key : {"credential_process", "sso_session", "sso_start_url", "source_profile",
                          "credential_source", "login_session"}) {
    if (profile.contains(key)) {
      return key;
    }
  }
  return nullptr;
}

std::string setting(const IniSection& profile, std::string_view key) {
  const auto found = profile.find(key);
  return found == profile.end() ? "" : found->second;
}

Result<TimedCredentials> keys_of(const CredentialWorld& world, const IniSection& profile,
                                 const std::string& name) {
  if (!setting(profile, "web_identity_token_file").empty()) {
    std::string region = env(world, "AWS_REGION");
    region = region.empty() ? setting(profile, "region") : region;
    return assume_role(world,
                       {setting(profile, "web_identity_token_file"), setting(profile, "role_arn"),
                        setting(profile, "role_session_name"), std::move(region)});
  }
  if (const char* const key = unsupported_in(profile)) {
    return fail(
        ErrorCode::kUnauthenticated,
        fmt::format("it has '{}', which Leeward does not follow; run `eval \"$(aws configure "
                    "export-credentials --profile {} --format env)\"` first",
                    key, name));
  }
  Credentials credentials{setting(profile, "aws_access_key_id"),
                          Secret(setting(profile, "aws_secret_access_key")),
                          Secret(setting(profile, "aws_session_token"))};
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
    return fail(ErrorCode::kUnauthenticated,
                "it has no aws_access_key_id with an aws_secret_access_key");
  }
  return TimedCredentials{std::move(credentials), std::nullopt};
}

}  // namespace

Result<Provided> credentials_of_environment(const CredentialWorld& world) {
  const std::string id = env(world, "AWS_ACCESS_KEY_ID");
  const std::string secret = env(world, "AWS_SECRET_ACCESS_KEY");
  if (id.empty() && secret.empty()) {
    return none("AWS_ACCESS_KEY_ID is not set");
  }
  if (id.empty() || secret.empty()) {
    return fail(ErrorCode::kUnauthenticated,
                fmt::format("{} is set without {}",
                            id.empty() ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
                            id.empty() ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY"));
  }
  return Provided{
      TimedCredentials{{id, Secret(secret), Secret(env(world, "AWS_SESSION_TOKEN"))}, std::nullopt},
      ""};
}

Result<Provided> credentials_of_profile(const CredentialWorld& world) {
  const std::string asked = env(world, "AWS_PROFILE");
  const std::string name = asked.empty() ? "default" : asked;
  const std::string credentials_path = path_of(world, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  const std::string config_path = path_of(world, "AWS_CONFIG_FILE", "config");
  ASSIGN_OR_RETURN(const IniFile credentials, read_ini(world, credentials_path));
  ASSIGN_OR_RETURN(const IniFile config, read_ini(world, config_path));
  const IniSection profile = find_profile(credentials, config, name);
  const bool has_keys = profile.contains("aws_access_key_id") ||
                        profile.contains("web_identity_token_file") ||
                        unsupported_in(profile) != nullptr;
  if (!has_keys && asked.empty()) {
    return none(
        fmt::format("no profile '{}' with keys in {} or {}", name, credentials_path, config_path));
  }
  if (profile.empty()) {
    return fail(ErrorCode::kUnauthenticated,
                fmt::format("AWS_PROFILE is '{}', and neither {} nor {} has it", name,
                            credentials_path, config_path));
  }
  return provided(keys_of(world, profile, name), fmt::format("AWS profile '{}'", name));
}

Result<Provided> credentials_of_web_identity(const CredentialWorld& world) {
  std::string region = env(world, "AWS_REGION");
  region = region.empty() ? env(world, "AWS_DEFAULT_REGION") : region;
  const WebIdentity identity{env(world, "AWS_WEB_IDENTITY_TOKEN_FILE"), env(world, "AWS_ROLE_ARN"),
                             env(world, "AWS_ROLE_SESSION_NAME"), std::move(region)};
  if (identity.token_file.empty()) {
    return none("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
  }
  if (identity.role_arn.empty()) {
    return fail(ErrorCode::kUnauthenticated,
                "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
  }
  return provided(assume_role(world, identity), "web identity");
}

Result<Provided> credentials_of_container(const CredentialWorld& world) {
  const std::string relative = env(world, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  std::string url = env(world, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative.empty()) {
    url = "http://169.254.170.2" + std::string(relative.starts_with('/') ? "" : "/") + relative;
  }
  if (url.empty()) {
    return none("AWS_CONTAINER_CREDENTIALS_FULL_URI is not set");
  }
  constexpr std::array<std::string_view, 3> kAgents = {"169.254.170.2", "169.254.170.23",
                                                       "[fd00:ec2::23]"};
  const std::string_view host = host_of(url);
  const bool near = is_this_host(host) || std::ranges::find(kAgents, host) != kAgents.end();
  if (!url.starts_with("https://") && !(url.starts_with("http://") && near)) {
    return fail(
        ErrorCode::kUnauthenticated,
        fmt::format("AWS_CONTAINER_CREDENTIALS_FULL_URI is {}: over http only this host and "
                    "Amazon's agents are asked",
                    url));
  }
  FetchRequest request{.method = "GET", .url = url, .headers = {}, .body = {}};
  std::string token = env(world, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (const std::string file = env(world, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
      !file.empty()) {
    Result<std::string> read = world.read_file(file);
    if (!read) {
      return fail(because(std::move(read).error(), "container credentials"));
    }
    token = one_line(*std::move(read));
  }
  if (token.find_first_of("\r\n") != std::string::npos) {
    return fail(ErrorCode::kUnauthenticated, "the container's authorization token has line ends");
  }
  if (!token.empty()) {
    request.headers.emplace_back("authorization", token);
  }
  const Result<FetchAnswer> answer = world.fetch(request);
  if (!answer) {
    return fail(because(answer.error(), "container credentials"));
  }
  if (answer->status != 200) {
    return fail(
        ErrorCode::kUnauthenticated,
        fmt::format("container credentials: {} answered with status {}", url, answer->status));
  }
  return provided(parse_metadata_answer(answer->body), "container credentials");
}

Result<Provided> credentials_of_instance(const CredentialWorld& world) {
  std::string disabled = env(world, "AWS_EC2_METADATA_DISABLED");
  std::ranges::transform(disabled, disabled.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (disabled == "true") {
    return none("instance metadata is disabled (AWS_EC2_METADATA_DISABLED)");
  }
  std::string base = env(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (base.empty()) {
    base = env(world, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") == "IPv6"
               ? "http://[fd00:ec2::254]"
               : "http://169.254.169.254";
  }
  while (base.ends_with('/')) {
    base.pop_back();
  }
  const auto ask = [&](const char* method, const std::string& path,
                       std::vector<std::pair<std::string, std::string>> headers) {
    return world.fetch({method, base + path, std::move(headers), "", kMetadataTimeout});
  };
  const Result<FetchAnswer> token =
      ask("PUT", "/latest/api/token", {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}});
  if (!token || token->status != 200) {
    return none(fmt::format("no instance metadata at {}", base));
  }
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"x-aws-ec2-metadata-token", one_line(token->body)}};
  if (headers.front().second.find_first_of("\r\n") != std::string::npos) {
    return fail(ErrorCode::kUnauthenticated, "instance metadata: its token has line ends");
  }
  const std::string path = "/latest/meta-data/iam/security-credentials/";
  const Result<FetchAnswer> role = ask("GET", path, headers);
  const std::string name = role && role->status == 200
                               ? role->body.substr(0, role->body.find_first_of("\r\n"))
                               : std::string();
  if (name.empty()) {
    return none(fmt::format("instance metadata at {} knows no role of this instance", base));
  }
  const Result<FetchAnswer> answer = ask("GET", path + percent_encoded(name), headers);
  if (!answer) {
    return fail(because(answer.error(), "instance metadata"));
  }
  if (answer->status != 200) {
    return fail(ErrorCode::kUnauthenticated,
                fmt::format("instance metadata: role credentials: status {}", answer->status));
  }
  return provided(parse_metadata_answer(answer->body), "instance metadata");
}

}  // namespace leeward::dynamodb
