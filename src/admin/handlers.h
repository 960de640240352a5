// SPDX-License-Identifier: Apache-2.0
//
// One function per route. They run after authentication, authorization and the checks that all
// requests share; router.cc has the table.
#pragma once

#include <string>
#include <vector>

#include "admin/auth.h"
#include "admin/control_plane.h"
#include "admin/http.h"
#include "admin/router.h"
#include "admin/target.h"

namespace leeward::admin {

struct Call {
  const Request& request;
  const Target& target;
  std::vector<std::string> parameters;  // what stood for each {name} of the path
  Identity identity;
  ControlPlane& control;
  RespondCallback respond;
};

void get_healthz(const Call& call);
void get_readyz(const Call& call);
void get_metrics(const Call& call);
void get_status(const Call& call);
void get_applications(const Call& call);
void get_application(const Call& call);
void get_checks(const Call& call);
void get_check(const Call& call);
void get_check_history(const Call& call);
void get_decisions(const Call& call);
void get_decision(const Call& call);
void get_journal(const Call& call);
void get_replication(const Call& call);
void get_events(const Call& call);
void post_failover(const Call& call);
void post_hold(const Call& call);
void post_release(const Call& call);
void post_acknowledge(const Call& call);
void post_switchover(const Call& call);
void post_failback(const Call& call);
void get_control_panels(const Call& call);
void get_control_panel(const Call& call);
void put_control_panel(const Call& call);
void delete_control_panel(const Call& call);
void put_routing_control(const Call& call);
void delete_routing_control(const Call& call);
void put_safety_rule(const Call& call);
void delete_safety_rule(const Call& call);
void post_control_states(const Call& call);
void get_zones(const Call& call);
void get_zone_file(const Call& call);
void put_zone_file(const Call& call);
void post_reload(const Call& call);

}  // namespace leeward::admin
