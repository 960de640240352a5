// SPDX-License-Identifier: Apache-2.0
#include "gateway/table_view.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "replica/stamp.h"

namespace leeward::gateway {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 3> kMarks = {replica::kTombstoneAttribute, "_hb",
                                                    replica::kStampAttribute};

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

json::object* mutable_object(json::object& object, std::string_view name) {
  return const_cast<json::object*>(object_in(object, name));  // of a mutable object
}
json::array* mutable_array(json::object& object, std::string_view name) {
  return const_cast<json::array*>(array_in(object, name));
}

bool is_mark(const json::value& name) {
  return name.is_string() && std::ranges::find(kMarks, view(name.get_string())) != kMarks.end();
}

std::vector<std::string> keys_of(const json::object& of) {
  std::vector<std::string> names;
  if (const json::array* schema = array_in(of, "KeySchema")) {
    for (const json::value& each : *schema) {
      if (each.is_object()) {
        names.emplace_back(text_in(each.get_object(), "AttributeName"));
      }
    }
  }
  return names;
}

// Whether every item of the table, tombstones too, is in the index.
bool covers_tombstones(const json::object& index, const std::vector<std::string>& table_keys) {
  return std::ranges::all_of(keys_of(index), [&](const std::string& name) {
    return std::ranges::find(table_keys, name) != table_keys.end();
  });
}

void mark(json::object& index, const std::vector<std::string>& table_keys) {
  json::object* projection = mutable_object(index, "Projection");
  if (projection == nullptr || !covers_tombstones(index, table_keys)) {
    return;
  }
  const std::string_view type = text_in(*projection, "ProjectionType");
  if (type != "KEYS_ONLY" && type != "INCLUDE") {
    return;
  }
  if (type == "KEYS_ONLY") {
    (*projection)["ProjectionType"] = "INCLUDE";
    (*projection)["NonKeyAttributes"] = json::array();
  }
  if (json::array* names = mutable_array(*projection, "NonKeyAttributes")) {
    for (const std::string_view name : kMarks) {
      names->push_back(json::value(name));
    }
  }
}

void hide(json::object& index) {
  json::object* projection = mutable_object(index, "Projection");
  json::array* names =
      projection == nullptr ? nullptr : mutable_array(*projection, "NonKeyAttributes");
  if (names == nullptr) {
    return;
  }
  json::array shown;
  for (json::value& name : *names) {
    if (!is_mark(name)) {
      shown.push_back(std::move(name));
    }
  }
  if (shown.empty()) {
    projection->erase("NonKeyAttributes");
    (*projection)["ProjectionType"] = "KEYS_ONLY";
  } else {
    *names = std::move(shown);
  }
}

template <typename Action>
void each_index(json::object& table, Action action) {
  for (const char* kind : {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"}) {
    if (json::array* indexes = mutable_array(table, kind)) {
      for (json::value& index : *indexes) {
        if (index.is_object()) {
          action(index.get_object());
        }
      }
    }
  }
}

// Keeps `members` of an object; what descriptions add, creations refuse.
json::object pick(const json::object& from, std::initializer_list<std::string_view> members) {
  json::object picked;
  for (const std::string_view name : members) {
    if (const json::value* value = from.if_contains(name)) {
      picked[name] = *value;
    }
  }
  return picked;
}

bool on_demand(const json::object& description) {
  const json::object* billing = object_in(description, "BillingModeSummary");
  if (billing != nullptr) {
    return text_in(*billing, "BillingMode") == "PAY_PER_REQUEST";
  }
  const json::object* throughput = object_in(description, "ProvisionedThroughput");
  const json::value* units =
      throughput == nullptr ? nullptr : throughput->if_contains("ReadCapacityUnits");
  return units == nullptr || !units->is_number() || units->to_number<double>() < 1;
}

json::array indexes_like(const json::array& described, bool with_throughput) {
  json::array indexes;
  for (const json::value& each : described) {
    if (!each.is_object()) {
      continue;
    }
    json::object index = pick(each.get_object(), {"IndexName", "KeySchema", "Projection"});
    const json::object* throughput = object_in(each.get_object(), "ProvisionedThroughput");
    if (with_throughput && throughput != nullptr) {
      index["ProvisionedThroughput"] =
          pick(*throughput, {"ReadCapacityUnits", "WriteCapacityUnits"});
    }
    indexes.push_back(std::move(index));
  }
  return indexes;
}

// "id HASH S, at RANGE N"
std::string key_text(const json::object& description) {
  std::string text;
  const json::array* schema = array_in(description, "KeySchema");
  const json::array* attributes = array_in(description, "AttributeDefinitions");
  if (schema == nullptr || attributes == nullptr) {
    return text;
  }
  for (const json::value& key : *schema) {
    if (!key.is_object()) {
      continue;
    }
    const std::string_view name = text_in(key.get_object(), "AttributeName");
    std::string_view type = "?";
    for (const json::value& attribute : *attributes) {
      if (attribute.is_object() && text_in(attribute.get_object(), "AttributeName") == name) {
        type = text_in(attribute.get_object(), "AttributeType");
      }
    }
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", name,
                        text_in(key.get_object(), "KeyType"), type);
  }
  return text;
}

}  // namespace

