// SPDX-License-Identifier: Apache-2.0
#include "gateway/stream_view.h"

#include <string>
#include <string_view>
#include <utility>

#include "gateway/registry.h"
#include "replica/stamp.h"

namespace leeward::gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view kHeartbeatAttribute = "_hb";

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

json::object* object_in(json::object& object, std::string_view name) {
  json::value* value = object.if_contains(name);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

json::array* array_in(json::object& object, std::string_view name) {
  json::value* value = object.if_contains(name);
  return value != nullptr && value->is_array() ? &value->get_array() : nullptr;
}

// An application's own table may have an attribute of that name; a stamp has a form.
bool is_stamped(json::object& image) {
  json::object* typed = object_in(image, replica::kStampAttribute);
  const json::value* text = typed == nullptr ? nullptr : typed->if_contains("S");
  return text != nullptr && text->is_string() &&
         replica::parse_stamp(view(text->get_string())).has_value();
}

// What an image is to a client.
enum class Seen { kAbsent, kItem, kHeartbeat };

Seen clean(json::object& change, std::string_view name) {
  json::object* image = object_in(change, name);
  if (image == nullptr) {
    return Seen::kAbsent;
  }
  if (!is_stamped(*image)) {
    return Seen::kItem;
  }
  const bool heartbeat = image->contains(kHeartbeatAttribute);
  const bool tombstone = image->contains(replica::kTombstoneAttribute);
  image->erase(replica::kStampAttribute);
  if (heartbeat) {
    return Seen::kHeartbeat;
  }
  if (tombstone) {
    change.erase(name);
    return Seen::kAbsent;
  }
  return Seen::kItem;
}

// Only such a stream tells an insert from a change of which it does not carry the old image.
bool full_images(const json::object& change) {
  const json::value* type = change.if_contains("StreamViewType");
  return type != nullptr && type->is_string() && view(type->get_string()) == "NEW_AND_OLD_IMAGES";
}

// False: clients do not see this record.
bool show(json::object& record) {
  json::object* change = object_in(record, "dynamodb");
  if (change == nullptr) {
    return true;
  }
  const bool had_images = change->contains("NewImage") || change->contains("OldImage");
  const Seen now = clean(*change, "NewImage");
  const Seen before = clean(*change, "OldImage");
  if (now == Seen::kHeartbeat || before == Seen::kHeartbeat) {
    return false;
  }
  const json::value* name = record.if_contains("eventName");
  const bool unnamed =
      name != nullptr && name->is_string() && view(name->get_string()) == "UNKNOWN_TO_SDK_VERSION";
  const auto removed = [&] {
    record["eventName"] = "REMOVE";
    if (unnamed) {
      record["userIdentity"] = {{"Type", "Service"}, {"PrincipalId", "dynamodb.amazonaws.com"}};
    }
  };
  if (!had_images) {  // a stream of keys only: nothing here tells a tombstone from an item
    if (unnamed) {
      removed();
    }
    return true;
  }
  if (now == Seen::kAbsent && before == Seen::kAbsent) {
    return false;  // one tombstone over another, or its end
  }
  if (now == Seen::kAbsent) {
    removed();
  } else if (before == Seen::kAbsent && full_images(*change)) {
    record["eventName"] = "INSERT";
  }
  return true;
}

}  // namespace

void show_records(json::object& answer, ArnMap& arns) {
  json::array* records = array_in(answer, "Records");
  if (records == nullptr) {
    return;
  }
  json::array shown;
  for (json::value& record : *records) {
    if (!record.is_object() || !show(record.get_object())) {
      continue;
    }
    if (record.get_object().contains("awsRegion")) {
      record.get_object()["awsRegion"] = arns.aws_region();
    }
    shown.push_back(std::move(record));
  }
  *records = std::move(shown);
}

void hide_own_streams(json::object& answer) {
  json::array* streams = array_in(answer, "Streams");
  if (streams == nullptr) {
    return;
  }
  json::array shown;
  for (json::value& stream : *streams) {
    const json::value* table =
        stream.is_object() ? stream.get_object().if_contains("TableName") : nullptr;
    const bool own =
        table != nullptr && table->is_string() && view(table->get_string()).starts_with(kOwnPrefix);
    if (!own) {
      shown.push_back(std::move(stream));
    }
  }
  *streams = std::move(shown);
}

namespace {

void name_table(json::object& object) {
  if (json::value* name = object.if_contains("TableName"); name != nullptr && name->is_string()) {
    *name = std::string(table_of(view(name->get_string())));
  }
}

}  // namespace

void name_tables(json::object& body) {
  name_table(body);
  if (json::array* items = array_in(body, "TransactItems")) {
    for (json::value& item : *items) {
      if (!item.is_object()) {
        continue;
      }
      for (auto& action : item.get_object()) {
        if (action.value().is_object()) {
          name_table(action.value().get_object());
        }
      }
    }
  }
  if (json::object* requests = object_in(body, "RequestItems")) {
    json::object named;
    for (auto& member : *requests) {
      named[table_of(std::string_view(member.key()))] = std::move(member.value());
    }
    *requests = std::move(named);
  }
}

}  // namespace leeward::gateway
