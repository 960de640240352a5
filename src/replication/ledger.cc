// SPDX-License-Identifier: Apache-2.0
#include "replication/ledger.h"

#include <cstdio>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "dynamodb/streams.h"
#include "replication/clocks.h"

namespace leeward::replication {
namespace {

namespace json = boost::json;
using dynamodb::Failure;

constexpr Duration kTimeout = std::chrono::seconds(2);
constexpr Duration kResendEvery = std::chrono::seconds(2);

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

json::object key_of_entry(const json::object& item) {
  return {{"table_name", item.at("table_name")}, {"id", item.at("id")}};
}

}  // namespace

Ledger::Ledger(LedgerOptions options)
    : options_(std::move(options)),
      client_(options_.endpoint, options_.credentials),
      spill_path_(
          fmt::format("{}/{}-conflicts.spill.jsonl", options_.state_directory, options_.here)),
      sending_path_(spill_path_ + ".sending") {
  status_.spill_pending = exists(spill_path_) || exists(sending_path_);
  thread_ = std::thread([this] { run(); });
}

Ledger::~Ledger() {
  stop();
}

void Ledger::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool Ledger::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

LedgerStatus Ledger::status() const {
  const std::lock_guard lock(mutex_);
  LedgerStatus status = status_;
  status.queued = queue_.size();
  return status;
}

void Ledger::add(const json::object& item, std::function<void()> done) {
  enqueue({json::serialize(json::object{{"put", item}}), std::move(done)});
}

void Ledger::take_back(std::string_view table, std::string_view id) {
  const auto text = [](std::string_view value) {
    return json::object{{"S", json::string_view(value.data(), value.size())}};
  };
  enqueue({json::serialize(json::object{
               {"delete", json::object{{"table_name", text(table)}, {"id", text(id)}}}}),
           [] {}});
}

// Where queue and disk are full, whoever found the loss waits: its checkpoint could not go on
// anyway.
void Ledger::enqueue(Operation operation) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        return;
      }
      if (queue_.size() < options_.queue_max &&
          (queue_.empty() || queue_bytes_ + operation.line.size() <= options_.queue_bytes_max)) {
        queue_bytes_ += operation.line.size();
        queue_.push_back(std::move(operation));
        wake_.notify_one();
        return;
      }
    }
    if (spill(operation.line)) {
      operation.done();
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// ---- the thread ----

void Ledger::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return stopping_ || !queue_.empty(); };
    if (status_.spill_pending) {
      // Between lines of the file the queue gets its turn; after a failure both wait.
      const Duration wait = sending_.is_open()
                                ? Duration::zero()
                                : std::max(Duration::zero(), resend_at_ - mono_now());
      wake_.wait_for(lock, wait, ready);
    } else {
      wake_.wait(lock, ready);
    }
    if (stopping_) {
      return;
    }
    if (!queue_.empty()) {
      Operation operation = std::move(queue_.front());
      queue_.pop_front();
      queue_bytes_ -= operation.line.size();
      lock.unlock();
      handle(std::move(operation));
      lock.lock();
    }
    const bool pending = status_.spill_pending;
    lock.unlock();
    if (pending && mono_now() >= resend_at_) {
      resend();
    }
  }
}

// What comes while the file has something goes there too, so that the order stays.
void Ledger::handle(Operation operation) {
  const bool direct = !status().spill_pending;
  if (direct && write(operation.line)) {
    operation.done();
    return;
  }
  while (!spill(operation.line)) {
    // Neither the store nor the disk take it: replication goes on, its checkpoint does not.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    if (stopping()) {
      return;
    }
    if (write(operation.line)) {
      break;
    }
  }
  operation.done();
}

bool Ledger::spill(const std::string& line) {
  const std::lock_guard spilling(spill_mutex_);
  const auto kept = dynamodb::append_durably(spill_path_, line + "\n");
  if (!kept) {
    note_error(kept.error().message);
    return false;
  }
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    ++status_.spilled;
    first = !std::exchange(status_.spill_pending, true);
  }
  if (first) {
    event("ledger-spilled", "entries are kept in " + spill_path_ + " until the store takes them");
  }
  return true;
}

