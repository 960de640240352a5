// SPDX-License-Identifier: Apache-2.0
#include "state/sqlite_statement.h"

#include <cstring>

#include <fmt/format.h>

namespace leeward::state {
namespace {

ErrorCode code_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return ErrorCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kDataCorrupt;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return ErrorCode::kPermissionDenied;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

std::string_view advice(int code) {
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return "; free some space, the store goes on by itself";
    case SQLITE_READONLY:
      return "; make the file and its directory writable";
    case SQLITE_IOERR:
      return "; check the disk and its limits";
    default:
      return "";
  }
}

}  // namespace

Error sqlite_error(sqlite3* connection, int code) {
  const int system = sqlite3_system_errno(connection);
  std::string cause;
  if ((code & 0xFF) == SQLITE_IOERR && system != 0) {
    char text[128];
    cause = fmt::format(" ({})", strerror_r(system, text, sizeof text));
  }
  return {code_of(code), fmt::format("{}{}{}", sqlite3_errstr(code), cause, advice(code))};
}

Status execute(sqlite3* connection, const char* sql) {
  const int code = sqlite3_exec(connection, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return fail(sqlite_error(connection, sqlite3_extended_errcode(connection)));
  }
  return {};
}

Result<Statement> Statement::prepare(sqlite3* connection, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) {
    return fail(with_context(sqlite_error(connection, code), sqlite3_errmsg(connection)));
  }
  return Statement(statement);
}

Statement& Statement::bind(int parameter, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), parameter, number);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view bytes) {
  // A null pointer would bind NULL; an empty value is a blob of no bytes.
  sqlite3_bind_blob64(statement_.get(), parameter, bytes.empty() ? "" : bytes.data(), bytes.size(),
                      SQLITE_TRANSIENT);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  sqlite3* connection = sqlite3_db_handle(statement_.get());
  const int extended = sqlite3_extended_errcode(connection);
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  Error error = sqlite_error(connection, extended);
  reset();
  return fail(std::move(error));
}

Status Statement::run() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, step());
    if (!row) {
      return {};
    }
  }
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr
             ? std::string()
             : std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

}  // namespace leeward::state
