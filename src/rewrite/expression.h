// SPDX-License-Identifier: Apache-2.0
//
// As much of DynamoDB's expression language as rewriting needs: which attributes an expression
// names, how an UpdateExpression falls into clauses, and what a condition says of an item that does
// not exist. The store parses everything again and has the last word on what is valid.
//
// Grammar: Amazon DynamoDB Developer Guide, "Comparison Operator and Function Reference" and
// "Update expressions". Pure functions; bounded by kExpressionBytesMax and a nesting depth.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.h"

namespace leeward::rewrite {

inline constexpr std::size_t kExpressionBytesMax = 4096;  // DynamoDB's own limit

// Of any expression: the first element of each path, with placeholders looked up in `names`
// (ExpressionAttributeNames; may be null).
Result<std::vector<std::string>> root_attributes(std::string_view expression,
                                                 const boost::json::object* names);

// Whether a condition holds for an item that does not exist. `values`: ExpressionAttributeValues.
Result<bool> holds_when_absent(std::string_view condition, const boost::json::object* values);

// The expression within parentheses, to stand in a larger one; as it is if a pair already encloses
// all of it, since DynamoDB refuses redundant parentheses (boto3 encloses what it joins).
[[nodiscard]] std::string parenthesized(std::string_view expression);

// The text after each keyword; empty: no such clause.
struct UpdateClauses {
  std::string set;
  std::string remove;
  std::string add;
  std::string del;
};
Result<UpdateClauses> split_update(std::string_view expression);
[[nodiscard]] std::string join_update(const UpdateClauses& clauses);

}  // namespace leeward::rewrite
