// SPDX-License-Identifier: Apache-2.0
#include "plan/report.h"

#include <chrono>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace leeward::plan {
namespace {

namespace json = boost::json;

void add_row(std::string& text, const std::string& name, const Distribution& times) {
  fmt::format_to(std::back_inserter(text), "    {:<26} {:>9} {:>9} {:>9} {:>9}\n", name,
                 short_duration(times.quantile(0.5)), short_duration(times.quantile(0.9)),
                 short_duration(times.quantile(0.99)), short_duration(times.max()));
}

void add_application(std::string& text, const ApplicationPlan& plan) {
  auto out = std::back_inserter(text);
  fmt::format_to(out, "\n{}\n", plan.application);
  if (!plan.note.empty()) {
    fmt::format_to(out, "  no prediction: {}\n", plan.note);
    return;
  }
  fmt::format_to(out,
                 "  region {} fails; {} of {} vantage points must agree, for {}; probes every {}, "
                 "TTL {}{}\n",
                 plan.region, plan.required, plan.vantages, format_duration(plan.confirm_window),
                 format_duration(plan.timing.interval), format_duration(plan.ttl),
                 plan.automatic ? "" : "\n  failover is manual: times are until a person is asked");
  fmt::format_to(out, "\n  From the failure to the decision\n    {:<26} {:>9} {:>9} {:>9} {:>9}\n",
                 "loss", "p50", "p90", "p99", "max");
  for (const LossPlan& loss : plan.losses) {
    add_row(text, describe(loss.loss) + ", killed", loss.killed);
    add_row(text, describe(loss.loss) + ", silent", loss.silent);
  }
  fmt::format_to(
      out,
      "\n  From a silent failure until clients use the other region (a model of caches)\n"
      "    {:<26} {:>9} {:>9} {:>9} {:>9}\n",
      "client", "p50", "p90", "p99", "max");
  for (const ClientPlan& client : plan.clients) {
    add_row(text, client.client.substr(0, client.client.find(',')), client.silent);
  }
  if (plan.writes) {
    add_row(text, "writes are allowed", *plan.writes);
  }
  fmt::format_to(out, "\n  Failovers from a healthy region, per year\n    {:<20} {:<28} {}\n",
                 "loss", "simulated (95 % bound)", "formula");
  for (const LossPlan& loss : plan.losses) {
    fmt::format_to(
        out, "    {:<20} {:<28} {}\n", describe(loss.loss),
        describe_rate(loss.actions_per_year, loss.actions_per_year_at_most),
        loss.formula_per_year ? fmt::format("{:.2g}", *loss.formula_per_year) : std::string("-"));
  }
}

json::object json_of(const Distribution& times) {
  return {{"trials", times.size()},
          {"min_ms", to_milliseconds(times.quantile(0))},
          {"mean_ms", to_milliseconds(times.mean())},
          {"p50_ms", to_milliseconds(times.quantile(0.5))},
          {"p90_ms", to_milliseconds(times.quantile(0.9))},
          {"p99_ms", to_milliseconds(times.quantile(0.99))},
          {"max_ms", to_milliseconds(times.max())}};
}

json::object json_of(const LossPlan& plan) {
  json::object object{
      {"loss", plan.loss.share},
      {"kind", to_string(plan.loss.kind)},
      {"killed", json_of(plan.killed)},
      {"silent", json_of(plan.silent)},
      {"simulated_hours", std::chrono::duration<double, std::ratio<3600>>(plan.life).count()},
      {"false_suspicions", plan.suspicions},
      {"false_quorums", plan.quorums},
      {"false_failovers", plan.actions},
      {"false_failovers_per_year", plan.actions_per_year},
      {"false_failovers_per_year_at_most", plan.actions_per_year_at_most}};
  if (plan.formula_per_year) {
    object["false_failovers_per_year_formula"] = *plan.formula_per_year;
  }
  return object;
}

json::object json_of(const ApplicationPlan& plan) {
  json::object object{{"application", plan.application}};
  if (!plan.note.empty()) {
    object["note"] = plan.note;
    return object;
  }
  object["region"] = plan.region;
  object["automatic"] = plan.automatic;
  object["vantage_points"] = plan.vantages;
  object["quorum"] = plan.required;
  object["confirm_window_ms"] = to_milliseconds(plan.confirm_window);
  object["interval_ms"] = to_milliseconds(plan.timing.interval);
  object["ttl_ms"] = to_milliseconds(plan.ttl);
  json::array losses;
  for (const LossPlan& loss : plan.losses) {
    losses.push_back(json_of(loss));
  }
  object["losses"] = std::move(losses);
  json::array clients;
  for (const ClientPlan& client : plan.clients) {
    clients.push_back(json::object{{"client", client.client},
                                   {"killed", json_of(client.killed)},
                                   {"silent", json_of(client.silent)}});
  }
  object["clients"] = std::move(clients);
  if (plan.writes) {
    object["writes"] = json_of(*plan.writes);
  }
  return object;
}

}  // namespace

std::string short_duration(Duration duration) {
  const double ms = to_milliseconds(duration);
  if (ms < 1000) {
    return fmt::format("{:.0f} ms", ms);
  }
  return ms < 120'000 ? fmt::format("{:.2f} s", ms / 1000) : fmt::format("{:.1f} min", ms / 60'000);
}

std::string describe(const Loss& loss) {
  return loss.share <= 0 ? "none"
                         : fmt::format("{:g} % {}", loss.share * 100, to_string(loss.kind));
}

std::string describe_rate(double rate, double at_most) {
  return fmt::format("{:.3g} (at most {:.3g})", rate, at_most);
}

std::string as_text(std::span<const ApplicationPlan> plans, const Options& options) {
  std::string text = fmt::format(
      "Predicted by simulation of the real detector and quorum: {} failures per row, seed {}, "
      "{} to the targets, bad periods of {} on average. Not modelled: slow targets, the checkers' "
      "own faults.\n",
      options.trials, options.seed, format_duration(options.round_trip),
      format_duration(options.burst_mean));
  for (const ApplicationPlan& plan : plans) {
    add_application(text, plan);
  }
  return text;
}

std::string as_json(std::span<const ApplicationPlan> plans, const Options& options) {
  json::array applications;
  for (const ApplicationPlan& plan : plans) {
    applications.push_back(json_of(plan));
  }
  const json::object model{{"seed", options.seed},
                           {"trials", options.trials},
                           {"round_trip_ms", to_milliseconds(options.round_trip)},
                           {"burst_mean_ms", to_milliseconds(options.burst_mean)},
                           {"publish_ms", to_milliseconds(kPublish)},
                           {"clients", "a model of caches, not a measurement"}};
  return json::serialize(
             json::object{{"model", model}, {"applications", std::move(applications)}}) +
         "\n";
}

}  // namespace leeward::plan
