// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "plan/report.h"

namespace leeward::plan {
namespace {

constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Leeward: what this config will do</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
.grid { stroke: #8884; } .curve { fill: none; stroke-width: 2; } .note { opacity: .75; }
</style></head><body>
<h1>What this config will do</h1>
)html";

constexpr std::array<std::string_view, 6> kColours = {"#2a78d6", "#d1602e", "#2f9e63",
                                                      "#8a5bd0", "#c03a6b", "#7a7a2a"};

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char each : text) {
    switch (each) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += each;
    }
  }
  return safe;
}

// Of 10^decade milliseconds.
std::string tick(double decade) {
  return decade < 3 ? fmt::format("{:g} ms", std::pow(10, decade))
                    : fmt::format("{:g} s", std::pow(10, decade - 3));
}

struct Curve {
  std::string name;
  const Distribution* times = nullptr;
};

// The share of trials (upwards) that took no longer than the time (rightwards, logarithmic).
class Plot {
 public:
  explicit Plot(std::vector<Curve> curves) : curves_(std::move(curves)) {
    Duration least = std::chrono::hours(1);
    Duration most = std::chrono::milliseconds(20);
    for (const Curve& curve : curves_) {
      least = std::min(least, curve.times->quantile(0.01));
      most = std::max(most, curve.times->max());
    }
    from_ = std::floor(std::log10(std::max(to_milliseconds(least), 1.0)));
    to_ = std::max(from_ + 1, std::ceil(std::log10(to_milliseconds(most))));
  }

  [[nodiscard]] std::string svg() const {
    std::string text =
        fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="share of trials by time">)",
                    kWidth, kHeight + 22 + (18 * static_cast<int>(curves_.size())));
    for (int share = 0; share <= 100; share += 25) {
      const double y = up(share / 100.0);
      text += fmt::format(R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)"
                          R"(<text x="{}" y="{:.1f}" text-anchor="end">{} %</text>)",
                          kLeft, kWidth - 10, y, y, kLeft - 6, y + 4, share);
    }
    for (double decade = from_; decade <= to_; decade += 1) {
      const Duration at(static_cast<Duration::rep>(std::pow(10, decade) * 1e6));
      text += fmt::format(R"(<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="10" y2="{1}"/>)"
                          R"(<text x="{0:.1f}" y="{2}" text-anchor="middle">{3}</text>)",
                          right(at), kHeight, kHeight + 16, tick(decade));
    }
    for (std::size_t i = 0; i < curves_.size(); ++i) {
      text += curve(curves_[i], kColours[i % kColours.size()], static_cast<int>(i));
    }
    return text + "</svg>\n";
  }

 private:
  static constexpr int kWidth = 800;
  static constexpr int kHeight = 280;
  static constexpr int kLeft = 60;

  [[nodiscard]] double right(Duration time) const {
    const double at = std::log10(std::max(to_milliseconds(time), 0.001));
    return kLeft + ((kWidth - 30 - kLeft) * std::clamp((at - from_) / (to_ - from_), 0.0, 1.0));
  }
  [[nodiscard]] static double up(double share) { return kHeight - ((kHeight - 10) * share); }

  [[nodiscard]] std::string curve(const Curve& curve, std::string_view colour, int row) const {
    std::string points;
    for (int percent = 0; percent <= 100; ++percent) {
      const double share = percent / 100.0;
      points += fmt::format("{:.1f},{:.1f} ", right(curve.times->quantile(share)), up(share));
    }
    const int y = kHeight + 36 + (18 * row);
    return fmt::format(
        R"(<polyline class="curve" stroke="{0}" points="{1}"/>)"
        R"(<line stroke="{0}" stroke-width="3" x1="{2}" x2="{3}" y1="{4}" y2="{4}"/>)"
        R"(<text x="{5}" y="{6}">{7}</text>)",
        colour, points, kLeft, kLeft + 20, y - 4, kLeft + 28, y, escaped(curve.name));
  }

  std::vector<Curve> curves_;
  double from_ = 0;  // decades of milliseconds
  double to_ = 1;
};

