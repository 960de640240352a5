// SPDX-License-Identifier: Apache-2.0
//
// The sections of leeward.yaml. Each .cc named here holds a table of keys and the checks between
// them: section_check.cc, section_application.cc, section_service.cc,
// section_table.cc.
#pragma once

#include "config/config.h"
#include "config/schema.h"
#include "model/application.h"
#include "model/health_check.h"
#include "model/table.h"

namespace leeward::config {

Section<CheckTiming> timing_section();
Section<HealthCheck> check_section();

Section<FailoverPolicy> failover_section();
Section<Region> region_section();
Section<Application> application_section();
Key<Application> ttl_key(std::string name, Duration Application::* member, std::string doc);

Section<TableSpec> table_section();
// A table's name as a key: not one of Leeward's own.
Status check_spec_name(std::string_view name);
// Fills in the replicas that are not written, and checks them. `map` is the whole file.
void finish_tables(Reader& reader, const Node& map, Config& config);

Section<NodeConfig> node_section();
Section<StateConfig> state_section();
Section<DnsConfig> dns_section();
// Where something listens; two things may not listen on the same address and port.
Result<Endpoint> claim_endpoint(Reader& reader, const std::string& text);
inline constexpr const char* kEndpointForm = "ADDRESS:PORT or [IPv6]:PORT";
Section<ApiConfig> api_section();
Section<LogConfig> log_section();
Section<ReplicationConfig> replication_section();

// The whole file.
const Section<Config>& root_section();

// A region that `regions:` names, or an error with a suggestion.
Status check_region_known(Reader& reader, const std::string& name);

}  // namespace leeward::config
