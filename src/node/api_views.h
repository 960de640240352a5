// SPDX-License-Identifier: Apache-2.0
//
// What the Route 53 API shows of this node: its checker's rows, and what its DNS would answer.
//
// Thread-safety: none; the control thread's.
#pragma once

#include <string>
#include <vector>

#include "node/answers.h"
#include "node/control_panels.h"
#include "probe/checker.h"
#include "route53/call.h"

namespace leeward::node {

class ApiViews final : public route53::Views {
 public:
  struct Collaborators {
    const config::Config& config;
    const Answers& answers;
    const Control& control;
    const ControlPanels& panels;
    const probe::Checker* const& checker;  // null until it is started
  };

  explicit ApiViews(Collaborators with) : with_(with) {}

  [[nodiscard]] std::vector<route53::CheckerRow> statuses(const std::string& check) const override;
  [[nodiscard]] std::vector<route53::CheckerRow> last_failures(
      const std::string& check) const override;
  [[nodiscard]] std::vector<std::string> checker_ranges() const override;
  [[nodiscard]] bool routing_control_exists(const std::string& arn) const override;
  [[nodiscard]] route53::DnsAnswer test_dns_answer(
      const route53::DnsQuestion& question) const override;

 private:
  [[nodiscard]] route53::CheckerRow row(const Observation& observation) const;

  Collaborators with_;
};

// "Success: HTTP Status Code 200, OK", "Failure: Connection refused": as Route 53 words it.
[[nodiscard]] std::string status_text(const Observation& observation);

}  // namespace leeward::node
