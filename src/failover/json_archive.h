// SPDX-License-Identifier: Apache-2.0
//
// One description per type serves both ways: fields(archive, value) names each member once, and a
// Writer or a Reader walks it. Internal to json.cc.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/named.h"
#include "base/result.h"
#include "base/time.h"

namespace leeward::failover::archive {

namespace json = boost::json;

template <typename T>
struct IsNamed : std::false_type {};
template <typename Tag>
struct IsNamed<Named<Tag>> : std::true_type {};
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
concept HasParser = std::is_enum_v<T>;

class Writer {
 public:
  static constexpr bool kReads = false;

  template <typename T>
  void field(const char* name, const T& value) {
    object_[name] = to_value(value);
  }
  // Left out where it is the default, so that entries stay small.
  template <typename T>
  void optional_field(const char* name, const std::optional<T>& value) {
    if (value) {
      object_[name] = to_value(*value);
    }
  }

  // Left out where it equals a fresh one: entries of earlier versions do not have it either.
  template <typename T>
  void late_field(const char* name, const T& value) {
    if (value != T{}) {
      object_[name] = to_value(value);
    }
  }

  json::object take() { return std::move(object_); }

  template <typename T>
  static json::value to_value(const T& value) {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>) {
      return json::value(value);
    } else if constexpr (HasParser<T>) {
      const std::string_view name = to_string(value);
      return json::value(json::string_view(name.data(), name.size()));
    } else if constexpr (std::is_floating_point_v<T>) {
      // As text, shortest form that reads back exactly: Boost.JSON 1.81 writes doubles exactly but
      // reads them an ulp off, and a replay compares digests.
      return json::value(fmt::format("{}", value));
    } else if constexpr (std::is_integral_v<T>) {
      return json::value(value);
    } else if constexpr (std::is_same_v<T, Duration>) {
      return json::value(value.count());
    } else if constexpr (std::is_same_v<T, MonoTime> || std::is_same_v<T, WallTime>) {
      return json::value(value.time_since_epoch().count());
    } else if constexpr (IsNamed<T>::value) {
      return json::value(value.str());
    } else if constexpr (IsVector<T>::value) {
      json::array array;
      for (const auto& element : value) {
        array.push_back(to_value(element));
      }
      return array;
    } else if constexpr (IsOptional<T>::value) {
      return value ? to_value(*value) : json::value(nullptr);
    } else {
      Writer writer;
      // fields() takes a mutable reference because it serves the Reader, too; a Writer only reads.
      fields(writer, const_cast<T&>(value));
      return writer.take();
    }
  }

 private:
  json::object object_;
};

class Reader {
 public:
  static constexpr bool kReads = true;
  static constexpr int kCountMax = 1'000'000'000;

