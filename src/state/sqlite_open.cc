// SPDX-License-Identifier: Apache-2.0
#include "state/sqlite_open.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace leeward::state {
namespace {

constexpr std::int64_t kApplicationId = 0x4C574431;  // "LWD1"
constexpr std::int64_t kSchemaVersion = 1;
constexpr int kBusyMilliseconds = 1000;  // a predecessor that is just going down

constexpr const char* kSchema = R"(
BEGIN IMMEDIATE;
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter VALUES ('revision', 0), ('compacted', 0), ('next_lease', 1);
CREATE TABLE kv (
  key BLOB PRIMARY KEY, value BLOB NOT NULL, create_revision INTEGER NOT NULL,
  mod_revision INTEGER NOT NULL, version INTEGER NOT NULL, lease INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX kv_lease ON kv (lease) WHERE lease != 0;
CREATE TABLE change (
  revision INTEGER NOT NULL, ordinal INTEGER NOT NULL, key BLOB NOT NULL, deleted INTEGER NOT NULL,
  value BLOB NOT NULL, create_revision INTEGER NOT NULL, version INTEGER NOT NULL,
  lease INTEGER NOT NULL, PRIMARY KEY (revision, ordinal)) WITHOUT ROWID;
CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl_ns INTEGER NOT NULL);
PRAGMA application_id = 0x4C574431;
PRAGMA user_version = 1;
COMMIT;
)";

std::string system_message(int error) {
  char text[128];
  return strerror_r(error, text, sizeof text);
}

ErrorCode code_of_errno(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kResourceExhausted;
    default:
      return ErrorCode::kUnavailable;
  }
}

std::string directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// The new name must survive power loss too.
void sync_directory(const std::string& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    ::fsync(descriptor);
    ::close(descriptor);
  }
}

// SQLite would create the file with the umask's mode. Never opens an existing file: closing it
// again would drop the POSIX locks of a store that this process has open on it.
Status ensure_file(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) {
      return fail(
          ErrorCode::kInvalidArgument,
          "it is not a regular file; name a file for the state in the config (state.sqlite)");
    }
    if ((info.st_mode & 077) != 0 && ::chmod(path.c_str(), 0600) != 0) {
      return fail(code_of_errno(errno),
                  fmt::format("others may read it and its mode cannot be changed to 0600: {}",
                              system_message(errno)));
    }
    return {};
  }
  const std::string directory = directory_of(path);
  if (::stat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("the directory {} does not exist; create it (mode 0700, owned by the "
                            "user that runs leewardd) or change state.sqlite in the config",
                            directory));
  }
  const int descriptor = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return fail(code_of_errno(errno), fmt::format("it cannot be created: {}; the user that runs "
                                                  "leewardd needs write access to {}",
                                                  system_message(errno), directory));
  }
  ::fchmod(descriptor, 0600);
  ::close(descriptor);
  sync_directory(directory);
  return {};
}

// Who holds a lock on the file, as " (process 123)"; empty where that cannot be told.
std::string lock_holder(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return "";
  }
  const std::string inode = fmt::format(":{}", info.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream fields(line);
    std::string number;
    std::string kind;
    std::string mode;
    std::string access;
    std::string process;
    std::string file;
    fields >> number >> kind >> mode >> access >> process >> file;
    if (file.ends_with(inode)) {
      return fmt::format(" (process {})", process);
    }
  }
  return "";
}

Result<std::int64_t> one_number(sqlite3* connection, const char* sql) {
  ASSIGN_OR_RETURN(Statement statement, Statement::prepare(connection, sql));
  ASSIGN_OR_RETURN(const bool row, statement.step());
  return row ? statement.number(0) : 0;
}

Error damaged(std::string_view detail) {
  return {
      ErrorCode::kDataCorrupt,
      fmt::format("it is damaged ({}). It was left as it is. Restore it from a backup; without "
                  "one, move it and its -wal file away and start again: epochs then start over, "
                  "so make sure first that no old writer is alive",
                  detail)};
}

