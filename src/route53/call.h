// SPDX-License-Identifier: Apache-2.0
//
// An operation of the API: a pure function of the catalog and the request. It answers, and says
// what is to be stored; the service stores it and applies it to the catalog.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "route53/api_error.h"
#include "route53/catalog.h"
#include "route53/xml.h"

namespace leeward::route53 {

// One vantage point's opinion of a health check.
struct CheckerRow {
  std::string region;
  std::string ip_address;
  std::string status;  // "Success: HTTP Status Code 200, OK"
  WallTime checked_at{};
};

struct DnsAnswer {
  std::string name_server;
  std::string rcode;  // "NOERROR"
  std::vector<std::string> data;
};

struct DnsQuestion {
  std::string name;
  std::string type;
  std::string resolver_address;
  std::string client_address;  // EDNS Client Subnet; empty: none
  int client_prefix_bits = 24;
};

// What the rest of the program knows.
class Views {
 public:
  Views() = default;
  Views(const Views&) = delete;
  Views& operator=(const Views&) = delete;
  virtual ~Views() = default;

  [[nodiscard]] virtual std::vector<CheckerRow> statuses(const std::string& check) const = 0;
  // Of the last probe that failed; without one, none.
  [[nodiscard]] virtual std::vector<CheckerRow> last_failures(const std::string& check) const = 0;
  // "192.0.2.1/32": where probes come from.
  [[nodiscard]] virtual std::vector<std::string> checker_ranges() const = 0;
  [[nodiscard]] virtual bool routing_control_exists(const std::string& arn) const = 0;
  [[nodiscard]] virtual DnsAnswer test_dns_answer(const DnsQuestion& question) const = 0;
};

struct Call {
  const Catalog& catalog;
  std::vector<std::string> parameters;  // what stood for each {} of the path, decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  pugi::xml_node body;                                     // the root element; empty: none
  WallTime now;
  Rng& rng;  // for ids
  const Views& views;
  const std::vector<std::string>& name_servers;  // of new zones: absolute, with trailing dots
  bool delete_used_health_checks = false;        // else refused while a record set refers to one

  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

struct Reply {
  int status = 200;
  std::string xml;
  std::string location{};
};

struct Outcome {
  Reply reply;
  std::vector<Mutation> mutations{};
  std::string change_id{};  // becomes INSYNC when every DNS worker answers with it
};

using OperationResult = std::expected<Outcome, ApiError>;
using Operation = OperationResult (*)(const Call&);

// `maxitems`, 1 to 100 (or `most`), and InvalidInput for anything else.
std::expected<std::size_t, ApiError> max_items(const Call& call, std::size_t most = 100);

// The body must be <name>; MalformedInput otherwise.
std::expected<pugi::xml_node, ApiError> body_named(const Call& call, std::string_view name);
// The text of a child that must be there; InvalidInput otherwise.
std::expected<std::string, ApiError> required_text(pugi::xml_node parent, std::string_view name,
                                                   std::size_t bytes_max = 1024);

// `prefix` and as many random letters and digits: "Z0A1..." ; "C...".
[[nodiscard]] std::string random_id(Rng& rng, std::string_view prefix, std::size_t size = 20);
[[nodiscard]] std::string random_uuid(Rng& rng);

// <ChangeInfo>.
void write_change(XmlWriter& xml, const ChangeEntry& change);

// A new change, with the mutations that record it and drop the oldest.
ChangeEntry new_change(const Call& call, const std::string& comment,
                       std::vector<Mutation>& mutations);

// The zone, or NoSuchHostedZone.
std::expected<const ZoneEntry*, ApiError> find_zone(const Call& call, std::string_view id);
// The same for changing it: what the config serves is refused.
std::expected<const ZoneEntry*, ApiError> find_own_zone(const Call& call, std::string_view id);

}  // namespace leeward::route53
