// SPDX-License-Identifier: Apache-2.0
//
// The Route 53 API as a service: authenticates, finds the operation, runs it on the catalog, stores
// what it changes in one transaction, and answers. Reads answer from what is stored; writes run one
// after the other, each on what the one before left.
//
// A change is PENDING until every DNS worker answers with it (Hooks::publish), then INSYNC. After a
// restart everything is in sync, because DNS starts with it.
//
// Thread-safety: none; the control thread's, where the store's handlers run.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "route53/call.h"
#include "route53/request.h"
#include "route53/routes.h"
#include "sigv4/verify.h"
#include "state/store.h"

namespace leeward::route53 {

struct Credential {
  std::string access_key_id;
  Secret secret;
  bool read_only = false;
};

struct ServiceOptions {
  // Without any, requests need no signature: for loopback alone.
  std::vector<Credential> credentials;
  bool enabled = true;  // otherwise every request is refused, with what to configure
  // Name servers of new zones: absolute, with trailing dots; at least one.
  std::vector<std::string> name_servers{"ns1.leeward.invalid."};
  // DeleteHealthCheck while record sets refer to the check: as Amazon does, whose clients (octoDNS)
  // count on it; they count as healthy then. Otherwise it is refused.
  bool delete_used_health_checks = false;
};

struct Hooks {
  std::function<WallTime()> now;
  // Called after every commit that may change answers or health checks; calls back when every DNS
  // worker answers with it.
  std::function<void(std::function<void()> published)> publish;
  const Views* views = nullptr;  // must outlive the service
};

class Service {
 public:
  // Reads everything from the store; blocks, for start-up. kDataCorrupt names the key.
  static Result<std::unique_ptr<Service>> open(state::Store& store, ServiceOptions options,
                                               Hooks hooks, std::uint64_t seed);

  void reconfigure(ServiceOptions options);
  void set_managed(std::vector<ZoneEntry> zones) { catalog_.set_managed(std::move(zones)); }

  // Answers now or, where something is stored, later; exactly once.
  void handle(Request request, std::function<void(HttpReply)> respond);

  // Makes the hosted zone, or replaces its record sets; all or nothing up to
  // state::kOperationsMax changes, beyond that in steps. Calls back when it is stored and every DNS
  // worker answers with it. kInvalidArgument lists what is wrong with the record sets;
  // kFailedPrecondition: the config serves the zone.
  void import_zone(HostedZone zone, std::function<void(Status)> done);

  [[nodiscard]] const Catalog& catalog() const { return catalog_; }

 private:
  void store_steps(std::vector<Mutation> mutations, std::size_t from,
                   std::function<void(Status)> done);
  struct Waiting {
    Request request;
    std::function<void(HttpReply)> respond;
    std::string access_key_id;
    std::string request_id;
  };

  Service(state::Store& store, ServiceOptions options, Hooks hooks, std::uint64_t seed);

  std::expected<std::string, ApiError> authenticate(const Request& request, std::string_view path,
                                                    std::string_view query);
  std::expected<void, ApiError> authorize(const std::string& access_key_id,
                                          const Route& route) const;
  OperationResult run(const Request& request, const Match& match);
  void pump();
  void stored(Waiting waiting, const Outcome& outcome, const Status& status);
  void read_back(Waiting waiting, const Outcome& outcome, const Error& error);
  void finish_change(const std::string& id);

  state::Store& store_;
  ServiceOptions options_;
  Hooks hooks_;
  Rng rng_;
  Catalog catalog_;
  sigv4::KeyBook keys_;
  sigv4::KeyCache key_cache_;
  std::deque<Waiting> waiting_;
  bool under_way_ = false;
};

}  // namespace leeward::route53
