// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/streams.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace leeward::dynamodb {
namespace {

namespace json = boost::json;

// A path of members, as a string; empty where any of it is missing.
std::string text_at(const json::value& value, std::initializer_list<const char*> path) {
  const json::value* here = &value;
  for (const char* name : path) {
    const json::object* object = here->if_object();
    here = object == nullptr ? nullptr : object->if_contains(name);
    if (here == nullptr) {
      return "";
    }
  }
  return here->is_string() ? std::string(here->get_string()) : "";
}

const json::array* list_at(const json::value& value, const char* outer, const char* inner) {
  const json::object* object = value.if_object();
  const json::value* found = object == nullptr ? nullptr : object->if_contains(outer);
  const json::object* parent = found == nullptr ? nullptr : found->if_object();
  const json::value* list = parent == nullptr ? nullptr : parent->if_contains(inner);
  return list == nullptr ? nullptr : list->if_array();
}

json::value member_of_table(const json::value& answer, const char* name) {
  const json::object* object = answer.if_object();
  const json::value* table = object == nullptr ? nullptr : object->if_contains("Table");
  const json::object* fields = table == nullptr ? nullptr : table->if_object();
  const json::value* found = fields == nullptr ? nullptr : fields->if_contains(name);
  return found == nullptr ? json::value() : *found;
}

// "S", "N" or "B"
std::string type_of(const json::value& answer, const std::string& attribute) {
  if (const json::array* definitions = list_at(answer, "Table", "AttributeDefinitions")) {
    for (const json::value& each : *definitions) {
      if (text_at(each, {"AttributeName"}) == attribute) {
        return text_at(each, {"AttributeType"});
      }
    }
  }
  return "?";
}

std::unexpected<Error> cannot(const char* what, const std::string& path) {
  return fail(errno == ENOSPC ? ErrorCode::kResourceExhausted : ErrorCode::kUnavailable,
              fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

}  // namespace

std::string format_checkpoint(const Checkpoint& checkpoint) {
  json::object shards;
  for (const auto& [id, position] : checkpoint.shards) {
    shards[id] = json::object{{"after", position.after}, {"finished", position.finished}};
  }
  return json::serialize(json::object{{"stream_arn", checkpoint.stream_arn},
                                      {"saved_at", format_rfc3339(checkpoint.saved_at)},
                                      {"destination", checkpoint.destination},
                                      {"shards", std::move(shards)}});
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  boost::system::error_code bad;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), bad);
  const json::object* object = bad ? nullptr : value.if_object();
  const json::value* shards = object == nullptr ? nullptr : object->if_contains("shards");
  Checkpoint checkpoint{text_at(value, {"stream_arn"}), {}, {}};
  if (checkpoint.stream_arn.empty() || shards == nullptr || !shards->is_object()) {
    return fail(ErrorCode::kDataCorrupt, "is not a checkpoint");
  }
  const auto saved_at = parse_rfc3339(text_at(value, {"saved_at"}));
  if (!saved_at) {
    return fail(ErrorCode::kDataCorrupt, "does not say when it was saved");
  }
  checkpoint.saved_at = *saved_at;
  checkpoint.destination = text_at(value, {"destination"});
  for (const auto& [id, position] : shards->get_object()) {
    const json::object* fields = position.if_object();
    const json::value* finished = fields == nullptr ? nullptr : fields->if_contains("finished");
    if (finished == nullptr || !finished->is_bool()) {
      return fail(ErrorCode::kDataCorrupt, "has a shard without a position");
    }
    checkpoint.shards[std::string(id)] = {text_at(position, {"after"}), finished->get_bool()};
  }
  return checkpoint;
}

Result<Checkpoint> read_checkpoint(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::kNotFound, path + " does not exist yet");
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto checkpoint = parse_checkpoint(text);
  if (!checkpoint) {
    return fail(with_context(std::move(checkpoint).error(), path));
  }
  return checkpoint;
}

