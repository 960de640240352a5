// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "rewrite/exchanges.h"
#include "rewrite/item.h"

namespace leeward::rewrite {
namespace {

namespace json = boost::json;

// SQL names its tables within the statement; nothing here reads that, so no write may hide in it.
std::optional<Answer> refuse_partiql(std::string_view operation) {
  for (const char* name : {"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"}) {
    if (operation == name) {
      return validation(fmt::format(
          "{}: PartiQL is not supported where tables are replicated; use PutItem, UpdateItem, "
          "DeleteItem, GetItem, Query, Scan, TransactWriteItems or TransactGetItems",
          name));
    }
  }
  return std::nullopt;
}

}  // namespace

std::variant<std::unique_ptr<Exchange>, Answer> plan(std::string_view operation, json::object body,
                                                     const TableLookup& tables) {
  if (auto refused = refuse_partiql(operation)) {
    return *refused;
  }
  if (operation == "BatchWriteItem") {
    return plan_batch_write(std::move(body), tables);
  }
  if (operation == "TransactWriteItems") {
    return plan_transact_write(std::move(body), tables);
  }
  if (operation == "BatchGetItem") {
    return plan_batch_get(std::move(body), tables);
  }
  if (operation == "TransactGetItems") {
    return plan_transact_get(std::move(body), tables);
  }
  const ReplicatedTable* table = tables.find(text_in(body, "TableName"));
  if (table == nullptr) {
    return nullptr;
  }
  if (operation == "PutItem") {
    return plan_write(WriteKind::kPut, std::move(body), *table);
  }
  if (operation == "UpdateItem") {
    return plan_write(WriteKind::kUpdate, std::move(body), *table);
  }
  if (operation == "DeleteItem") {
    return plan_write(WriteKind::kDelete, std::move(body), *table);
  }
  if (operation == "GetItem") {
    return plan_get(std::move(body));
  }
  if (operation == "Query" || operation == "Scan") {
    return plan_read_many(operation, std::move(body));
  }
  return nullptr;
}

}  // namespace leeward::rewrite
