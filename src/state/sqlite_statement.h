// SPDX-License-Identifier: Apache-2.0
//
// SQLite's C API with owners: connection and prepared statement. Errors become Error with SQLite's
// own words; the caller adds which file. Thread-safety: none; one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "base/result.h"

namespace leeward::state {

struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

// What happened to the connection last, for a person: "disk is full ...".
[[nodiscard]] Error sqlite_error(sqlite3* connection, int code);

// Statements without results, separated by ';'.
Status execute(sqlite3* connection, const char* sql);

class Statement {
 public:
  static Result<Statement> prepare(sqlite3* connection, std::string_view sql);

  // Parameters count from 1. Bytes are copied.
  Statement& bind(int parameter, std::int64_t number);
  Statement& bind(int parameter, std::string_view bytes);

  // True: a row is there. False: done, and the statement is ready to be used again.
  Result<bool> step();
  // step() until done.
  Status run();
  void reset();

  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::string bytes(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace leeward::state