Status write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  const std::string text = format_checkpoint(checkpoint);
  const std::string temporary = path + ".new";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    return cannot("create", temporary);
  }
  const ssize_t written = ::write(file, text.data(), text.size());
  const bool complete = written == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  if (!complete) {
    auto failure = cannot("write", temporary);
    ::close(file);
    return failure;
  }
  ::close(file);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return cannot("replace", path);
  }
  return {};
}

Status append_durably(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) {
    return cannot("open", path);
  }
  const ssize_t written = ::write(file, text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size()) || ::fsync(file) != 0) {
    auto failure = cannot("write", path);
    ::close(file);
    return failure;
  }
  ::close(file);
  return {};
}

CallResult<TableFacts> describe_table(Client& client, const std::string& table) {
  auto answer =
      client.call("DynamoDB_20120810.DescribeTable", {{"TableName", table}}, kCallTimeout);
  if (!answer) {
    return std::unexpected(std::move(answer).error());
  }
  TableFacts facts{text_at(*answer, {"Table", "LatestStreamArn"}), {}};
  facts.view_type = text_at(*answer, {"Table", "StreamSpecification", "StreamViewType"});
  if (const json::array* schema = list_at(*answer, "Table", "KeySchema")) {
    for (const json::value& key : *schema) {
      facts.key_names.push_back(text_at(key, {"AttributeName"}));
      facts.schema += (facts.schema.empty() ? "" : ",") + facts.key_names.back() + ":" +
                      type_of(*answer, facts.key_names.back());
    }
  }
  // The birth tells tables apart where a store gives them no id.
  facts.id = text_at(*answer, {"Table", "TableId"}) + "@" +
             json::serialize(member_of_table(*answer, "CreationDateTime"));
  boost::system::error_code not_a_number;
  const auto items = member_of_table(*answer, "ItemCount").to_number<std::uint64_t>(not_a_number);
  facts.item_count = not_a_number ? 0 : items;
  if (facts.key_names.empty() || facts.key_names.front().empty()) {
    return std::unexpected(
        CallError{Failure::kUnavailable, "DescribeTable's answer has no key schema"});
  }
  return facts;
}

CallResult<std::vector<Shard>> describe_stream(Client& streams, const std::string& stream_arn) {
  std::vector<Shard> shards;
  std::string start;
  do {
    json::object body{{"StreamArn", stream_arn}};
    if (!start.empty()) {
      body["ExclusiveStartShardId"] = start;
    }
    auto answer = streams.call("DynamoDBStreams_20120810.DescribeStream", body, kCallTimeout);
    if (!answer) {
      return std::unexpected(std::move(answer).error());
    }
    if (const json::array* listed = list_at(*answer, "StreamDescription", "Shards")) {
      for (const json::value& each : *listed) {
        shards.push_back({text_at(each, {"ShardId"}), text_at(each, {"ParentShardId"})});
      }
    }
    start = text_at(*answer, {"StreamDescription", "LastEvaluatedShardId"});
  } while (!start.empty());
  return shards;
}

CallResult<std::string> shard_iterator(Client& streams, const std::string& stream_arn,
                                       const std::string& shard, const ShardPosition& position) {
  json::object body{{"StreamArn", stream_arn}, {"ShardId", shard}};
  if (position.after.empty()) {
    body["ShardIteratorType"] = "TRIM_HORIZON";
  } else {
    body["ShardIteratorType"] = "AFTER_SEQUENCE_NUMBER";
    body["SequenceNumber"] = position.after;
  }
  auto answer = streams.call("DynamoDBStreams_20120810.GetShardIterator", body, kCallTimeout);
  if (!answer) {
    return std::unexpected(std::move(answer).error());
  }
  std::string iterator = text_at(*answer, {"ShardIterator"});
  if (iterator.empty()) {
    return std::unexpected(
        CallError{Failure::kUnavailable, "GetShardIterator's answer has no iterator"});
  }
  return iterator;
}

}  // namespace leeward::dynamodb
