// SPDX-License-Identifier: Apache-2.0
//
// One write of one item, as it goes to the store and as its outcome is understood: the part that
// single, batch and transactional writes share. Pure.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include <boost/json/object.hpp>

#include "base/result.h"
#include "rewrite/exchange.h"

namespace leeward::rewrite {

enum class WriteKind : std::uint8_t { kPut, kUpdate, kDelete, kConditionCheck };

class Write {
 public:
  // `body`: the request, or the element of a transaction. An Answer: refused.
  static std::variant<Write, Answer> make(WriteKind kind, boost::json::object body,
                                          const ReplicatedTable& table);

  // The operation that it becomes: "PutItem" or "UpdateItem"; as an element: "Put", "Update",
  // "ConditionCheck".
  [[nodiscard]] const char* operation() const;
  [[nodiscard]] const char* element() const;

  // `alone`: as a request of its own; else as an element of a transaction, where a delete may not
  // fail because there is nothing to delete.
  [[nodiscard]] boost::json::object stamped(const std::string& stamp, bool alone) const;

  [[nodiscard]] bool is_stamped() const { return kind_ != WriteKind::kConditionCheck; }

  // What a failed condition means, by what stood there (nullptr: nothing).
  enum class Verdict : std::uint8_t {
    kOlder,          // only the stamp was too old: stamp anew and ask again
    kFromTheFuture,  // what stands there cannot be followed
    kNothingToDo,    // a delete of nothing, whose condition allows that
    kConditionFailed,
  };
  [[nodiscard]] Verdict judge(const boost::json::object* standing, const std::string& stamp,
                              WallTime now) const;

  // The item as a failed condition shows it to the client, if it asked for it.
  [[nodiscard]] std::optional<boost::json::object> shown_on_failure(
      const boost::json::object* standing) const;

  // Rewrites the answer to a write that was taken.
  void clean(boost::json::object& answer) const;

 private:
  Write(WriteKind kind, boost::json::object body, const ReplicatedTable& table)
      : kind_(kind), body_(std::move(body)), table_(&table) {}

  WriteKind kind_;
  boost::json::object body_;
  const ReplicatedTable* table_;
  std::string condition_;  // the client's; empty: none
  bool holds_when_absent_ = true;
  bool shows_failure_ = false;
  bool returns_old_ = false;
};

}  // namespace leeward::rewrite
