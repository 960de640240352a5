// SPDX-License-Identifier: Apache-2.0
#include "node/node.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <random>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "admin/api.h"
#include "admin/events.h"
#include "node/answers.h"
#include "node/api_checks.h"
#include "node/api_views.h"
#include "node/changes.h"
#include "node/control.h"
#include "node/control_panels.h"
#include "node/log.h"
#include "node/plane.h"
#include "node/region_data.h"
#include "node/service_manager.h"
#include "probe/checker.h"
#include "probe/clock.h"
#include "route53/service.h"
#include "server/dns_server.h"
#include "state/sqlite_store.h"

namespace leeward::node {
namespace {

namespace asio = boost::asio;

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

std::vector<HealthCheck> checks_of(const config::Config& config) {
  std::vector<HealthCheck> checks;
  for (const Application& application : config.applications) {
    for (const ApplicationRegion& region : application.regions) {
      checks.push_back(region.check);
    }
  }
  return checks;
}

bool is_loopback_address(const std::string& address) {
  return address == "::1" || address.starts_with("127.");
}

}  // namespace

struct Node::Impl {
  explicit Impl(std::string file, load::Loaded loaded)
      : config_file(std::move(file)),
        config(std::move(loaded.config)),
        log(config.log),
        events(fmt::format("{:016x}", random_seed())),
        wake_timer(io),
        tick_timer(io),
        signals(io) {
    facts.id = config.node.id;
    facts.region = config.node.region;
    facts.config_file = config_file;
    facts.config_generation = 1;
    facts.started = facts.config_loaded = probe::mono_now();
    for (const std::string& warning : loaded.warnings) {
      log.warning("config", {{"detail", warning}});
    }
    start_with = std::move(loaded);
    start_with.config = config;
  }

  // ---- start, one part after the other ----

  Status open_store() {
    ASSIGN_OR_RETURN(store, state::open_sqlite_store(config.state.sqlite_path, {},
                                                     [this](std::move_only_function<void()> task) {
                                                       asio::post(io, std::move(task));
                                                     }));
    ASSIGN_OR_RETURN(SavedState saved, read_saved_state(*store));
    for (const auto& [check, health] : saved.healths) {
      initial_healths.emplace(check, health);
    }
    log.info("state", {{"file", config.state.sqlite_path},
                       {"assignments", std::uint64_t{saved.assignments.size()}},
                       {"journal_sequence", saved.journal.sequence}});
    writer = std::make_unique<StoreWriter>(
        *store,
        [this](Duration delay, std::function<void()> task) { later(delay, std::move(task)); },
        [this](const Error& error) { log.error("state-store", {{"error", error.message}}); });
    data = std::make_unique<RegionData>(
        [this](std::function<void()> task) { asio::post(io, std::move(task)); });
    data->apply(config);
    ASSIGN_OR_RETURN(controls::Panels stored_panels, read_control_panels(*store));
    panels = std::make_unique<ControlPanels>(
        std::move(stored_panels),
        ControlPanels::Collaborators{*store, [] { return probe::wall_now(); },
                                     [this] {
                                       if (answers) {
                                         answers->controls_changed();
                                       }
                                     }});
    control = std::make_unique<Control>(
        config.node.id, config.state.journal_entries_max, std::move(saved),
        Control::Collaborators{*writer, log, events, [this](MonoTime at) { wake_at(at); }, *data});
    return {};
  }

  route53::ServiceOptions api_options() const {
    route53::ServiceOptions options;
    for (const config::AwsCredential& each : config.api.aws_credentials) {
      options.credentials.push_back(
          {each.access_key_id, each.secret, each.access == config::AwsAccess::kReadOnly});
    }
    options.delete_used_health_checks = config.api.delete_used_health_checks;
    options.enabled =
        !options.credentials.empty() || is_loopback_address(config.api.listen.address);
    if (!config.dns.name_servers.empty()) {
      options.name_servers.clear();
      for (const std::string& name : config.dns.name_servers) {
        options.name_servers.push_back(name + ".");
      }
    }
    return options;
  }

