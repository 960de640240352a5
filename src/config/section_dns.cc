// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "config/schema_text.h"
#include "config/secret_source.h"
#include "config/sections.h"
#include "config/syntax.h"

namespace leeward::config {
namespace {

constexpr std::size_t kEndpointsMax = 64;
constexpr std::size_t kZoneFilesMax = 10'000;
constexpr std::size_t kNameServersMax = 13;
constexpr std::size_t kExemptMax = 1'000;

Key<DnsConfig> dns_listen_key() {
  return {
      .name = "listen",
      .type = fmt::format("list of: {}", kEndpointForm),
      .doc = "UDP and TCP each.",
      .read =
          [](Reader& reader, const Node& node, DnsConfig& dns) {
            dns.listen.clear();
            read_texts(reader, node, kEndpointForm, kEndpointsMax,
                       [&](const std::string& text) -> Status {
                         ASSIGN_OR_RETURN(Endpoint endpoint, claim_endpoint(reader, text));
                         dns.listen.push_back(std::move(endpoint));
                         return {};
                       });
          },
      .write =
          [](const DnsConfig& dns) {
            std::vector<std::string> texts;
            for (const Endpoint& endpoint : dns.listen) {
              texts.push_back(format_endpoint(endpoint));
            }
            return Value::list(texts);
          },
  };
}

Key<DnsConfig> workers_key() {
  return {
      .name = "workers",
      .type = "auto, or whole number, 1 to 256",
      .doc = "UDP worker threads per endpoint; auto: one per core.",
      .read =
          [](Reader& reader, const Node& node, DnsConfig& dns) {
            if (node.kind == NodeKind::kScalar && node.text == "auto") {
              dns.workers = 0;
            } else {
              dns.workers = static_cast<int>(reader.integer(node, 1, 256).value_or(0));
            }
          },
      .write =
          [](const DnsConfig& dns) {
            return Value::scalar(dns.workers == 0 ? "auto" : fmt::format("{}", dns.workers));
          },
  };
}

Result<std::string> parse_version(std::string_view text) {
  if (text.empty() || text.size() > 255) {
    return fail(ErrorCode::kInvalidArgument,
                "expected 1 to 255 bytes; leave the key out to refuse");
  }
  return std::string(text);
}

Result<std::string> parse_zone_path(Reader& reader, std::string_view text) {
  if (text.empty()) {
    return fail(ErrorCode::kInvalidArgument, "expected the path of a zone file, found ''");
  }
  return reader.resolve_path(std::string(text));
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// RFC 9018: 128 bits.
Status check_cookie_secret(std::string_view text) {
  return text.size() == 32 && std::ranges::all_of(text, is_hex)
             ? Status()
             : fail(ErrorCode::kInvalidArgument,
                    "a cookie secret is 32 hexadecimal digits, such as the output of 'openssl rand "
                    "-hex 16'");
}

Status check_tsig_secret(std::string_view text) {
  const auto padding = static_cast<std::size_t>(std::ranges::count(text, '='));
  const bool good = text.size() >= 8 && text.size() <= 1024 && text.size() % 4 == 0 &&
                    padding <= 2 &&
                    text.find_first_not_of('=', text.size() - padding) == std::string_view::npos &&
                    std::ranges::all_of(text.substr(0, text.size() - padding), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                             (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
                    });
  return good ? Status()
              : fail(ErrorCode::kInvalidArgument,
                     "a TSIG secret is base64, such as the output of 'openssl rand -base64 32'");
}

std::optional<TsigAlgorithm> parse_tsig_algorithm(std::string_view text) {
  return text == "hmac-sha256"   ? std::optional(TsigAlgorithm::kHmacSha256)
         : text == "hmac-sha512" ? std::optional(TsigAlgorithm::kHmacSha512)
                                 : std::nullopt;
}

Section<TsigKey> tsig_key_section() {
  Key<TsigKey> secret = secret_key("secret", &TsigKey::source, &TsigKey::secret, check_tsig_secret,
                                   "Where the shared secret is kept, in base64.");
  secret.required = true;
  return {{
      choice_key("algorithm", &TsigKey::algorithm, {"hmac-sha256", "hmac-sha512"},
                 parse_tsig_algorithm, to_string, "How messages are signed."),
      std::move(secret),
  }};
}

Section<Secondary> secondary_section() {
  Key<Secondary> address{
      .name = "address",
      .type = kEndpointForm,
      .doc = "Where it listens for NOTIFY; it may transfer from this address.",
      .read =
          [](Reader& reader, const Node& node, Secondary& secondary) {
            if (const auto text = reader.text(node, kEndpointForm)) {
              secondary.address =
                  reader.accept(node, parse_endpoint(*text)).value_or(secondary.address);
            }
          },
      .write =
          [](const Secondary& secondary) {
            return Value::scalar(format_endpoint(secondary.address));
          },
      .required = true,
  };
  return {{
      std::move(address),
      text_key<Secondary>("key", &Secondary::key, "name of a TSIG key", unchanged(check_name),
                          "One of 'keys': transfers must be signed with it, and NOTIFY is. "
                          "Without it the address alone decides."),
  }};
}

Section<RateLimitConfig> rate_limit_section() {
  return {{
      integer_key("responses_per_second", &RateLimitConfig::responses_per_second, 0, 1'000'000,
                  "To one client network (/24, /56), per kind of response. 0: no limit."),
      integer_key("slip", &RateLimitConfig::slip, 0, 100,
                  "Every so many limited responses are sent truncated, so that real clients come "
                  "back over TCP; the others are dropped. 0: all are dropped."),
      duration_key("window", &RateLimitConfig::window, std::chrono::seconds(1),
                   std::chrono::hours(1), "How long a client's excess is remembered."),
      texts_key<RateLimitConfig>(
          "exempt", &RateLimitConfig::exempt, "network, as 192.0.2.0/24", kExemptMax,
          [](Reader&) -> TextParser { return unchanged(check_network); }, "Never limited."),
  }};
}

void finish_dns(Reader& reader, const Node& map, DnsConfig& dns) {
  if (!reader.usable(map, "secondaries")) {
    return;
  }
  const Reader::Scope scope(reader, "secondaries");
  for (const Secondary& secondary : dns.secondaries) {
    const bool known = secondary.key.empty() ||
                       std::ranges::any_of(
                           dns.keys, [&](const TsigKey& key) { return key.name == secondary.key; });
    if (!known) {
      reader.problem(*map.find("secondaries"),
                     fmt::format("{} uses key {}, which is not among 'keys'", quote(secondary.name),
                                 quote(secondary.key)));
    }
  }
}

}  // namespace

Result<Endpoint> claim_endpoint(Reader& reader, const std::string& text) {
  ASSIGN_OR_RETURN(Endpoint endpoint, parse_endpoint(text));
  if (endpoint.port != 0) {
    const auto [first, is_new] =
        reader.context().endpoints.emplace(format_endpoint(endpoint), reader.path());
    if (!is_new) {
      return fail(ErrorCode::kAlreadyExists,
                  fmt::format("{} is already taken by {}", quote(text), first->second));
    }
  }
  return endpoint;
}

Section<DnsConfig> dns_section() {
  return {
      {
          dns_listen_key(),
          workers_key(),
          texts_key<DnsConfig>(
              "zones", &DnsConfig::zone_files, "path of a zone file", kZoneFilesMax,
              [](Reader& reader) -> TextParser {
                return [&reader](std::string_view text) { return parse_zone_path(reader, text); };
              },
              "Standard zone files to serve (RFC 1035)."),
          texts_key<DnsConfig>(
              "name_servers", &DnsConfig::name_servers, "host name", kNameServersMax,
              [](Reader&) -> TextParser { return parse_hostname; },
              "NS names of zones made from applications. Without it: ns1.ZONE."),
          text_key<DnsConfig>("version", &DnsConfig::version, "text, 1 to 255 bytes", parse_version,
                              "Answer to version.bind in class CHAOS. Without it: refused."),
          text_key<DnsConfig>(
              "nsid", &DnsConfig::nsid, "text, 1 to 255 bytes", parse_version,
              "This server's identity for those who ask (NSID, RFC 5001). Without it: "
              "not said."),
          boolean_key("client_subnet", &DnsConfig::client_subnet,
                      "Locate clients by EDNS Client Subnet (RFC 7871) where a resolver sends it."),
          boolean_key("cookies", &DnsConfig::cookies, "DNS cookies (RFC 7873, RFC 9018)."),
          secret_key(
              "cookie_secret", &DnsConfig::cookie_source, &DnsConfig::cookie_secret,
              check_cookie_secret,
              "32 hexadecimal digits, the same on all nodes that share an address. Without it: "
              "made anew at each start."),
          secret_key("previous_cookie_secret", &DnsConfig::previous_cookie_source,
                     &DnsConfig::previous_cookie_secret, check_cookie_secret,
                     "While the secret is being replaced: the one before is still accepted."),
          section_key("rate_limit", &DnsConfig::rate_limit, rate_limit_section(),
                      "Response-rate limiting of UDP."),
          path_key(
              "networks", &DnsConfig::networks_file,
              "Where client networks are: lines of cidr,continent,country,subdivision,latitude,"
              "longitude."),
          path_key(
              "geoip", &DnsConfig::geoip_file,
              "MaxMind database (GeoLite2 City or Country) that locates what 'networks' does not "
              "name."),
          path_key("latencies", &DnsConfig::latencies_file,
                   "Latency from client networks to regions, in milliseconds, for latency routing. "
                   "Without it, and for others: by distance."),
          named_key<DnsConfig, TsigKey>(
              "keys", &DnsConfig::keys, tsig_key_section(), "NAME",
              [](Reader&, const std::string& name) {
                TsigKey key;
                key.name = name;
                return key;
              },
              [](const TsigKey& key) { return key.name; },
              "TSIG keys (RFC 8945) that sign zone transfers."),
          named_key<DnsConfig, Secondary>(
              "secondaries", &DnsConfig::secondaries, secondary_section(), "NAME",
              [](Reader&, const std::string& name) {
                Secondary secondary;
                secondary.name = name;
                return secondary;
              },
              [](const Secondary& secondary) { return secondary.name; },
              "Servers that may transfer zones (AXFR, IXFR) and are told of every change "
              "(NOTIFY)."),
      },
      {},
      finish_dns};
}

}  // namespace leeward::config
