// SPDX-License-Identifier: Apache-2.0
#include "config/secret_source.h"

#include <algorithm>

#include "config/schema_text.h"

namespace leeward::config {
namespace {

constexpr std::size_t kTokenBytesMin = 16;
constexpr std::size_t kTokenBytesMax = 4096;

Result<std::string> fetch(Reader& reader, const SecretSource& source) {
  if (source.kind == SecretSource::Kind::kFile) {
    if (!reader.sources().read_file) {
      return fail(ErrorCode::kUnavailable, "files cannot be read here");
    }
    return reader.sources().read_file(source.where);
  }
  const auto value = reader.sources().get_env ? reader.sources().get_env(source.where)
                                              : std::optional<std::string>();
  if (!value) {
    return fail(ErrorCode::kNotFound,
                fmt::format("environment variable {} is not set", quote(source.where)));
  }
  return *value;
}

std::optional<SecretSource> read_source(Reader& reader, const Node& node) {
  if (node.kind == NodeKind::kScalar) {
    reader.problem(
        node, "a secret may not stand in the config itself: write {file: PATH} or {env: NAME}");
    return std::nullopt;
  }
  const Node* file = node.find("file");
  const Node* env = node.find("env");
  if (node.kind != NodeKind::kMap || node.entries.size() != 1 ||
      (file == nullptr) == (env == nullptr)) {
    reader.problem(node, fmt::format("expected {{file: PATH}} or {{env: NAME}}, found {}",
                                     node.kind == NodeKind::kMap ? "other keys" : describe(node)));
    return std::nullopt;
  }
  const bool is_file = file != nullptr;
  const Node& where = is_file ? *file : *env;
  const Reader::Scope scope(reader, is_file ? "file" : "env");
  const auto text = reader.text(where, is_file ? "the path of a file" : "a variable's name");
  if (!text || text->empty()) {
    if (text) {
      reader.problem(where, is_file ? "expected the path of a file, found ''"
                                    : "expected the name of an environment variable, found ''");
    }
    return std::nullopt;
  }
  return is_file ? SecretSource{SecretSource::Kind::kFile, reader.resolve_path(*text)}
                 : SecretSource{SecretSource::Kind::kEnv, *text};
}

}  // namespace

// Never says what the value is, only how it is wrong.
Status check_token(std::string_view value) {
  if (value.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the secret is empty");
  }
  if (value.size() < kTokenBytesMin) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the secret has {} characters; a token needs at least {}, such as the "
                            "output of 'openssl rand -hex 32'",
                            value.size(), kTokenBytesMin));
  }
  if (value.size() > kTokenBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the secret has {} bytes, more than the {} a token may have: is this "
                            "the right file?",
                            value.size(), kTokenBytesMax));
  }
  if (std::any_of(value.begin(), value.end(), [](char c) { return c <= ' ' || c >= 0x7F; })) {
    return fail(ErrorCode::kInvalidArgument,
                "the secret has spaces or characters outside ASCII; a bearer token cannot");
  }
  return {};
}

std::optional<KeptSecret> read_secret(Reader& reader, const Node& node,
                                      Status (*check)(std::string_view)) {
  std::optional<SecretSource> source = read_source(reader, node);
  if (!source) {
    return std::nullopt;
  }
  const Reader::Scope scope(reader, source->kind == SecretSource::Kind::kFile ? "file" : "env");
  Result<std::string> value = fetch(reader, *source);
  if (!value) {
    reader.problem(node, value.error().message);
    return std::nullopt;
  }
  while (value->ends_with('\n') || value->ends_with('\r')) {
    value->pop_back();
  }
  if (const Status good = check(*value); !good) {
    reader.problem(node, good.error().message);
    return std::nullopt;
  }
  return KeptSecret{*std::move(source), Secret(*std::move(value))};
}

Value write_secret(const SecretSource& source) {
  const bool is_file = source.kind == SecretSource::Kind::kFile;
  return source.where.empty()
             ? Value::scalar("***")
             : Value::map({{is_file ? "file" : "env", Value::scalar(source.where)}});
}

}  // namespace leeward::config
