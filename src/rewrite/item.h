// SPDX-License-Identifier: Apache-2.0
//
// The small words that every part of the module uses: reserved attributes, errors as DynamoDB
// writes them, and access to JSON that may hold anything. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "rewrite/exchange.h"

namespace leeward::rewrite {

inline constexpr const char* kStamp = "_r";
inline constexpr const char* kTombstone = "_del";
inline constexpr const char* kProbe = "_hb";

// Placeholders that no application may use.
inline constexpr const char* kStampName = "#leeward_r";
inline constexpr const char* kTombstoneName = "#leeward_del";
inline constexpr const char* kProbeName = "#leeward_hb";
inline constexpr const char* kKeyName = "#leeward_k";
inline constexpr const char* kStampValue = ":leeward_r";

// The newest stamp that is taken for a clock a little ahead; beyond it something is wrong.
inline constexpr Duration kFutureMax = std::chrono::seconds(5);

[[nodiscard]] Answer error(int status, std::string_view type, std::string_view message);
[[nodiscard]] Answer validation(std::string_view message);
[[nodiscard]] Answer malformed(std::string_view message);  // SerializationException
[[nodiscard]] Answer stamp_from_the_future(std::string_view stamp);

// "ConditionalCheckFailedException" of an error answer; empty: none is named.
[[nodiscard]] std::string error_type(const Answer& answer);

// Members that are there and of the kind; nullptr: not.
[[nodiscard]] const boost::json::object* object_in(const boost::json::object& in,
                                                   std::string_view name);
[[nodiscard]] boost::json::object* object_in(boost::json::object& in, std::string_view name);
[[nodiscard]] boost::json::array* array_in(boost::json::object& in, std::string_view name);
[[nodiscard]] std::string text_in(const boost::json::object& in, std::string_view name);

[[nodiscard]] std::string stamp_of(const boost::json::object& item);  // empty: none
[[nodiscard]] bool is_tombstone(const boost::json::object& item);
[[nodiscard]] bool is_hidden(const boost::json::object& item);  // tombstone or heartbeat
void strip(boost::json::object& item);                          // what is Leeward's

// Adds to ExpressionAttributeNames or ...Values, making the map where there is none.
void add_name(boost::json::object& request, std::string_view placeholder, std::string_view name);
void add_value(boost::json::object& request, std::string_view placeholder,
               boost::json::value value);

// Adds the marks that show whether an item is hidden to the read's projection, if it has one,
// except those that it names itself. Whether _hb is among those.
bool project_marks(boost::json::object& read);

// Why the request may not be carried out: it names Leeward's own attributes or placeholders, or an
// expression cannot be read. nullopt: it may.
[[nodiscard]] std::optional<Answer> refuse_reserved(const boost::json::object& request);
[[nodiscard]] std::optional<Answer> refuse_reserved_item(const boost::json::object& item);
// Parameters from before expressions, with which ours cannot be mixed.
[[nodiscard]] std::optional<Answer> refuse_legacy(const boost::json::object& request,
                                                  std::initializer_list<const char*> parameters);

}  // namespace leeward::rewrite
