// SPDX-License-Identifier: Apache-2.0
#include "gateway/metrics.h"

#include <iterator>

#include <fmt/format.h>

namespace leeward::gateway {
namespace {

constexpr std::array<std::string_view, 3> kClasses = {"2xx", "4xx", "5xx"};

void append(std::string& out, std::string_view name, std::string_view type, std::string_view help,
            std::string_view region, std::uint64_t value) {
  fmt::format_to(std::back_inserter(out),
                 "# HELP {0} {1}\n# TYPE {0} {2}\n{0}{{region=\"{3}\"}} {4}\n", name, help, type,
                 region, value);
}

}  // namespace

void Metrics::count_request(std::size_t operation, int status, Duration took) {
  PerOperation& of = requests_[operation];
  const std::size_t which = status < 400 ? 0 : (status < 500 ? 1 : 2);
  of.by_class[which].fetch_add(1, std::memory_order_relaxed);
  const std::int64_t microseconds = took.count() / 1000;
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && microseconds > kBounds[bucket]) {
    ++bucket;
  }
  of.buckets[bucket].fetch_add(1, std::memory_order_relaxed);
  of.microseconds.fetch_add(static_cast<std::uint64_t>(microseconds), std::memory_order_relaxed);
}

void Metrics::append_latency(std::string& out, std::string_view region) const {
  constexpr std::string_view kName = "leeward_gateway_request_duration_seconds";
  fmt::format_to(std::back_inserter(out),
                 "# HELP {0} From a request's last byte to its answer.\n# TYPE {0} histogram\n",
                 kName);
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    const PerOperation& of = requests_[i];
    std::uint64_t count = 0;
    for (const auto& bucket : of.buckets) {
      count += bucket.load(std::memory_order_relaxed);
    }
    if (count == 0) {
      continue;
    }
    std::uint64_t below = 0;
    for (std::size_t bucket = 0; bucket < of.buckets.size(); ++bucket) {
      below += of.buckets[bucket].load(std::memory_order_relaxed);
      const std::string bound = bucket < kBounds.size()
                                    ? fmt::format("{}", static_cast<double>(kBounds[bucket]) / 1e6)
                                    : "+Inf";
      fmt::format_to(std::back_inserter(out),
                     "{}_bucket{{region=\"{}\",operation=\"{}\",le=\"{}\"}} {}\n", kName, region,
                     operation_name(i), bound, below);
    }
    fmt::format_to(std::back_inserter(out),
                   "{0}_sum{{region=\"{1}\",operation=\"{2}\"}} {3}\n"
                   "{0}_count{{region=\"{1}\",operation=\"{2}\"}} {4}\n",
                   kName, region, operation_name(i),
                   static_cast<double>(of.microseconds.load(std::memory_order_relaxed)) / 1e6,
                   below);
  }
}

std::string Metrics::text(std::string_view region, std::size_t tables, bool store_up,
                          std::size_t active_faults) const {
  std::string out =
      "# HELP leeward_gateway_requests_total Requests of clients that were answered.\n"
      "# TYPE leeward_gateway_requests_total counter\n";
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    for (std::size_t which = 0; which < kClasses.size(); ++which) {
      const std::uint64_t count = requests_[i].by_class[which].load(std::memory_order_relaxed);
      if (count > 0) {
        fmt::format_to(std::back_inserter(out),
                       "leeward_gateway_requests_total{{region=\"{}\",operation=\"{}\","
                       "status=\"{}\"}} {}\n",
                       region, operation_name(i), kClasses[which], count);
      }
    }
  }
  append_latency(out, region);
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help,
                       std::uint64_t value) { append(out, name, type, help, region, value); };
  one("leeward_gateway_refused_total", "counter",
      "Requests refused before they were known: wrong HTTP, operation or signature.", refused_);
  one("leeward_gateway_peer_requests_total", "counter", "Requests of other regions, passed raw.",
      peer_);
  one("leeward_gateway_faulted_total", "counter", "Requests that a fault on command met.", faults_);
  one("leeward_gateway_store_failures_total", "counter", "Calls that the store did not answer.",
      store_failures_);
  one("leeward_gateway_store_rounds_total", "counter",
      "Round trips to the store for rewritten requests.", store_rounds_);
  one("leeward_gateway_connections", "gauge",
      "Open connections, those of the control listener too.",
      static_cast<std::uint64_t>(connections.load()));
  one("leeward_gateway_connections_refused_total", "counter", "Connections over the limit.",
      connections_refused);
  one("leeward_gateway_replicated_tables", "gauge", "Tables whose writes are stamped.", tables);
  one("leeward_gateway_store_up", "gauge", "1: the last look at the store got an answer.",
      store_up ? 1 : 0);
  one("leeward_gateway_faults", "gauge", "Faults on command that are set.", active_faults);
  return out;
}

}  // namespace leeward::gateway