  Status open_api_catalog() {
    answers = std::make_unique<Answers>(io, log, *control, *panels);
    views = std::make_unique<ApiViews>(
        ApiViews::Collaborators{config, *answers, *control, *panels, checker_view});
    ASSIGN_OR_RETURN(route53, route53::Service::open(*store, api_options(),
                                                     {.now = [] { return probe::wall_now(); },
                                                      .publish =
                                                          [this](std::function<void()> done) {
                                                            apply_checks();
                                                            answers->publish(std::move(done));
                                                          },
                                                      .views = views.get()},
                                                     random_seed()));
    answers->use_catalog(route53->catalog());
    answers->use_config(start_with);
    for (const auto& [check, health] : initial_healths) {
      if (route53->catalog().health_checks.contains(check.str())) {
        answers->remember(check, health);
      }
    }
    return {};
  }

  std::vector<HealthCheck> all_checks(const config::Config& of) const {
    std::vector<HealthCheck> checks = checks_of(of);
    std::ranges::move(probes_of(route53->catalog()), std::back_inserter(checks));
    return checks;
  }

  // The API's health checks are others, or have other settings.
  void apply_checks() {
    if (const Status applied = checker->apply(all_checks(config), {}); !applied) {
      log.error("health-checks", {{"error", applied.error().message}});
    }
  }

  void verdict_changed(const HealthCheckId& check, const Verdict& verdict) {
    if (!route53->catalog().health_checks.contains(check.str())) {
      return control->verdict_changed(check, verdict);
    }
    answers->probe_says(check, verdict);
    if (verdict.health != Health::kUnknown) {
      writer->put(health_key(check), std::string(to_string(verdict.health)));
    }
  }

  std::shared_ptr<const server::Snapshot> make_snapshot() {
    auto snapshot = answers->make_snapshot();
    facts.zones = answers->zones();
    return snapshot;
  }

  Status start_dns() {
    ASSIGN_OR_RETURN(dns, server::DnsServer::start({.listen = config.dns.listen,
                                                    .workers = config.dns.workers,
                                                    .tcp = {},
                                                    .seed = random_seed(),
                                                    .keys = config.dns.keys,
                                                    .secondaries = config.dns.secondaries},
                                                   make_snapshot()));
    answers->publish_to([this](std::shared_ptr<const server::Snapshot> snapshot) {
      facts.zones = answers->zones();
      dns->publish(std::move(snapshot));
    });
    for (const config::Endpoint& endpoint : dns->endpoints()) {
      log.info("dns-listening", {{"address", endpoint.address}, {"port", int{endpoint.port}}});
    }
    return {};
  }

  Status start_checker() {
    checker = std::make_unique<probe::Checker>(probe::CheckerOptions{
        .seed = random_seed(),
        .threads = 1,
        .on_transition =
            [this](const HealthCheckId& check, const detect::Transition& transition) {
              asio::post(io, [this, check, verdict = transition.after] {
                verdict_changed(check, verdict);
              });
            },
        .resolve = {},
        .connects_max = 8192});
    checker_view = checker.get();
    RETURN_IF_ERROR(checker->apply(all_checks(config), initial_healths));
    return checker->start();
  }

  Status start_api() {
    plane = std::make_unique<Plane>(Plane::Collaborators{
        *control, *panels, *route53, *answers, *writer, *store, *checker, *dns, facts, replication,
        [this](std::string_view by, const admin::ReloadCallback& done) { done(reload(by)); },
        [this](const controls::Panels& before, const controls::PanelsEdit& edit) {
          return may_edit_panels(before, edit);
        }});
    ASSIGN_OR_RETURN(api, admin::ApiServer::start(io, config.api, *plane, events));
    api->mount("/2013-04-01",
               [this](admin::MountedRequest request, std::function<void(admin::Response)> respond) {
                 answer_route53(std::move(request), std::move(respond));
               });
    log.info("api-listening", {{"address", config.api.listen.address}, {"port", int{api->port()}}});
    return {};
  }

  void answer_route53(admin::MountedRequest request, std::function<void(admin::Response)> respond) {
    route53->handle({std::move(request.method), std::move(request.target),
                     std::move(request.headers), std::move(request.body)},
                    [respond = std::move(respond)](route53::HttpReply reply) {
                      admin::Response response;
                      response.status = reply.status;
                      response.content_type = "text/xml";
                      response.body = std::move(reply.body);
                      response.headers = std::move(reply.headers);
                      respond(std::move(response));
                    });
  }

