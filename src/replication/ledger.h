// SPDX-License-Identifier: Apache-2.0
//
// Writes the conflict ledger of this region, the table `leeward-conflicts` in its own store, on a
// thread of its own, so that replication never waits for it.
//
// What the store does not take at once, and what does not fit into the queue, goes to a file of
// JSON lines (on disk before `done` is called) and from there to the store later, in order. So an
// entry is either written or in the file when its `done` runs, and a checkpoint that waits for
// `done` never passes a loss that nobody remembers. Writing an entry twice changes nothing: its id
// derives from what it says, and the first one stays.
//
// An entry too large for an item leaves its images out, the winner's first, then the loser's; they
// are then in the file `leeward-conflicts-images.jsonl` of the state directory, which the attribute
// `images_file` names.
//
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <boost/json/object.hpp>

#include "dynamodb/client.h"
#include "model/ids.h"

namespace leeward::replication {

inline constexpr const char* kLedgerTable = "leeward-conflicts";

struct LedgerOptions {
  RegionId here;
  dynamodb::Endpoint endpoint;
  std::shared_ptr<dynamodb::CredentialSource> credentials;
  std::string state_directory;
  std::size_t queue_max = 1000;
  std::size_t queue_bytes_max = std::size_t{32} << 20;
  std::function<void(std::string_view event, std::string_view detail)> on_event{};
};

struct LedgerStatus {
  std::uint64_t written = 0;     // new in the table
  std::uint64_t spilled = 0;     // went to the file first
  std::uint64_t taken_back = 0;  // turned out to be no loss
  std::size_t queued = 0;
  bool spill_pending = false;  // the file has something
  std::string last_error;
};

class Ledger {
 public:
  explicit Ledger(LedgerOptions options);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // `done` runs once the entry is durable, on any thread; it does not when stopping.
  void add(const boost::json::object& item, std::function<void()> done);
  // An entry of this region's that was none. Not awaited by anybody.
  void take_back(std::string_view table, std::string_view id);

  void stop();
  [[nodiscard]] LedgerStatus status() const;

 private:
  struct Operation {
    std::string line;  // {"put": item} or {"delete": key}
    std::function<void()> done;
  };

  void enqueue(Operation operation);
  void run();
  void handle(Operation operation);
  bool write(std::string_view line);
  bool put(boost::json::object item);
  void remove(const boost::json::object& key);
  bool put_smaller(boost::json::object item);
  void create_table();
  bool spill(const std::string& line);
  void resend();
  void note_error(const std::string& message);
  void event(std::string_view name, std::string_view detail) const;
  [[nodiscard]] bool stopping() const;

  LedgerOptions options_;
  dynamodb::Client client_;
  std::string spill_path_;
  std::string sending_path_;
  std::ifstream sending_;  // open while the file is sent again
  MonoTime resend_at_;
  std::mutex spill_mutex_;  // appending, and moving the file away

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Operation> queue_;
  std::size_t queue_bytes_ = 0;
  bool stopping_ = false;
  LedgerStatus status_;
  std::thread thread_;
};

}  // namespace leeward::replication