void add_times(std::string& html, const std::string& name, const Distribution& times) {
  html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                      escaped(name), short_duration(times.quantile(0.5)),
                      short_duration(times.quantile(0.9)), short_duration(times.quantile(0.99)),
                      short_duration(times.max()));
}

constexpr std::string_view kTimesHead =
    "<th>p50</th><th>p90</th><th>p99</th><th>max</th></tr></thead>\n";

std::string detection(const ApplicationPlan& plan) {
  std::string html = "<h3>From the failure to the decision</h3>\n";
  const LossPlan& calm = plan.losses.front();
  std::vector<Curve> curves{{"killed, no loss", &calm.killed}, {"silent, no loss", &calm.silent}};
  for (const LossPlan& each : plan.losses) {
    if (each.loss.share >= 0.05) {
      curves.push_back({"silent, " + describe(each.loss), &each.silent});
    }
  }
  curves.resize(std::min(curves.size(), kColours.size()));
  html += Plot(std::move(curves)).svg();
  html += "<table><thead><tr><th>loss, failure</th>" + std::string(kTimesHead);
  for (const LossPlan& each : plan.losses) {
    add_times(html, describe(each.loss) + ", killed", each.killed);
    add_times(html, describe(each.loss) + ", silent", each.silent);
  }
  return html + "</table>\n";
}

std::string clients(const ApplicationPlan& plan) {
  std::string html =
      "<h3>From a silent failure until clients use the other region</h3>\n"
      "<p class=\"note\">A model of resolvers' and clients' caches, not a measurement.</p>\n";
  std::vector<Curve> curves;
  std::string rows;
  for (const ClientPlan& each : plan.clients) {
    curves.push_back({each.client, &each.silent});
    add_times(rows, each.client, each.silent);
  }
  if (plan.writes) {
    add_times(rows, "writes are allowed in the other region", *plan.writes);
  }
  return html + Plot(std::move(curves)).svg() + "<table><thead><tr><th>client</th>" +
         std::string(kTimesHead) + rows + "</table>\n";
}

std::string mistakes(const ApplicationPlan& plan) {
  std::string html =
      "<h3>Failovers from a healthy region, per year</h3>\n<table><thead><tr><th>loss</th>"
      "<th>simulated</th><th>95 % bound</th><th>formula</th><th>hours "
      "simulated</th></tr></thead>\n";
  for (const LossPlan& each : plan.losses) {
    html += fmt::format(
        "<tr><td>{}</td><td>{:.3g}</td><td>{:.3g}</td><td>{}</td><td>{:.0f}</td></tr>\n",
        describe(each.loss), each.actions_per_year, each.actions_per_year_at_most,
        each.formula_per_year ? fmt::format("{:.2g}", *each.formula_per_year) : std::string("–"),
        std::chrono::duration<double, std::ratio<3600>>(each.life).count());
  }
  return html + "</table>\n";
}

}  // namespace

std::string as_html(std::span<const ApplicationPlan> plans, const Options& options) {
  std::string html(kHead);
  html += fmt::format(
      "<p>Predicted by simulation of the real detector and quorum: {} failures per row, seed {}, "
      "{} to the targets, bad periods of {} on average. Not modelled: slow targets, the checkers' "
      "own faults.</p>\n",
      options.trials, options.seed, format_duration(options.round_trip),
      format_duration(options.burst_mean));
  for (const ApplicationPlan& plan : plans) {
    html += fmt::format("<h2>{}</h2>\n", escaped(plan.application));
    if (!plan.note.empty()) {
      html += fmt::format("<p>No prediction: {}.</p>\n", escaped(plan.note));
      continue;
    }
    html += fmt::format(
        "<p>Region {} fails; {} of {} vantage points must agree, for {}; probes every {}; TTL {}.{}"
        "</p>\n",
        escaped(plan.region), plan.required, plan.vantages, format_duration(plan.confirm_window),
        format_duration(plan.timing.interval), format_duration(plan.ttl),
        plan.automatic ? "" : " Failover is manual: times are until a person is asked.");
    html += detection(plan) + clients(plan) + mistakes(plan);
  }
  return html + "</body></html>\n";
}

}  // namespace leeward::plan
