// SPDX-License-Identifier: Apache-2.0
#include "node/answers.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <random>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

#include "dns/octal.h"
#include "dns/signing_key.h"
#include "node/api_checks.h"
#include "node/board_words.h"
#include "probe/clock.h"

namespace leeward::node {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kNotesLogged = 20;

std::optional<dns::CookieSecret> cookie_secret(const Secret& text) {
  if (text.empty()) {
    return std::nullopt;
  }
  dns::CookieSecret secret{};
  const std::string& hex = text.reveal();
  for (std::size_t i = 0; i < secret.size() && 2 * i + 2 <= hex.size(); ++i) {
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, secret[i], 16);
  }
  return secret;
}

// The keys of the zones that the API signs. A key that cannot be read would have failed when it was
// loaded.
std::map<dns::Name, dns::ZoneSigning> signing_of(const route53::Catalog& catalog) {
  std::map<dns::Name, dns::ZoneSigning> signing;
  for (const auto& [zone_and_name, entry] : catalog.keys) {
    const auto zone = catalog.zones.find(entry.zone_id);
    if (zone == catalog.zones.end() || !zone->second.dnssec) {
      continue;
    }
    const auto apex = dns::parse_route53_name(zone->second.zone.name);
    auto key = dns::SigningKey::from_pem(entry.private_key, dns::kSecureEntryPointFlag);
    if (apex && key) {
      signing[apex->lowered()].keys.push_back({*std::move(key), entry.active});
    }
  }
  return signing;
}

// The workers share an address's clients evenly, and so the limit.
server::RateLimit rate_limit_of(const config::DnsConfig& dns) {
  const config::RateLimitConfig& config = dns.rate_limit;
  const std::uint32_t workers = dns.workers > 0 ? static_cast<std::uint32_t>(dns.workers)
                                                : std::max(1U, std::thread::hardware_concurrency());
  const auto rate = static_cast<std::uint32_t>(config.responses_per_second);
  server::RateLimit limit{
      .responses_per_second = rate == 0 ? 0 : std::max(1U, rate / workers),
      .slip = static_cast<std::uint32_t>(config.slip),
      .window_seconds = static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::seconds>(config.window).count()),
      .exempt = {}};
  for (const std::string& network : config.exempt) {
    if (const auto parsed = routing::parse_network(network)) {
      limit.exempt.push_back(*parsed);
    }
  }
  return limit;
}

dns::CookieSecret random_secret() {
  std::random_device device;
  dns::CookieSecret secret{};
  for (std::uint8_t& byte : secret) {
    byte = static_cast<std::uint8_t>(device());
  }
  return secret;
}

// A compilation cannot fail for what the API has, and the config's part was compiled before.
dns::Tables compile_all(const dns::CompileInput& input) {
  auto tables = dns::compile(input);
  return tables ? *std::move(tables) : dns::Tables();
}

}  // namespace

Answers::Answers(asio::io_context& io, Log& log, Control& control, const ControlPanels& panels)
    : io_(io), log_(log), control_(control), panels_(panels) {}

Answers::~Answers() {
  stop();
}

void Answers::stop() {
  compiler_.join();
}

void Answers::use_config(load::Loaded& loaded) {
  config_ = loaded.config;
  base_ = std::move(loaded.input);
  ready_ = std::move(loaded.tables);
  locator_ = std::move(loaded.locator);
  const config::DnsConfig& dns = config_.dns;
  const std::optional<dns::CookieSecret> kept = answering_.cookie_secret;
  answering_ = {.client_subnet = dns.client_subnet,
                .nsid = dns.nsid,
                .cookie_secret = {},
                .previous_cookie_secret = cookie_secret(dns.previous_cookie_secret),
                .rate_limit = rate_limit_of(dns)};
  if (dns.cookies) {
    answering_.cookie_secret = cookie_secret(dns.cookie_secret);
    if (!answering_.cookie_secret) {
      answering_.cookie_secret = kept ? kept : std::optional(random_secret());
    }
  }
  ++generation_;
}

dns::CompileInput Answers::input() const {
  dns::CompileInput input = base_;
  const std::vector<HealthCheckId> checks =
      catalog_ == nullptr ? std::vector<HealthCheckId>() : check_ids_of(*catalog_);
  input.layout = routing::BoardLayout(config_.applications, checks);
  if (catalog_ != nullptr) {
    for (const auto& [id, zone] : catalog_->zones) {
      if (zone.managed_by.empty()) {
        input.hosted_zones.push_back(zone.zone);
      }
    }
    input.signing = signing_of(*catalog_);
    for (const auto& [id, entry] : catalog_->cidr_collections) {
      input.cidr_collections.push_back(entry.collection);
    }
  }
  return input;
}