  Reader(const json::value& value, std::string path) : path_(std::move(path)) {
    if (const auto* object = value.if_object()) {
      object_ = object;
    } else {
      fail_at(path_, "expected an object");
    }
  }

  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }

  template <typename T>
  void field(const char* name, T& value) {
    if (error_) {
      return;
    }
    const json::value* found = object_->if_contains(name);
    if (found == nullptr) {
      fail_at(path_ + "." + name, "is missing");
      return;
    }
    ++seen_;
    read(*found, path_ + "." + name, value);
  }

  template <typename T>
  void optional_field(const char* name, std::optional<T>& value) {
    value.reset();
    if (error_) {
      return;
    }
    if (const json::value* found = object_->if_contains(name)) {
      ++seen_;
      read(*found, path_ + "." + name, value.emplace());
    }
  }

  template <typename T>
  void late_field(const char* name, T& value) {
    value = T{};
    if (error_) {
      return;
    }
    if (const json::value* found = object_->if_contains(name)) {
      ++seen_;
      read(*found, path_ + "." + name, value);
    }
  }

  // After all fields: what was not asked for is not understood.
  void finish() {
    if (!error_ && seen_ != object_->size()) {
      fail_at(path_, "has members that this version does not know");
    }
  }

  template <typename T>
  void read(const json::value& from, const std::string& path, T& to) {
    if constexpr (std::is_same_v<T, bool>) {
      from.is_bool() ? static_cast<void>(to = from.get_bool())
                     : fail_at(path, "expected a boolean");
    } else if constexpr (std::is_same_v<T, std::string>) {
      from.is_string() ? static_cast<void>(to = std::string(from.get_string()))
                       : fail_at(path, "expected a string");
    } else if constexpr (HasParser<T>) {
      read_enum(from, path, to);
    } else if constexpr (std::is_floating_point_v<T>) {
      read_real(from, path, to);
    } else if constexpr (std::is_integral_v<T>) {
      read_integer(from, path, to);
    } else if constexpr (std::is_same_v<T, Duration>) {
      to = read_bounded_time(from, path, kSpanMax);
    } else if constexpr (std::is_same_v<T, MonoTime> || std::is_same_v<T, WallTime>) {
      to = T(read_bounded_time(from, path, std::is_same_v<T, WallTime> ? kWallMax : kSpanMax));
    } else if constexpr (IsNamed<T>::value) {
      std::string text;
      read(from, path, text);
      to = T(std::move(text));
    } else if constexpr (IsVector<T>::value) {
      read_vector(from, path, to);
    } else {
      Reader inner(from, path);
      if (!inner.error()) {
        fields(inner, to);
        inner.finish();
      }
      error_ = error_ ? error_ : inner.error_;
    }
  }

  void fail_at(const std::string& path, std::string_view what) {
    if (!error_) {
      error_ = path + " " + std::string(what);
    }
  }

 private:
  // Within what the engine can add and subtract without overflow: 36 years. Wall time is only
  // recorded, and may be a century away from its epoch.
  static constexpr std::int64_t kSpanMax = std::int64_t{1} << 60;
  static constexpr std::int64_t kWallMax = std::int64_t{1} << 62;

  Duration read_bounded_time(const json::value& from, const std::string& path, std::int64_t limit) {
    std::int64_t count = 0;
    read_integer(from, path, count);
    if (count > limit || count < -limit) {
      fail_at(path, "is out of range");
      count = 0;
    }
    return Duration(count);
  }

  template <typename T>
  void read_integer(const json::value& from, const std::string& path, T& to) {
    boost::system::error_code bad;
    to = from.to_number<T>(bad);
    if (bad) {
      fail_at(path, "expected a whole number in range");
    }
    if constexpr (std::is_same_v<T, int>) {
      if (to < 0 || to > kCountMax) {
        fail_at(path, "is out of range");
        to = 0;
      }
    }
  }

  void read_real(const json::value& from, const std::string& path, double& to) {
    const json::string* text = from.if_string();
    const char* const end = text == nullptr ? nullptr : text->data() + text->size();
    const auto parsed = text == nullptr
                            ? std::from_chars_result{nullptr, std::errc::invalid_argument}
                            : std::from_chars(text->data(), end, to);
    if (parsed.ec != std::errc{} || parsed.ptr != end || !std::isfinite(to)) {
      fail_at(path, "expected a number, as text");
      to = 0;
    }
  }

  template <typename T>
  void read_enum(const json::value& from, const std::string& path, T& to) {
    std::optional<T> parsed;
    if (const auto* text = from.if_string()) {
      parse_name(std::string_view(text->data(), text->size()), parsed);
    }
    parsed ? static_cast<void>(to = *parsed) : fail_at(path, "is not one of the known words");
  }

  template <typename T>
  void read_vector(const json::value& from, const std::string& path, std::vector<T>& to) {
    to.clear();
    const auto* array = from.if_array();
    if (array == nullptr) {
      fail_at(path, "expected a list");
      return;
    }
    for (std::size_t i = 0; i < array->size() && !error_; ++i) {
      read((*array)[i], path + "[" + std::to_string(i) + "]", to.emplace_back());
    }
  }

  std::string path_;
  const json::object* object_ = nullptr;
  std::size_t seen_ = 0;
  std::optional<std::string> error_;
};

}  // namespace leeward::failover::archive