  // A routing control that a health check follows stays.
  Status may_edit_panels(const controls::Panels& before, const controls::PanelsEdit& edit) const {
    for (const auto& [id, check] : route53->catalog().health_checks) {
      const auto followed = controls::parse_member_id(check.routing_control_arn);
      if (check.type != "RECOVERY_CONTROL" || !followed) {
        continue;
      }
      const auto changed = edit.put.find(followed->panel);
      const auto old = before.find(followed->panel);
      const bool was_there = old != before.end() && old->second.controls.contains(followed->name);
      const bool is_gone =
          edit.removed.contains(followed->panel) ||
          (changed != edit.put.end() && !changed->second.controls.contains(followed->name));
      if (was_there && is_gone) {
        return fail(ErrorCode::kFailedPrecondition,
                    fmt::format("health check {} follows routing control {}; delete it first", id,
                                controls::to_string(*followed)));
      }
    }
    return {};
  }

  Status start() {
    RETURN_IF_ERROR(open_store());
    RETURN_IF_ERROR(open_api_catalog());
    RETURN_IF_ERROR(start_dns());
    control->define_applications();
    RETURN_IF_ERROR(start_checker());
    return start_api();
  }

  // ---- running ----

  void run() {
    signals.add(SIGTERM);
    signals.add(SIGINT);
    signals.add(SIGHUP);
    wait_for_signal();
    tick();
    notify_service_manager("READY=1");
    log.info("ready", {{"version", LEEWARD_VERSION},
                       {"applications", std::uint64_t{config.applications.size()}}});
    io.run();
    finish();
  }

