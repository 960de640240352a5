// SPDX-License-Identifier: Apache-2.0
//
// Reads one table of one source region and hands what it must carry to the lanes of this region.
// At least once and idempotent: every put is conditional on its stamp, so repeating one changes
// nothing, and the checkpoint moves only when everything before it is carried and every loss on the
// way is in the ledger or its file.
//
// Where the stream cannot be continued (first start, a new stream, records trimmed after a long
// pause, a destination table that is not the same as before) the whole table is scanned and put the
// same way, beside the stream from its oldest record. A scan must end within the stream's 24 hours.
//
// Nothing ends it but Flow::stop(): a store that is down, frozen or throttling is asked again with
// backoff, and no record is skipped. What cannot be carried is kept in the dead-letter file,
// counted and logged before the checkpoint passes it: an item that the destination says it will
// never accept, and a version whose stamp lies ahead of this clock. A table whose keys differ
// between the regions, or whose stream has no images, is named and looked at again every few
// seconds; nothing of it is carried.
//
// Items without a stamp: see replica/page.h.
//
// Thread-safety: run() blocks and belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "dynamodb/client.h"
#include "dynamodb/streams.h"
#include "replica/page.h"
#include "replication/flow.h"
#include "replication/lanes.h"

namespace leeward::replication {

struct ReplicatorOptions {
  std::shared_ptr<Flow> flow;
  Lanes* lanes = nullptr;
  dynamodb::Endpoint source_endpoint;
  dynamodb::Endpoint destination_endpoint;
  std::shared_ptr<dynamodb::CredentialSource> credentials;
  std::string state_directory;  // holds checkpoint and dead letters; must exist
  std::uint64_t seed = 0;       // of the backoff's jitter
  std::function<void(const Flow&, std::string_view event, std::string_view detail)> on_event;
};

class Replicator {
 public:
  explicit Replicator(ReplicatorOptions options);
  Replicator(const Replicator&) = delete;
  Replicator& operator=(const Replicator&) = delete;

  void run();  // until the flow is stopped, within about two seconds of it

 private:
  struct Reading {                 // of one shard
    std::size_t shard = 0;         // the flow's
    dynamodb::ShardPosition read;  // what was handed to the lanes; the checkpoint follows
    std::string iterator;
    int errors = 0;            // in a row that may mean that the position is gone
    bool reached_end = false;  // since the start: what comes now was not here before
  };
  struct Both {
    dynamodb::TableFacts source;
    dynamodb::TableFacts destination;
  };

  void load_checkpoint();
  std::optional<Both> establish();
  bool refuse(const std::string& problem);
  void follow(const Both& facts);
  bool tables_same(const Both& facts);
  bool refresh_shards();
  bool read_shard(const std::string& id, bool& moved);
  bool hand_over(replica::PagePlan plan, std::size_t shard, bool fresh);
  bool on_read_error(Reading& reading, const dynamodb::CallError& error);
  bool resync(const Both& facts);
  bool scan_page(boost::json::object& answer, std::size_t shard);
  bool push(replica::Version version, const Flow::Ticket& ticket, bool fresh, bool scanned);
  bool dead_letter(const replica::Version& version);
  bool drain();
  void forget(std::string_view why);
  void save_checkpoint(bool now);

  void pause(Duration duration);
  void backoff(int failures);
  void note_source_error(const dynamodb::CallError& error);
  void note_source_up();
  void event(std::string_view name, std::string_view detail) const;
  [[nodiscard]] bool stopping() const { return flow_.stopping(); }

  ReplicatorOptions options_;
  Flow& flow_;
  Rng rng_;
  dynamodb::Client source_;
  dynamodb::Client streams_;
  dynamodb::Client destination_;
  std::string checkpoint_path_;
  dynamodb::Checkpoint checkpoint_;
  std::string resync_reason_;
  std::map<std::string, Reading> readings_;
  bool checkpoint_dirty_ = false;
  MonoTime checkpoint_saved_;
  MonoTime shards_seen_;
  MonoTime tables_seen_;
  WallTime read_at_;
  int failures_ = 0;
  int page_records_;  // asked for at once; follows the records' size
};

}  // namespace leeward::replication