void Answers::log_notes(const dns::Tables& tables) {
  std::size_t count = 0;
  for (const std::string& note : tables.notes()) {
    if (count++ == kNotesLogged) {
      log_.warning("dns-zones", {{"detail", "further notes are left out"}});
      return;
    }
    log_.warning("dns-zones", {{"detail", note}});
  }
}

std::shared_ptr<const server::Snapshot> Answers::make_snapshot() {
  dns::CompileInput all = input();
  routing::BoardLayout layout = all.layout;
  const bool api_is_empty = all.hosted_zones.empty() && all.layout == base_.layout;
  dns::Tables tables = ready_ && api_is_empty ? *std::move(ready_) : compile_all(all);
  ready_.reset();
  auto snapshot = adopt(std::move(tables), std::move(layout));
  // What waits is in it already.
  for (auto& done : std::exchange(waiting_, {})) {
    asio::post(io_, std::move(done));
  }
  return snapshot;
}

std::shared_ptr<const server::Snapshot> Answers::adopt(dns::Tables tables,
                                                       routing::BoardLayout layout) {
  log_notes(tables);
  board_ = std::make_shared<HealthBoard>(layout.size());
  layout_ = std::move(layout);
  control_.use_board(board_, layout_, config_.applications);
  define_health();
  zones_.clear();
  for (const dns::ZoneSummary& zone : tables.zones()) {
    zones_.push_back(zone.name);
  }
  auto snapshot = std::make_shared<server::Snapshot>();
  snapshot->serials = std::make_shared<dns::Serials>(zones_.size());
  snapshot->tables = std::move(tables);
  snapshot->board = board_;
  snapshot->locator = locator_;
  snapshot->answering = answering_;
  current_ = snapshot;
  return snapshot;
}

void Answers::define_health() {
  if (catalog_ == nullptr) {
    return;
  }
  tree_.define(health_nodes_of(*catalog_));
  std::erase_if(probes_, [&](const auto& each) {
    return !catalog_->health_checks.contains(each.first.str());
  });
  controls_changed();
  for (const HealthCheckId& check : check_ids_of(*catalog_)) {
    store_word(check);
  }
}

void Answers::store_word(const HealthCheckId& check) {
  const auto slot = board_ == nullptr ? std::nullopt : layout_.check(check);
  if (!slot) {
    return;
  }
  BoardWord word = BoardWord::of(tree_.health(check));
  if (const auto probe = probes_.find(check); probe != probes_.end()) {
    word.ttl_limit_seconds = word_of_check(probe->second).ttl_limit_seconds;
  }
  board_->store(*slot, word);
}

void Answers::probe_says(const HealthCheckId& check, const Verdict& verdict) {
  HealthStatus& status = probes_[check];
  status.health = verdict.health;
  status.since = verdict.since;
  status.suspect = verdict.suspect;
  status.time_to_flip = verdict.time_to_flip;
  std::vector<HealthCheckId> changed;
  if (verdict.health != Health::kUnknown) {
    changed = tree_.set_probe(check, verdict.health);
  }
  store_word(check);  // its suspicion, too
  for (const HealthCheckId& each : changed) {
    store_word(each);
  }
}

void Answers::remember(const HealthCheckId& check, Health health) {
  tree_.set_probe(check, health);
}

void Answers::controls_changed() {
  std::vector<HealthCheckId> changed;
  const auto take = [&](const controls::Panels& panels) {
    for (const auto& [panel_name, panel] : panels) {
      for (const auto& [name, control] : panel.controls) {
        for (HealthCheckId& check :
             tree_.set_control(controls::to_string(controls::MemberId{panel_name, name}),
                               control.state == controls::ControlState::kOn)) {
          changed.push_back(std::move(check));
        }
      }
    }
  };
  take(panels_.panels());
  take(application_panels(control_));
  for (const HealthCheckId& check : changed) {
    store_word(check);
  }
}

void Answers::publish(std::function<void()> published) {
  waiting_.push_back(std::move(published));
  if (!under_way_) {
    start_compiling();
  }
}

void Answers::start_compiling() {
  under_way_ = true;
  compiling_ = std::exchange(waiting_, {});
  asio::post(compiler_, [this, all = input(), generation = generation_]() mutable {
    routing::BoardLayout layout = all.layout;
    dns::Tables tables = compile_all(all);
    asio::post(
        io_, [this, tables = std::move(tables), layout = std::move(layout), generation]() mutable {
          compiled(std::move(tables), std::move(layout), generation);
        });
  });
}

void Answers::compiled(dns::Tables tables, routing::BoardLayout layout, std::uint64_t generation) {
  under_way_ = false;
  if (generation != generation_) {
    // A reload came between, and published everything.
    for (auto& done : std::exchange(compiling_, {})) {
      done();
    }
  } else {
    publish_(adopt(std::move(tables), std::move(layout)));
    for (auto& done : std::exchange(compiling_, {})) {
      done();
    }
  }
  if (!waiting_.empty()) {
    start_compiling();
  }
}

}  // namespace leeward::node