  void wait_for_signal() {
    signals.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) {
        return;
      }
      if (number == SIGHUP) {
        static_cast<void>(reload("signal HUP"));
        wait_for_signal();
      } else {
        stop();
      }
    });
  }

  // The control thread ends when nothing is left to do: connections closed, timers cancelled.
  void stop() {
    log.info("stopping");
    notify_service_manager("STOPPING=1");
    static_cast<void>(std::signal(SIGTERM, SIG_DFL));  // a second one is not asked why
    static_cast<void>(std::signal(SIGINT, SIG_DFL));
    stopping = true;
    control->cancel_moves();
    api->stop();
    checker->stop();
    answers->stop();
    data->stop();
    wake_timer.cancel();
    tick_timer.cancel();
    signals.cancel();
  }

  // After io.run(): what was decided is written, as long as the store takes it; its handlers arrive
  // as posted tasks.
  void finish() {
    const MonoTime deadline = probe::mono_now() + std::chrono::seconds(5);
    while (writer->busy() && !writer->failing() && probe::mono_now() < deadline) {
      io.restart();
      io.run_one_for(std::chrono::milliseconds(100));
    }
    store->close();
    io.restart();
    io.poll();
    dns->stop();
    log.info("stopped");
  }

  void tick() {
    if (stopping) {
      return;
    }
    store->tick(probe::mono_now());
    measure_replication();
    count_gray();
    answers->controls_changed();  // those of applications follow their assignments
    tick_timer.expires_after(std::chrono::milliseconds(100));
    tick_timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) {
        tick();
      }
    });
  }

  void measure_replication() {
    replication = data->links();
    for (const Application& application : config.applications) {
      if (!application.tables.empty()) {
        control->replication_measured(application.id, worst_links(replication, application.tables));
      }
    }
  }

  void count_gray() {
    const MonoTime now = probe::mono_now();
    if (now - gray_counted >= std::chrono::seconds(1)) {
      gray_counted = now;
      control->gray_counted(checker->gray_counts());
    }
  }

  void wake_at(MonoTime at) {
    if (stopping) {
      return;
    }
    wake_timer.expires_at(probe::to_steady(at));
    wake_timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) {
        control->timer_fired();
      }
    });
  }

  void later(Duration delay, std::function<void()> task) {
    if (stopping) {
      return;
    }
    auto timer = std::make_shared<asio::steady_timer>(io, delay);
    timer->async_wait([this, timer, task = std::move(task)](const boost::system::error_code&) {
      if (!stopping) {
        task();
      }
    });
  }

  // ---- reload: all or nothing ----

  Result<admin::ReloadSummary> reload(std::string_view requested_by) {
    notify_service_manager(fmt::format(
        "RELOADING=1\nMONOTONIC_USEC={}",
        std::chrono::duration_cast<std::chrono::microseconds>(probe::mono_now().time_since_epoch())
            .count()));
    auto summary = try_reload();
    admin::ReloadEvent event{.ok = summary.has_value(), .summary = {}, .error = {}};
    if (summary) {
      ++facts.reloads_ok;
      event.summary = *summary;
      log.info("reload", {{"by", requested_by},
                          {"generation", summary->config_generation},
                          {"changes", std::uint64_t{summary->changes.size()}}});
    } else {
      ++facts.reloads_failed;
      event.error = summary.error().message;
      log.error("reload", {{"by", requested_by},
                           {"error", summary.error().message},
                           {"detail", "the config in force stays"}});
    }
    events.publish(event, {probe::mono_now(), probe::wall_now()});
    notify_service_manager("READY=1");
    return summary;
  }

  Result<admin::ReloadSummary> try_reload() {
    auto loaded = load::load(config_file);
    if (!loaded) {
      return fail(ErrorCode::kFailedPrecondition, load::as_error(loaded.error()).message);
    }
    if (auto problem = fixed_while_running(config, loaded->config)) {
      return fail(ErrorCode::kFailedPrecondition, std::move(*problem));
    }
    RETURN_IF_ERROR(api->reconfigure(loaded->config.api));
    if (auto applied = checker->apply(all_checks(loaded->config), {}); !applied) {
      static_cast<void>(api->reconfigure(config.api));
      return fail(applied.error());
    }
    admin::ReloadSummary summary{.config_generation = ++facts.config_generation,
                                 .changed = false,
                                 .changes = describe_changes(config, loaded->config)};
    config = loaded->config;
    answers->use_config(*loaded);
    route53->reconfigure(api_options());
    facts.config_loaded = probe::mono_now();
    data->apply(config);
    dns->publish(make_snapshot());
    control->define_applications();
    control->renew_leases();
    for (const std::string& warning : loaded->warnings) {
      log.warning("config", {{"detail", warning}});
    }
    summary.changed = !summary.changes.empty();
    return summary;
  }

  std::string config_file;
  config::Config config;
  load::Loaded start_with;  // until the answers have taken it
  NodeFacts facts;
  std::map<HealthCheckId, Health> initial_healths;

  Log log;
  admin::EventLog events;
  asio::io_context io{1};
  asio::steady_timer wake_timer;
  asio::steady_timer tick_timer;
  asio::signal_set signals;
  bool stopping = false;
  MonoTime gray_counted;

  // In order of dependency; destroyed the other way round.
  std::unique_ptr<state::Store> store;
  std::unique_ptr<StoreWriter> writer;
  std::unique_ptr<RegionData> data;
  std::vector<lag::TableLink> replication;  // as measured last
  std::unique_ptr<Control> control;
  std::unique_ptr<ControlPanels> panels;
  const probe::Checker* checker_view = nullptr;
  std::unique_ptr<Answers> answers;
  std::unique_ptr<ApiViews> views;
  std::unique_ptr<route53::Service> route53;
  std::unique_ptr<server::DnsServer> dns;
  std::unique_ptr<probe::Checker> checker;
  std::unique_ptr<Plane> plane;
  std::unique_ptr<admin::ApiServer> api;
};

Result<std::unique_ptr<Node>> Node::create(const std::string& config_file) {
  auto loaded = load::load(config_file);
  if (!loaded) {
    return fail(load::as_error(loaded.error()));
  }
  auto impl = std::make_unique<Impl>(config_file, std::move(*loaded));
  RETURN_IF_ERROR(impl->start());
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// The store's handlers and the checker's callbacks refer to what is destroyed before them.
Node::~Node() {
  if (impl_->checker) {
    impl_->checker->stop();
  }
  impl_->data->stop();
  impl_->store->close();
}

void Node::run() {
  impl_->run();
}

}  // namespace leeward::node
