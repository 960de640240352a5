// SPDX-License-Identifier: Apache-2.0
#include "admin/metrics.h"

#include <string_view>
#include <utility>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "admin/json.h"
#include "base/utf8.h"

namespace leeward::admin {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

ClientMetric::Label label(const char* name, std::string_view value) {
  return {name, valid_utf8(value)};
}

// Builds the families one after the other. The node counts in plain integers of its own threads, so
// the library's registry with its own atomics would only count everything twice.
class Families {
 public:
  void begin(MetricType type, const char* name, const char* help) {
    families_.push_back({name, help, type, {}});
  }

  void add(double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    families_.back().metric.push_back(std::move(metric));
  }
  void add(std::uint64_t value, Labels labels = {}) {
    add(static_cast<double>(value), std::move(labels));
  }

  void counter(const char* name, const char* help, std::uint64_t value) {
    begin(MetricType::Counter, name, help);
    add(value);
  }
  void gauge(const char* name, const char* help, double value) {
    begin(MetricType::Gauge, name, help);
    add(value);
  }

  [[nodiscard]] const std::vector<MetricFamily>& all() const { return families_; }

 private:
  std::vector<MetricFamily> families_;
};

void add_dns(Families& families, const Metrics::Dns& dns) {
  families.begin(MetricType::Counter, "leeward_dns_queries_total", "DNS queries received.");
  families.add(dns.queries_udp, {label("transport", "udp")});
  families.add(dns.queries_tcp, {label("transport", "tcp")});
  families.begin(MetricType::Counter, "leeward_dns_responses_total",
                 "DNS responses sent, by response code.");
  for (const auto& [code, count] : dns.responses) {
    families.add(count, {label("rcode", code)});
  }
  families.counter("leeward_dns_truncated_total",
                   "DNS responses that did not fit and had the TC bit set.", dns.truncated);
  families.counter("leeward_dns_dropped_total",
                   "Packets received on the DNS port that got no response.", dns.dropped);
  families.gauge("leeward_dns_tcp_connections", "DNS connections open over TCP.",
                 static_cast<double>(dns.tcp_connections));
}

void add_health(Families& families, const Metrics& metrics) {
  families.begin(MetricType::Counter, "leeward_probes_total", "Probes ended, by outcome.");
  for (const auto& [outcome, count] : metrics.probes) {
    families.add(count, {label("outcome", to_string(outcome))});
  }
  families.gauge("leeward_probes_in_flight", "Probes that have started and not ended.",
                 static_cast<double>(metrics.probes_in_flight));
  families.begin(MetricType::Counter, "leeward_health_transitions_total",
                 "Times that a health check's status became this health.");
  for (const Metrics::Transition& transition : metrics.transitions) {
    families.add(transition.count,
                 {label("check", transition.check.str()), label("to", to_string(transition.to))});
  }
}

void add_region_gauge(Families& families, const Metrics& metrics, const char* name,
                      const char* help, double (*value)(const Metrics::Region&)) {
  families.begin(MetricType::Gauge, name, help);
  for (const Metrics::Region& region : metrics.regions) {
    families.add(value(region), {label("application", region.application.str()),
                                 label("region", region.region.str())});
  }
}

void add_regions(Families& families, const Metrics& metrics) {
  using Region = Metrics::Region;
  add_region_gauge(families, metrics, "leeward_region_active",
                   "1 where the application's users are sent.",
                   [](const Region& region) { return region.active ? 1.0 : 0.0; });
  add_region_gauge(families, metrics, "leeward_region_healthy",
                   "The region's status: 1 healthy, 0 unhealthy, -1 unknown.",
                   [](const Region& region) {
                     return region.health == Health::kHealthy     ? 1.0
                            : region.health == Health::kUnhealthy ? 0.0
                                                                  : -1.0;
                   });
  add_region_gauge(families, metrics, "leeward_region_suspect",
                   "1 while a healthy region has missed probes and is being confirmed.",
                   [](const Region& region) { return region.suspect ? 1.0 : 0.0; });
  families.begin(MetricType::Gauge, "leeward_region_gray",
                 "1 while a region answers worse than its application's others.");
  for (const Region& region : metrics.regions) {
    if (region.gray) {
      families.add(*region.gray ? 1.0 : 0.0, {label("application", region.application.str()),
                                              label("region", region.region.str())});
    }
  }
  families.begin(MetricType::Gauge, "leeward_application_epoch",
                 "The epoch of the application's assignment.");
  const ApplicationId* last = nullptr;
  for (const Region& region : metrics.regions) {
    if (last == nullptr || *last != region.application) {
      families.add(region.epoch, {label("application", region.application.str())});
      last = &region.application;
    }
  }
}

void add_replication(Families& families, const Metrics& metrics) {
  const auto labels = [](const TableReplication& each) {
    return std::vector{label("table", each.table), label("from", each.link.from.str()),
                       label("to", each.link.to.str())};
  };
  const auto quantile = [&](const char* name, const char* help,
                            Duration ReplicationLink::* member) {
    families.begin(MetricType::Gauge, name, help);
    for (const TableReplication& each : metrics.replication) {
      families.add(to_milliseconds(each.link.*member) / 1000, labels(each));
    }
  };
  quantile("leeward_replication_lag_seconds", "Lag of the heartbeat that arrived last.",
           &ReplicationLink::lag);
  quantile("leeward_replication_lag_p50_seconds", "Median lag of the last minute's heartbeats.",
           &ReplicationLink::p50);
  quantile("leeward_replication_lag_p99_seconds",
           "99th percentile of the last minute's heartbeats.", &ReplicationLink::p99);
  quantile("leeward_replication_lag_max_seconds", "The slowest of the last minute's heartbeats.",
           &ReplicationLink::max);
  families.begin(MetricType::Gauge, "leeward_replication_newest_visible_age_seconds",
                 "How long ago the newest write was made that is known to have arrived; absent "
                 "where none ever was.");
  for (const auto& [index, age] : metrics.newest_visible_age_seconds) {
    families.add(age, labels(metrics.replication.at(index)));
  }
  families.begin(MetricType::Gauge, "leeward_replication_stalled", "1 where nothing arrives.");
  for (const TableReplication& each : metrics.replication) {
    families.add(each.link.stalled ? 1.0 : 0.0, labels(each));
  }
  families.begin(MetricType::Gauge, "leeward_writes_allowed",
                 "1 where the assigned region's fence is open; applications with fencing only.");
  for (const Metrics::Writes& each : metrics.writes) {
    families.add(each.allowed ? 1.0 : 0.0, {label("application", each.application.str())});
  }
}

void add_standings(Families& families, const Metrics& metrics) {
  families.begin(MetricType::Gauge, "leeward_application_held",
                 "1 where an operator forbids automatic moves.");
  for (const Metrics::Standing& each : metrics.standings) {
    families.add(each.held ? 1.0 : 0.0, {label("application", each.application.str())});
  }
  families.begin(MetricType::Gauge, "leeward_application_locked_out",
                 "1 where an application moved by itself too often, until an operator "
                 "acknowledges.");
  for (const Metrics::Standing& each : metrics.standings) {
    families.add(each.locked_out ? 1.0 : 0.0, {label("application", each.application.str())});
  }
}

void add_control(Families& families, const Metrics& metrics) {
  families.begin(MetricType::Counter, "leeward_decisions_total",
                 "Decisions, by application, kind and outcome.");
  for (const Metrics::DecisionCount& decision : metrics.decisions) {
    families.add(decision.count, {label("application", decision.application.str()),
                                  label("kind", to_string(decision.kind)),
                                  label("outcome", to_string(decision.outcome))});
  }
  families.counter("leeward_journal_entries_total",
                   "Journal entries written since the process started.", metrics.journal_entries);
  families.counter("leeward_state_errors_total", "Writes to the state store that failed.",
                   metrics.state_errors);
  families.begin(MetricType::Counter, "leeward_config_reloads_total",
                 "Reloads of the config, by result.");
  families.add(metrics.reloads_ok, {label("result", "ok")});
  families.add(metrics.reloads_failed, {label("result", "failed")});
  families.gauge("leeward_config_generation", "Which config is in force; grows with each reload.",
                 static_cast<double>(metrics.config_generation));
  families.gauge("leeward_uptime_seconds", "Time since the process started.",
                 metrics.uptime_seconds);
}

Families build(const Metrics& metrics) {
  Families families;
  add_dns(families, metrics.dns);
  add_health(families, metrics);
  add_regions(families, metrics);
  add_replication(families, metrics);
  add_standings(families, metrics);
  add_control(families, metrics);
  return families;
}

}  // namespace

std::string format_metrics(const Metrics& metrics) {
  return prometheus::TextSerializer().Serialize(build(metrics).all());
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const MetricFamily& family : build(Metrics{}).all()) {
    names.push_back(family.name);
  }
  return names;
}

}  // namespace leeward::admin