std::string_view text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? view(value->get_string()) : std::string_view();
}

const json::object* object_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

const json::array* array_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_array() ? &value->get_array() : nullptr;
}

std::optional<AwsError> check_stream_view(const json::object& body) {
  constexpr std::array<std::string_view, 4> kTypes = {"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE",
                                                      "NEW_AND_OLD_IMAGES"};
  const json::object* stream = object_in(body, "StreamSpecification");
  const json::value* type = stream == nullptr ? nullptr : stream->if_contains("StreamViewType");
  if (type == nullptr || type->is_null() || !type->is_string() ||
      std::ranges::find(kTypes, view(type->get_string())) != kTypes.end()) {
    return std::nullopt;
  }
  return validation_error(fmt::format(
      "1 validation error detected: Value '{}' at 'streamSpecification.streamViewType' failed to "
      "satisfy constraint: Member must satisfy enum value set: [NEW_IMAGE, OLD_IMAGE, "
      "NEW_AND_OLD_IMAGES, KEYS_ONLY]",
      view(type->get_string())));
}

void mark_indexes(json::object& create_table) {
  const std::vector<std::string> keys = keys_of(create_table);
  each_index(create_table, [&](json::object& index) { mark(index, keys); });
}

void mark_index_updates(json::object& update_table, const json::object& description) {
  const std::vector<std::string> keys = keys_of(description);
  json::array* updates = mutable_array(update_table, "GlobalSecondaryIndexUpdates");
  if (updates == nullptr) {
    return;
  }
  for (json::value& update : *updates) {
    json::object* create =
        update.is_object() ? mutable_object(update.get_object(), "Create") : nullptr;
    if (create != nullptr) {
      mark(*create, keys);
    }
  }
}

std::string unmarked_index(const json::object& description) {
  const std::vector<std::string> keys = keys_of(description);
  std::string found;
  json::object copy = description;
  each_index(copy, [&](json::object& index) {
    const json::object* projection = object_in(index, "Projection");
    if (projection == nullptr || text_in(*projection, "ProjectionType") == "ALL" ||
        !covers_tombstones(index, keys)) {
      return;
    }
    const json::array* names = array_in(*projection, "NonKeyAttributes");
    if (names == nullptr || std::ranges::count_if(*names, is_mark) < std::ssize(kMarks)) {
      found = text_in(index, "IndexName");
    }
  });
  return found;
}

void hide_marks(json::object& description) {
  each_index(description, hide);
}

void add_replicas(json::object& description, const std::vector<ReplicaView>& replicas,
                  std::string_view version) {
  if (replicas.empty()) {
    return;
  }
  json::array list;
  for (const ReplicaView& replica : replicas) {
    list.push_back(json::object{{"RegionName", replica.aws_region},
                                {"ReplicaStatus", replica.creating ? "CREATING" : "ACTIVE"}});
  }
  description["Replicas"] = std::move(list);
  description["GlobalTableVersion"] = version;
}

bool has_stream(const json::object& description) {
  const json::object* stream = object_in(description, "StreamSpecification");
  const json::value* enabled = stream == nullptr ? nullptr : stream->if_contains("StreamEnabled");
  return enabled != nullptr && enabled->is_bool() && enabled->get_bool();
}

bool has_full_stream(const json::object& description) {
  const json::object* stream = object_in(description, "StreamSpecification");
  return has_stream(description) && text_in(*stream, "StreamViewType") == "NEW_AND_OLD_IMAGES";
}

json::object create_table_like(const json::object& description) {
  json::object body = pick(description, {"TableName", "KeySchema", "AttributeDefinitions"});
  const bool free_capacity = on_demand(description);
  if (free_capacity) {
    body["BillingMode"] = "PAY_PER_REQUEST";
  } else {
    body["BillingMode"] = "PROVISIONED";
    body["ProvisionedThroughput"] = pick(*object_in(description, "ProvisionedThroughput"),
                                         {"ReadCapacityUnits", "WriteCapacityUnits"});
  }
  if (const json::array* indexes = array_in(description, "GlobalSecondaryIndexes")) {
    body["GlobalSecondaryIndexes"] = indexes_like(*indexes, !free_capacity);
  }
  if (const json::array* indexes = array_in(description, "LocalSecondaryIndexes")) {
    body["LocalSecondaryIndexes"] = indexes_like(*indexes, false);
  }
  body["StreamSpecification"] = {{"StreamEnabled", true}, {"StreamViewType", "NEW_AND_OLD_IMAGES"}};
  return body;
}

std::string key_difference(const json::object& here, const json::object& there) {
  const std::string ours = key_text(here);
  const std::string theirs = key_text(there);
  return ours == theirs ? std::string()
                        : fmt::format("its key is ({}) there and ({}) here", theirs, ours);
}

}  // namespace leeward::gateway