// One line of the file; the rest in the next calls.
void Ledger::resend() {
  if (!sending_.is_open()) {
    const std::lock_guard spilling(spill_mutex_);
    if (!exists(sending_path_) && exists(spill_path_)) {
      static_cast<void>(std::rename(spill_path_.c_str(), sending_path_.c_str()));
    }
    if (!exists(sending_path_)) {
      const std::lock_guard lock(mutex_);
      status_.spill_pending = false;
      return;
    }
    sending_.open(sending_path_, std::ios::binary);
  }
  std::string line;
  if (!std::getline(sending_, line)) {
    sending_.close();
    static_cast<void>(::unlink(sending_path_.c_str()));
    event("ledger-resent", "the store has what was kept in the file");
    return;
  }
  // A line that a crash cut short is no JSON; its entry was never reported durable.
  if (!line.empty() && !write(line)) {
    sending_.close();  // from the start again, later
    resend_at_ = mono_now() + kResendEvery;
  }
}

bool Ledger::write(std::string_view line) {
  boost::system::error_code bad;
  json::value operation =
      json::parse(json::string_view(line.data(), line.size()), bad, {}, {.max_depth = 200});
  json::object* object = bad ? nullptr : operation.if_object();
  if (object == nullptr) {
    note_error("a line of the ledger's file is no JSON and was skipped");
    return true;
  }
  if (json::value* item = object->if_contains("put"); item != nullptr && item->is_object()) {
    return put(std::move(item->get_object()));
  }
  if (json::value* key = object->if_contains("delete"); key != nullptr && key->is_object()) {
    remove(key->get_object());
  }
  return true;
}

bool Ledger::put(json::object item) {
  const json::object body{{"TableName", kLedgerTable},
                          {"Item", item},
                          {"ConditionExpression", "attribute_not_exists(id)"}};
  for (int attempt = 0; attempt < 20 && !stopping(); ++attempt) {
    const auto answer = client_.call("DynamoDB_20120810.PutItem", body, kTimeout);
    if (answer || answer.error().failure == Failure::kConditionFailed) {
      const std::lock_guard lock(mutex_);
      status_.written += answer ? 1U : 0U;
      return true;
    }
    note_error(answer.error().message);
    if (answer.error().failure == Failure::kValidation) {
      return put_smaller(std::move(item));
    }
    if (answer.error().failure != Failure::kNotFound) {
      return false;
    }
    create_table();
    std::this_thread::sleep_for(std::chrono::milliseconds(attempt < 2 ? 5 : 250));
  }
  return false;
}

// Two images of 400 KB do not fit into one item.
bool Ledger::put_smaller(json::object item) {
  if (!item.contains("images_file")) {
    const std::string path = options_.state_directory + "/leeward-conflicts-images.jsonl";
    if (!dynamodb::append_durably(path, json::serialize(item) + "\n")) {
      return false;
    }
    item["images_file"] = json::object{{"S", path}};
  }
  if (item.erase("winner") > 0 || item.erase("loser") > 0) {
    return put(std::move(item));
  }
  event("ledger-refused", "the store refuses an entry; it is in leeward-conflicts-images.jsonl");
  return true;
}

void Ledger::remove(const json::object& key) {
  const auto text = [](std::string_view value) {
    return json::object{{"S", json::string_view(value.data(), value.size())}};
  };
  const auto answer = client_.call(
      "DynamoDB_20120810.DeleteItem",
      {{"TableName", kLedgerTable},
       {"Key", key_of_entry(key)},
       {"ConditionExpression", "detected_in = :here AND attribute_not_exists(reapplied_at)"},
       {"ExpressionAttributeValues", json::object{{":here", text(options_.here.str())}}}},
      kTimeout);
  if (answer) {
    const std::lock_guard lock(mutex_);
    ++status_.taken_back;
  } else if (answer.error().failure != Failure::kConditionFailed) {
    note_error(answer.error().message);
  }
}

void Ledger::create_table() {
  const auto attribute = [](const char* name) {
    return json::object{{"AttributeName", name}, {"AttributeType", "S"}};
  };
  const auto key = [](const char* name, const char* type) {
    return json::object{{"AttributeName", name}, {"KeyType", type}};
  };
  const auto answer =
      client_.call("DynamoDB_20120810.CreateTable",
                   {{"TableName", kLedgerTable},
                    {"AttributeDefinitions", json::array{attribute("table_name"), attribute("id")}},
                    {"KeySchema", json::array{key("table_name", "HASH"), key("id", "RANGE")}},
                    {"BillingMode", "PAY_PER_REQUEST"}},
                   kTimeout);
  event("ledger-table", answer ? "created leeward-conflicts" : answer.error().message);
}

void Ledger::note_error(const std::string& message) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = status_.last_error != message;
    status_.last_error = message;
  }
  if (first) {
    event("ledger-error", message);
  }
}

void Ledger::event(std::string_view name, std::string_view detail) const {
  if (options_.on_event) {
    options_.on_event(name, detail);
  }
}

}  // namespace leeward::replication
