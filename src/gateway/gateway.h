// SPDX-License-Identifier: Apache-2.0
//
// One region's DynamoDB endpoint: what AWS CLI, boto3 and the SDKs talk to, in front of the
// region's own store. Writes to replicated tables are stamped (src/rewrite); calls about tables and
// global tables are answered here; everything else is the store's own answer, byte for byte.
//
// Threads: start() makes its own (`threads` workers; a connection stays on one). Every other
// function may be called from one thread, the owner's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dynamodb/client.h"
#include "gateway/signature.h"
#include "model/ids.h"

namespace leeward::gateway {

struct Listen {
  std::string address;  // "127.0.0.1" or "::1"
  std::uint16_t port = 0;
};

// Another region: its gateway (or, without one, its store).
struct PeerRegion {
  RegionId id;
  dynamodb::Endpoint endpoint;
};

struct GatewayOptions {
  RegionId region;
  dynamodb::Endpoint store;
  std::vector<PeerRegion> peers;
  std::vector<std::string> tables;    // replicated without the global-table calls
  std::optional<KeyBook> keys;        // of clients; nothing: any signature passes
  dynamodb::Credentials credentials;  // towards the store and the peers
  Listen listen;
  std::optional<Listen> control;
  unsigned threads = 2;
  std::size_t max_connections = 1024;
  Duration store_timeout = std::chrono::seconds(30);

  // Events for the log; may be called from any worker.
  std::function<void(std::string_view event, std::string_view detail)> on_event;
};

class Gateway {
 public:
  // Listens and serves. kUnavailable: an address cannot be listened on. The store need not be there
  // yet.
  static Result<std::unique_ptr<Gateway>> start(GatewayOptions options);

  // Takes no new requests, lets those under way be answered for up to 5 seconds, ends the threads.
  void stop();
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Where it listens; the port is the real one where 0 was asked for.
  [[nodiscard]] Listen listening() const;
  [[nodiscard]] std::optional<Listen> control_listening() const;

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace leeward::gateway
