// SPDX-License-Identifier: Apache-2.0
//
// A table's stream as a set of shards with a position in each. Sequence numbers and iterators are
// the store's; positions survive restarts in a checkpoint file.
//
// Thread-safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "dynamodb/client.h"

namespace leeward::dynamodb {

// Where reading goes on in each shard. `after` empty: from the oldest record kept.
struct ShardPosition {
  std::string after;
  bool finished = false;  // closed, and read to its end

  friend bool operator==(const ShardPosition&, const ShardPosition&) = default;
};

struct Checkpoint {
  std::string stream_arn;
  std::map<std::string, ShardPosition> shards;
  WallTime saved_at;          // whole milliseconds
  std::string destination{};  // TableFacts::id of the table that it was carried to

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

[[nodiscard]] std::string format_checkpoint(const Checkpoint& checkpoint);
// kDataCorrupt where the text is not one.
Result<Checkpoint> parse_checkpoint(std::string_view text);

// kNotFound: there is no such file. Writing is atomic: temporary file, fsync, rename. A crash may
// bring an older one back, which only repeats puts that change nothing.
Result<Checkpoint> read_checkpoint(const std::string& path);
Status write_checkpoint(const std::string& path, const Checkpoint& checkpoint);

// Adds to the end of a file; on disk when it returns.
Status append_durably(const std::string& path, std::string_view text);

struct Shard {
  std::string id;
  std::string parent;  // empty, or no longer listed: none to wait for
};

struct TableFacts {
  std::string stream_arn;              // empty: no stream is enabled
  std::vector<std::string> key_names;  // hash, then range
  std::string view_type{};             // of the stream: "NEW_AND_OLD_IMAGES"
  std::string schema{};                // "id:S,created:N": comparable, and for a person
  std::string id{};                    // another one when the table was deleted and made again
  std::uint64_t item_count = 0;        // the store's estimate
};

inline constexpr Duration kCallTimeout = std::chrono::seconds(1);

CallResult<TableFacts> describe_table(Client& client, const std::string& table);
CallResult<std::vector<Shard>> describe_stream(Client& streams, const std::string& stream_arn);
CallResult<std::string> shard_iterator(Client& streams, const std::string& stream_arn,
                                       const std::string& shard, const ShardPosition& position);

}  // namespace leeward::dynamodb