// Errors of the first reads: a lock of somebody else, or not a database at all.
Error explain(Error error, const std::string& path) {
  if (error.code == ErrorCode::kDataCorrupt) {
    return damaged(error.message);
  }
  if (error.code == ErrorCode::kUnavailable && error.message.contains("locked")) {
    error.message = fmt::format(
        "another process{} has it open; one leewardd runs per state file, stop the other one or "
        "give this one its own",
        lock_holder(path));
  }
  return error;
}

Status check_contents(sqlite3* connection) {
  ASSIGN_OR_RETURN(Statement check, Statement::prepare(connection, "PRAGMA integrity_check(1)"));
  ASSIGN_OR_RETURN(const bool row, check.step());
  const std::string verdict = row ? check.bytes(0) : "no answer";
  if (verdict != "ok") {
    return fail(damaged(verdict));
  }
  check.reset();
  ASSIGN_OR_RETURN(const std::int64_t application, one_number(connection, "PRAGMA application_id"));
  ASSIGN_OR_RETURN(const std::int64_t version, one_number(connection, "PRAGMA user_version"));
  ASSIGN_OR_RETURN(const std::int64_t tables,
                   one_number(connection, "SELECT count(*) FROM sqlite_schema"));
  if (tables == 0 && application == 0 && version == 0) {
    return {};  // new
  }
  if (application != kApplicationId) {
    return fail(ErrorCode::kFailedPrecondition,
                "it is a database of another program; name another file in the config "
                "(state.sqlite)");
  }
  if (version > kSchemaVersion) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("it was written by a newer Leeward (schema {}, this one knows {}); "
                            "run that version",
                            version, kSchemaVersion));
  }
  if (version < kSchemaVersion) {
    return fail(damaged(fmt::format("schema {}, which never was", version)));
  }
  return {};
}

// SQLite answers with the mode in force instead of failing.
Status use_write_ahead_log(sqlite3* connection) {
  ASSIGN_OR_RETURN(Statement mode, Statement::prepare(connection, "PRAGMA journal_mode = WAL"));
  ASSIGN_OR_RETURN(const bool row, mode.step());
  const std::string got = row ? mode.bytes(0) : "none";
  if (got != "wal") {
    return fail(
        ErrorCode::kUnavailable,
        fmt::format("its file system does not allow a write-ahead log (journal mode is {}); "
                    "put it on a local disk",
                    got));
  }
  return {};
}

Status lock_and_check(sqlite3* connection, const std::string& path) {
  sqlite3_busy_timeout(connection, kBusyMilliseconds);
  sqlite3_extended_result_codes(connection, 1);
  // Nothing may be written to the file, not even by closing it, before it passed the check.
  sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // One owner for the process's life, and no shared-memory file.
  RETURN_IF_ERROR(execute(connection, "PRAGMA locking_mode = EXCLUSIVE"));
  const Status locked = execute(connection, "BEGIN EXCLUSIVE; COMMIT");
  if (!locked) {
    return fail(explain(locked.error(), path));
  }
  if (sqlite3_db_readonly(connection, "main") == 1) {
    return fail(ErrorCode::kPermissionDenied,
                "it is read-only; the user that runs leewardd must be able to write it");
  }
  const Status sound = check_contents(connection);
  if (!sound) {
    return fail(explain(sound.error(), path));
  }
  sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  RETURN_IF_ERROR(use_write_ahead_log(connection));
  RETURN_IF_ERROR(execute(connection, "PRAGMA synchronous = FULL"));
  ASSIGN_OR_RETURN(const std::int64_t version, one_number(connection, "PRAGMA user_version"));
  if (version == 0) {
    RETURN_IF_ERROR(execute(connection, kSchema));
  }
  sqlite3_busy_timeout(connection, 0);
  return {};
}

Result<Connection> open_file(const std::string& path) {
  RETURN_IF_ERROR(ensure_file(path));
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Connection connection(opened);
  if (code != SQLITE_OK) {
    return fail(with_context(sqlite_error(opened, code),
                             "it cannot be opened; the user that runs leewardd must be able to "
                             "read and write it"));
  }
  RETURN_IF_ERROR(lock_and_check(connection.get(), path));
  return connection;
}

}  // namespace

Result<Connection> open_checked(const std::string& path) {
  auto opened = open_file(path);
  if (!opened) {
    return fail(with_context(opened.error(), "state file " + path));
  }
  return opened;
}

}  // namespace leeward::state
