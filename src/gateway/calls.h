// SPDX-License-Identifier: Apache-2.0
//
// Calls with JSON to the region's own store and to other regions, from one worker. Private to this
// module. Thread-safety: none; belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "gateway/aws_error.h"
#include "gateway/backend.h"
#include "gateway/net.h"
#include "gateway/shared.h"
#include "rewrite/exchange.h"

namespace leeward::gateway {

// A JSON object as DynamoDB nests it: items go 32 levels deep, each level is two of JSON.
std::optional<boost::json::object> parse_body(std::string_view text);

class Calls {
 public:
  Calls(asio::io_context& io, Watchdog& watchdog, Shared& shared);

  [[nodiscard]] Shared& shared() { return shared_; }
  [[nodiscard]] Backend& store() { return *store_; }
  [[nodiscard]] asio::io_context& io() { return io_; }

  // A store that gives no answer is an answer too: 500 InternalServerError, which SDKs retry.
  Task<rewrite::Answer> store(std::string_view operation, boost::json::object body);
  // The same for the gateway's own look at its tables, which must not wait long for a store that
  // hangs: health is told by it.
  Task<rewrite::Answer> look(std::string_view operation, boost::json::object body);
  // All at once over up to 8 connections; answers in the order of the requests.
  Task<std::vector<rewrite::Answer>> store_all(std::vector<rewrite::Request> requests);
  // To `region`, which is a peer's or this region's own Leeward name.
  Task<rewrite::Answer> region(std::string_view region, std::string_view operation,
                               boost::json::object body);

  void close();

 private:
  Task<rewrite::Answer> call(Backend& backend, std::string_view operation, boost::json::object body,
                             Duration timeout);

  asio::io_context& io_;
  Shared& shared_;
  std::unique_ptr<Backend> store_;
  std::map<std::string, std::unique_ptr<Backend>, std::less<>> peers_;
};

// Of a replicated table's keys and time to live: those not known yet, or all.
enum class Reread : std::uint8_t { kNewTables, kAllTables };

// Reads leeward-global-tables, and tables; false: the store did not answer, and what was known
// stays.
Task<bool> refresh_registry(Calls& calls, Reread reread);

}  // namespace leeward::gateway
