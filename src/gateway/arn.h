// SPDX-License-Identifier: Apache-2.0
//
// ARNs as clients see them and as the store writes them. DynamoDB Local writes region "ddblocal"
// into every ARN; clients and their tools expect the region that they asked. An ARN that already
// names the gateway's region is left alone, so nothing changes before a real DynamoDB.
//
// Thread-safety: safe from any thread.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace leeward::gateway {

inline constexpr std::string_view kAccount = "000000000000";

class ArnMap {
 public:
  explicit ArnMap(std::string aws_region) : aws_region_(std::move(aws_region)) {}

  [[nodiscard]] const std::string& aws_region() const { return aws_region_; }

  // "arn:aws:dynamodb:ddblocal:000000000000:table/items" -> "arn:aws:dynamodb:eu-west-3:0...".
  // Remembers how the store writes its ARNs. Other text comes back as it is.
  [[nodiscard]] std::string to_client(std::string_view arn);
  [[nodiscard]] std::string to_store(std::string_view arn) const;

  // Members whose name ends in "Arn", and "awsRegion", at any depth; not within items: a caller
  // passes descriptions, or one stream record without its images.
  void answer(boost::json::value& value, int depth = 0);
  void request(boost::json::object& body) const;

  // Of text for people, such as an error message.
  [[nodiscard]] std::string message(std::string_view text) const;

 private:
  std::string aws_region_;
  mutable std::mutex mutex_;
  std::string store_region_ = "ddblocal";
  std::string store_account_{kAccount};
};

// The table's name, whether given so or by ARN (of the table, an index or a stream).
[[nodiscard]] std::string_view table_of(std::string_view name_or_arn);

}  // namespace leeward::gateway
