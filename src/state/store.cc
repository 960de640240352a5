// SPDX-License-Identifier: Apache-2.0
#include "state/store.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.h"

namespace leeward::state {
namespace {

Status validate_key(std::string_view key) {
  if (key.empty() || key.size() > kKeyBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a key of {} bytes; keys have 1 to {}", key.size(), kKeyBytesMax));
  }
  return {};
}

Status validate_branch(const std::vector<Operation>& operations) {
  if (operations.size() > kOperationsMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} operations in one transaction; at most {}", operations.size(),
                            kOperationsMax));
  }
  std::set<std::string_view> puts;
  for (const Operation& operation : operations) {
    if (const auto* put = std::get_if<Put>(&operation)) {
      RETURN_IF_ERROR(validate_key(put->key));
      if (put->value.size() > kValueBytesMax) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("a value of {} bytes for {}; at most {}", put->value.size(),
                                put->key, kValueBytesMax));
      }
      if (!puts.insert(put->key).second) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{} is put twice in one transaction", put->key));
      }
    }
  }
  for (const Operation& operation : operations) {
    const auto* removal = std::get_if<Delete>(&operation);
    const auto clash = removal == nullptr ? puts.end() : puts.lower_bound(removal->range.begin);
    if (removal != nullptr && clash != puts.end() && removal->range.contains(*clash)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is put and deleted in one transaction", *clash));
    }
  }
  return {};
}

}  // namespace

KeyRange KeyRange::one(std::string_view key) {
  std::string end(key);
  end.push_back('\0');  // the smallest key after it
  return {.begin = std::string(key), .end = std::move(end)};
}

KeyRange KeyRange::prefix(std::string_view prefix) {
  KeyRange range{.begin = std::string(prefix), .end = {}};
  // The smallest key after all with the prefix: its last byte that can grow, grown.
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xFF') {
    end.pop_back();
  }
  if (!end.empty()) {
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    range.end = std::move(end);
  }
  return range;
}

bool KeyRange::contains(std::string_view key) const {
  return key >= begin && (!end || key < *end);
}

Compare Compare::absent(std::string_view key) {
  return {.key = std::string(key),
          .target = Target::kCreateRevision,
          .relation = Relation::kEqual,
          .number = 0,
          .value = {}};
}

Compare Compare::unchanged_since(std::string_view key, Revision mod_revision) {
  return {.key = std::string(key),
          .target = Target::kModRevision,
          .relation = Relation::kEqual,
          .number = mod_revision,
          .value = {}};
}

Compare Compare::value_is(std::string_view key, std::string_view value) {
  return {.key = std::string(key),
          .target = Target::kValue,
          .relation = Relation::kEqual,
          .number = 0,
          .value = std::string(value)};
}

Status validate(const Transaction& transaction) {
  if (transaction.compares.size() > kOperationsMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} compares in one transaction; at most {}",
                            transaction.compares.size(), kOperationsMax));
  }
  for (const Compare& compare : transaction.compares) {
    RETURN_IF_ERROR(validate_key(compare.key));
  }
  RETURN_IF_ERROR(validate_branch(transaction.then));
  return validate_branch(transaction.otherwise);
}

}  // namespace leeward::state
