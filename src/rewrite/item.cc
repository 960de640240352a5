// SPDX-License-Identifier: Apache-2.0
#include "rewrite/item.h"

#include <algorithm>

#include <fmt/format.h>

#include "rewrite/expression.h"

namespace leeward::rewrite {

namespace json = boost::json;

namespace {

json::string_view view(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Answer error(int status, std::string_view type, std::string_view message) {
  return {status, {{"__type", view(type)}, {"message", view(message)}}};
}

Answer validation(std::string_view message) {
  return error(400, "com.amazon.coral.validate#ValidationException", message);
}

Answer malformed(std::string_view message) {
  return error(400, "com.amazon.coral.service#SerializationException", message);
}

Answer stamp_from_the_future(std::string_view stamp) {
  return error(500, "com.amazonaws.dynamodb.v20120810#InternalServerError",
               fmt::format("the item carries the stamp {}, which lies in the future: a clock was "
                           "wrong where it was written, and no write can follow it before then",
                           stamp));
}

std::string error_type(const Answer& answer) {
  const std::string type = text_in(answer.body, "__type");
  return type.substr(type.find('#') == std::string::npos ? 0 : type.find('#') + 1);
}

const json::object* object_in(const json::object& in, std::string_view name) {
  const json::value* value = in.if_contains(view(name));
  return value == nullptr ? nullptr : value->if_object();
}

json::object* object_in(json::object& in, std::string_view name) {
  json::value* value = in.if_contains(view(name));
  return value == nullptr ? nullptr : value->if_object();
}

json::array* array_in(json::object& in, std::string_view name) {
  json::value* value = in.if_contains(view(name));
  return value == nullptr ? nullptr : value->if_array();
}

std::string text_in(const json::object& in, std::string_view name) {
  const json::value* value = in.if_contains(view(name));
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::string stamp_of(const json::object& item) {
  const json::object* stamp = object_in(item, kStamp);
  return stamp == nullptr ? "" : text_in(*stamp, "S");
}

bool is_tombstone(const json::object& item) {
  return item.contains(kTombstone);
}

bool is_hidden(const json::object& item) {
  return item.contains(kTombstone) || item.contains(kProbe);
}

void strip(json::object& item) {
  item.erase(kStamp);
  item.erase(kTombstone);
}

void add_name(json::object& request, std::string_view placeholder, std::string_view name) {
  if (object_in(request, "ExpressionAttributeNames") == nullptr) {
    request["ExpressionAttributeNames"] = json::object();
  }
  (*object_in(request, "ExpressionAttributeNames"))[view(placeholder)] = view(name);
}

void add_value(json::object& request, std::string_view placeholder, json::value value) {
  if (object_in(request, "ExpressionAttributeValues") == nullptr) {
    request["ExpressionAttributeValues"] = json::object();
  }
  (*object_in(request, "ExpressionAttributeValues"))[view(placeholder)] = std::move(value);
}

bool project_marks(json::object& read) {
  if (json::array* attributes = array_in(read, "AttributesToGet")) {
    const bool names_probe = std::ranges::any_of(*attributes, [](const json::value& attribute) {
      return attribute.is_string() && attribute.get_string() == kProbe;
    });
    attributes->emplace_back(kTombstone);
    if (!names_probe) {
      attributes->emplace_back(kProbe);
    }
    return names_probe;
  }
  const std::string projection = text_in(read, "ProjectionExpression");
  if (projection.empty()) {
    return false;
  }
  const auto roots = root_attributes(projection, object_in(read, "ExpressionAttributeNames"));
  const bool names_probe = roots && std::ranges::find(*roots, kProbe) != roots->end();
  add_name(read, kTombstoneName, kTombstone);
  std::string marked = fmt::format("{}, {}", projection, kTombstoneName);
  if (!names_probe) {
    add_name(read, kProbeName, kProbe);
    marked += fmt::format(", {}", kProbeName);
  }
  read["ProjectionExpression"] = marked;
  return names_probe;
}

std::optional<Answer> refuse_reserved(const json::object& request) {
  for (const char* map : {"ExpressionAttributeNames", "ExpressionAttributeValues"}) {
    const json::value* given = request.if_contains(map);
    if (given == nullptr || given->is_null()) {
      continue;
    }
    const json::object* placeholders = given->if_object();
    if (placeholders == nullptr) {
      return malformed(fmt::format("{} must be a map", map));
    }
    for (const auto& [placeholder, value] : *placeholders) {
      if (placeholder.starts_with("#leeward_") || placeholder.starts_with(":leeward_")) {
        return validation(fmt::format("{}: placeholders that start with {} are reserved", map,
                                      std::string_view(placeholder.data(), 9)));
      }
    }
  }
  const json::object* names = object_in(request, "ExpressionAttributeNames");
  for (const char* parameter : {"ConditionExpression", "FilterExpression", "UpdateExpression",
                                "ProjectionExpression", "KeyConditionExpression"}) {
    const json::value* given = request.if_contains(parameter);
    if (given == nullptr || given->is_null()) {
      continue;
    }
    if (!given->is_string()) {
      return malformed(fmt::format("{} must be a string", parameter));
    }
    const auto roots = root_attributes(std::string_view(given->get_string()), names);
    if (!roots) {
      return validation(fmt::format("Invalid {}: {}", parameter, roots.error().message));
    }
    for (const std::string& root : *roots) {
      if (root == kStamp || root == kTombstone) {
        return validation(fmt::format("Invalid {}: the attribute {} is reserved for replication",
                                      parameter, root));
      }
    }
  }
  return std::nullopt;
}

std::optional<Answer> refuse_reserved_item(const json::object& item) {
  for (const char* name : {kStamp, kTombstone}) {
    if (item.contains(name)) {
      return validation(
          fmt::format("One or more parameter values were invalid: the attribute {} is reserved for "
                      "replication",
                      name));
    }
  }
  return std::nullopt;
}

std::optional<Answer> refuse_legacy(const json::object& request,
                                    std::initializer_list<const char*> parameters) {
  for (const char* parameter : parameters) {
    const json::value* given = request.if_contains(parameter);
    if (given != nullptr && !given->is_null()) {
      return validation(
          fmt::format("{} is not supported on a replicated table; write it as an expression "
                      "(ConditionExpression, UpdateExpression, FilterExpression)",
                      parameter));
    }
  }
  return std::nullopt;
}

}  // namespace leeward::rewrite
