// SPDX-License-Identifier: Apache-2.0
//
// The control listener: faults on command, metrics, health. Private to this module. Thread-safety:
// none; belongs to its worker's thread.
#pragma once

#include "gateway/session.h"
#include "gateway/shared.h"

namespace leeward::gateway {

//   GET /healthz         200 once the store answers, else 503
//   GET /metrics         Prometheus text
//   GET, PUT /faults     {"faults": [...]} (faults.h)
class Control final : public Responder {
 public:
  explicit Control(Shared& shared) : shared_(shared) {}

  Task<Reply> respond(const Incoming& request) override;
  Reply refuse(int status, std::string_view what) override;

 private:
  Reply set_faults(std::string_view body);

  Shared& shared_;
};

}  // namespace leeward::gateway
