// SPDX-License-Identifier: Apache-2.0
//
// Every request's way through a worker: which operation, whose signature, which faults, then the
// store, the rewriting or the table calls. Private to this module. Thread-safety: none; belongs to
// its worker's thread.
#pragma once

#include <optional>
#include <random>

#include "gateway/calls.h"
#include "gateway/operation.h"
#include "gateway/session.h"
#include "gateway/table_calls.h"

namespace leeward::gateway {

class FrontDoor final : public Responder {
 public:
  FrontDoor(Shared& shared, Calls& calls);

  Task<Reply> respond(const Incoming& request) override;
  Reply refuse(int status, std::string_view what) override;

 private:
  [[nodiscard]] std::optional<Reply> check(const Incoming& request);
  Task<std::optional<Reply>> meet_faults(std::string_view peer, Duration& latency);
  Task<void> wait(Duration time);

  Task<Reply> answer(const Operation& operation, const Incoming& request);
  Task<Reply> forward(std::string_view target, std::string_view body);
  Task<Reply> forward_peer(const Operation& operation, const Incoming& request);
  Task<Reply> forward_parsed(const Operation& operation, std::string_view target,
                             boost::json::object body);
  Task<Reply> data(const Operation& operation, const Incoming& request);
  Task<Reply> run(rewrite::Exchange& exchange);

  Shared& shared_;
  Calls& calls_;
  TableCalls tables_;
  std::optional<Verifier> verifier_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace leeward::gateway
