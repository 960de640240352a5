// SPDX-License-Identifier: Apache-2.0
#include "node/api_views.h"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/octal.h"
#include "node/api_checks.h"
#include "probe/clock.h"

namespace leeward::node {
namespace {

constexpr std::size_t kResponseBytes = dns::kTcpBufferBytesMin;

}  // namespace

std::string status_text(const Observation& observation) {
  const std::string detail = observation.detail.empty() ? "" : ", " + observation.detail;
  switch (observation.outcome) {
    case ProbeOutcome::kSuccess:
      return observation.detail.empty() ? "Success: The connection was established"
                                        : "Success: " + observation.detail;
    case ProbeOutcome::kRefused:
      return "Failure: Connection refused" + detail;
    case ProbeOutcome::kUnreachable:
      return "Failure: The endpoint is unreachable" + detail;
    case ProbeOutcome::kTimeout:
      return "Failure: Connection timed out. The endpoint may be down, or a firewall may be "
             "blocking the connection" +
             detail;
    case ProbeOutcome::kTlsError:
      return "Failure: The TLS handshake failed" + detail;
    case ProbeOutcome::kBadStatus:
      return "Failure: The HTTP status is not 2xx or 3xx" + detail;
    case ProbeOutcome::kNoMatch:
      return "Failure: The search string was not found" + detail;
    case ProbeOutcome::kMalformed:
      return "Failure: The response is not HTTP" + detail;
    case ProbeOutcome::kClosed:
      return "Failure: The connection was closed before a response" + detail;
    case ProbeOutcome::kNameResolution:
      return "Failure: DNS resolution failed" + detail;
    case ProbeOutcome::kLocalError:
      return "Failure: The health checker itself had trouble" + detail;
  }
  return "Failure";
}

route53::CheckerRow ApiViews::row(const Observation& observation) const {
  const MonoTime now = probe::mono_now();
  return {.region = with_.config.node.region.empty() ? with_.config.node.id.str()
                                                     : with_.config.node.region.str(),
          .ip_address = "127.0.0.1",
          .status = status_text(observation),
          .checked_at = probe::wall_now() - (now - observation.finished)};
}

std::vector<route53::CheckerRow> ApiViews::statuses(const std::string& check) const {
  const auto snapshot =
      with_.checker == nullptr ? std::nullopt : with_.checker->snapshot(HealthCheckId(check));
  if (!snapshot || snapshot->history.empty()) {
    return {};
  }
  return {row(snapshot->history.back())};
}

std::vector<route53::CheckerRow> ApiViews::last_failures(const std::string& check) const {
  const auto snapshot =
      with_.checker == nullptr ? std::nullopt : with_.checker->snapshot(HealthCheckId(check));
  if (!snapshot) {
    return {};
  }
  const auto failed =
      std::find_if(snapshot->history.rbegin(), snapshot->history.rend(),
                   [](const Observation& each) { return each.outcome != ProbeOutcome::kSuccess; });
  return failed == snapshot->history.rend() ? std::vector<route53::CheckerRow>()
                                            : std::vector{row(*failed)};
}

// Probes leave from whatever address routing chooses; what is known is where this node listens.
std::vector<std::string> ApiViews::checker_ranges() const {
  std::vector<std::string> ranges;
  for (const config::Endpoint& endpoint : with_.config.dns.listen) {
    std::string range =
        fmt::format("{}/{}", endpoint.address, endpoint.address.contains(':') ? 128 : 32);
    if (endpoint.address != "0.0.0.0" && endpoint.address != "::" &&
        std::ranges::find(ranges, range) == ranges.end()) {
      ranges.push_back(std::move(range));
    }
  }
  return ranges;
}

bool ApiViews::routing_control_exists(const std::string& arn) const {
  const auto id = controls::parse_member_id(arn);
  if (!id) {
    return false;
  }
  const auto has = [&](const controls::Panels& panels) {
    const auto panel = panels.find(id->panel);
    return panel != panels.end() && panel->second.controls.contains(id->name);
  };
  return has(with_.panels.panels()) || has(application_panels(with_.control));
}

route53::DnsAnswer ApiViews::test_dns_answer(const route53::DnsQuestion& question) const {
  route53::DnsAnswer result{
      .name_server = with_.config.node.id.str(), .rcode = "SERVFAIL", .data = {}};
  const auto snapshot = with_.answers.current();
  const auto name = dns::parse_route53_name(question.name);
  if (snapshot == nullptr || !name) {
    return result;
  }
  const auto bytes = dns::build_query(name->text(), question.type, {.id = 1, .client_address = ""});
  if (!bytes) {
    return result;
  }
  dns::Query query{
      .bytes = *bytes,
      .transport = dns::Transport::kTcp,
      .random = static_cast<std::uint64_t>(probe::mono_now().time_since_epoch().count()),
      .now_seconds = static_cast<std::uint32_t>(std::time(nullptr))};
  if (!question.client_address.empty()) {
    const auto network = routing::parse_network(
        fmt::format("{}/{}", question.client_address, question.client_prefix_bits));
    query.client = network.value_or(dns::ClientNetwork());
  } else if (!question.resolver_address.empty()) {
    query.client = routing::parse_network(question.resolver_address).value_or(dns::ClientNetwork());
  }
  std::vector<std::uint8_t> out(kResponseBytes);
  out.resize(dns::answer(snapshot->context(), query, out));
  const auto response = dns::parse_response(out);
  if (!response) {
    return result;
  }
  result.rcode = response->rcode_text;
  for (const dns::ResponseRecord& each : response->answers) {
    result.data.push_back(each.data);
  }
  return result;
}

}  // namespace leeward::node
