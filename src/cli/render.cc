// SPDX-License-Identifier: Apache-2.0
#include "cli/render.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace leeward::cli {
namespace {

namespace json = boost::json;

const json::value& at(const json::value& value, std::string_view key) {
  static const json::value kNull;
  const json::object* const object = value.if_object();
  const json::value* const found = object != nullptr ? object->if_contains(key) : nullptr;
  return found != nullptr ? *found : kNull;
}

const json::array& array_at(const json::value& value, std::string_view key) {
  static const json::array kEmpty;
  const json::array* const found = at(value, key).if_array();
  return found != nullptr ? *found : kEmpty;
}

std::string text(const json::value& value) {
  if (const json::string* const string = value.if_string()) {
    return string->empty() ? "-" : printable(std::string_view(string->data(), string->size()));
  }
  if (value.is_number() || value.is_bool()) {
    return json::serialize(value);
  }
  return "-";
}

std::string text_at(const json::value& value, std::string_view key) {
  return text(at(value, key));
}

bool true_at(const json::value& value, std::string_view key) {
  const bool* const found = at(value, key).if_bool();
  return found != nullptr && *found;
}

std::string age_at(const json::value& value, std::string_view key) {
  const json::value& found = at(value, key);
  return found.is_number() ? render_age(found.to_number<double>()) : "-";
}

std::string milliseconds_at(const json::value& value, std::string_view key) {
  const json::value& found = at(value, key);
  return found.is_number() ? fmt::format("{:.1f} ms", found.to_number<double>()) : "-";
}

std::string joined(const json::array& values) {
  std::string result;
  for (const json::value& value : values) {
    result += result.empty() ? text(value) : ", " + text(value);
  }
  return result.empty() ? "-" : result;
}

enum class Colour : std::uint8_t { kNone, kRed, kGreen, kYellow, kBold };

std::string paint(std::string_view plain, Colour colour, Style style) {
  const char* const code = colour == Colour::kRed      ? "31"
                           : colour == Colour::kGreen  ? "32"
                           : colour == Colour::kYellow ? "33"
                                                       : "1";
  return !style.colour || colour == Colour::kNone ? std::string(plain)
                                                  : fmt::format("\x1b[{}m{}\x1b[0m", code, plain);
}

Colour colour_of_word(std::string_view word) {
  if (word == "healthy" || word == "published" || word == "passed" || word == "success") {
    return Colour::kGreen;
  }
  if (word == "unhealthy" || word == "refused" || word == "failed") {
    return Colour::kRed;
  }
  return word == "-" || word == "planned" ? Colour::kNone : Colour::kYellow;
}

struct Cell {
  std::string text;
  Colour colour = Colour::kNone;
};

Cell word(std::string value) {
  const Colour colour = colour_of_word(value);
  return {std::move(value), colour};
}

// Code points, near enough to columns.
std::size_t width(std::string_view value) {
  return static_cast<std::size_t>(std::ranges::count_if(
      value, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// Columns as wide as their widest cell; no spaces at line ends.
std::string table(const std::vector<std::vector<Cell>>& rows, std::string_view indent,
                  Style style) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width(row[i].text));
    }
  }
  std::string result;
  for (const auto& row : rows) {
    std::string line(indent);
    std::size_t owed = 0;  // spaces before the next cell that has text
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (!row[i].text.empty()) {
        line += std::string(owed, ' ') + paint(row[i].text, row[i].colour, style);
        owed = 0;
      }
      owed += widths[i] - width(row[i].text) + 2;
    }
    result += line + "\n";
  }
  return result;
}

std::vector<Cell> heading(std::initializer_list<const char*> names) {
  std::vector<Cell> row;
  for (const char* const name : names) {
    row.push_back({name, Colour::kBold});
  }
  return row;
}

std::string place(const json::value& assignment) {
  return assignment.is_object() ? text_at(assignment, "region") : "none";
}

std::string move_line(const json::value& decision, Style style) {
  const std::string outcome = text_at(decision, "outcome");
  return fmt::format("{} {} {} -> {} {} at {}", text_at(decision, "id"), text_at(decision, "kind"),
                     place(at(decision, "from")), place(at(decision, "to")),
                     paint(outcome, colour_of_word(outcome), style),
                     text_at(decision, "decided_at"));
}

// Why the status is what it is, by the first vote.
std::string why(const json::value& status) {
  const json::array& votes = array_at(status, "votes");
  return votes.empty() ? "-" : text_at(at(votes.front(), "evidence"), "reason");
}

std::vector<Cell> region_row(const json::value& region) {
  const bool suspect = true_at(region, "suspect");
  const json::value& gray = at(region, "gray");
  const bool is_gray = gray.is_object() && true_at(gray, "suspect");
  const std::string doubts =
      fmt::format("{}{}", suspect ? ", suspect" : "", is_gray ? ", gray" : "");
  return {
      {text_at(region, "region")},
      {true_at(region, "active") ? "active" : ""},
      doubts.empty() ? word(text_at(region, "health"))
                     : Cell{text_at(region, "health") + doubts, Colour::kYellow},
      {age_at(region, "age_seconds")},
      {joined(array_at(region, "addresses"))},
      {is_gray && text_at(region, "health") == "healthy" ? text_at(gray, "reason") : why(region)}};
}

// Who may write, and how fresh the other regions' data is; where there is something to say.
std::string render_data(const json::value& application, Style style) {
  std::string result;
  const json::value& writes = at(application, "writes");
  if (writes.is_object()) {
    const bool allowed = true_at(writes, "allowed");
    const std::string unfenced = joined(array_at(writes, "unfenced"));
    result += fmt::format(
        "  writes: {} in {} under epoch {}{}\n",
        paint(allowed ? "allowed" : "NOT YET", allowed ? Colour::kGreen : Colour::kYellow, style),
        text_at(writes, "region"), text_at(writes, "epoch"),
        array_at(writes, "unfenced").empty() ? "" : "; not fenced: " + unfenced);
  }
  for (const json::value& link : array_at(application, "replication")) {
    const bool stalled = true_at(link, "stalled");
    result += fmt::format(
        "  replication {} -> {}: {}, p50 {}, p99 {}, newest seen {} old{}\n", text_at(link, "from"),
        text_at(link, "to"),
        paint(stalled ? "STALLED" : "ok", stalled ? Colour::kRed : Colour::kGreen, style),
        milliseconds_at(link, "p50_ms"), milliseconds_at(link, "p99_ms"),
        milliseconds_at(link, "newest_visible_age_ms"),
        text_at(link, "detail") == "-" ? "" : ": " + text_at(link, "detail"));
  }
  return result;
}

std::string render_standing_lines(const json::value& standing, Style style) {
  std::string result;
  const json::value& hold = at(standing, "hold");
  if (hold.is_object()) {
    result += fmt::format("  {} by {} since {}{}\n", paint("HELD", Colour::kYellow, style),
                          text_at(hold, "requested_by"), text_at(hold, "since"),
                          text_at(hold, "reason") == "-" ? "" : ": " + text_at(hold, "reason"));
  }
  if (true_at(standing, "locked_out")) {
    result += fmt::format("  {}: it moved by itself too often; `leeward acknowledge` ends it\n",
                          paint("LOCKED OUT", Colour::kRed, style));
  }
  return result;
}

std::string render_application(const json::value& application, Style style) {
  const json::value& assignment = at(application, "assignment");
  std::string result =
      fmt::format("\n{}  {}  {}\n", paint(text_at(application, "id"), Colour::kBold, style),
                  joined(array_at(application, "hostnames")), text_at(application, "mode"));
  result += fmt::format("  active {}  epoch {}  phase {}  ttl {}\n", place(assignment),
                        assignment.is_object() ? text_at(assignment, "epoch") : "0",
                        text_at(application, "phase"), age_at(application, "ttl_now_seconds"));
  std::vector<std::vector<Cell>> rows = {
      heading({"REGION", "", "HEALTH", "FOR", "ADDRESSES", "EVIDENCE"})};
  for (const json::value& region : array_at(application, "regions")) {
    rows.push_back(region_row(region));
  }
  result += table(rows, "  ", style);
  result += render_data(application, style);
  result += render_standing_lines(application, style);
  if (const json::value& ramp = at(application, "ramp"); ramp.is_object()) {
    result += fmt::format("  users follow: {} % here, the others in {}\n", text_at(ramp, "percent"),
                          text_at(ramp, "from"));
  }
  if (at(application, "last_decision").is_object()) {
    result +=
        fmt::format("  last decision: {}\n", move_line(at(application, "last_decision"), style));
  }
  return result;
}

}  // namespace

std::string printable(std::string_view value, bool lines) {
  std::string result;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const bool control = (byte < 0x20 && !(lines && c == '\n')) || byte == 0x7F;
    result += control ? '?' : c;
  }
  return result;
}

std::string render_age(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e12) {
    return "-";
  }
  if (seconds < 1) {
    return fmt::format("{:.0f}ms", seconds * 1000);
  }
  if (seconds < 10 && std::abs(seconds - std::round(seconds)) > 0.05) {
    return fmt::format("{:.1f}s", seconds);
  }
  const auto total = static_cast<std::int64_t>(seconds);
  const std::pair<std::int64_t, const char*> units[] = {
      {86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto [size, name] = units[i];
    if (total >= size) {
      const std::int64_t rest = i < 3 ? total % size / units[i + 1].first : 0;
      return rest == 0 ? fmt::format("{}{}", total / size, name)
                       : fmt::format("{}{}{}{}", total / size, name, rest, units[i + 1].second);
    }
  }
  return "0s";
}

std::string render_standing(std::string_view application, const json::value& standing,
                            Style style) {
  const std::string lines = render_standing_lines(standing, style);
  return fmt::format(
      "{}: {}\n{}", application,
      lines.empty() ? "may move by itself, as its config says" : "does not move by itself", lines);
}

std::string render_status(const json::value& status, const json::value& applications, Style style) {
  const bool ready = true_at(status, "ready");
  std::string result = fmt::format(
      "{} in {}  version {}  up {}  config generation {}  {}\n",
      paint(text_at(status, "node"), Colour::kBold, style), text_at(status, "region"),
      text_at(status, "version"), age_at(status, "uptime_seconds"),
      text_at(at(status, "config"), "generation"),
      ready ? paint("ready", Colour::kGreen, style) : paint("not ready", Colour::kRed, style));
  for (const json::value& reason : array_at(status, "reasons")) {
    result += fmt::format("  {}\n", paint(text(reason), Colour::kYellow, style));
  }
  result += fmt::format("DNS on {}\n", joined(array_at(at(status, "dns"), "listen")));
  for (const json::value& application : array_at(applications, "applications")) {
    result += render_application(application, style);
  }
  return result;
}

std::string render_checks(const json::value& checks, Style style) {
  std::vector<std::vector<Cell>> rows = {
      heading({"CHECK", "TYPE", "TARGET", "HEALTH", "FOR", "INTERVAL", "EVIDENCE"})};
  for (const json::value& check : array_at(checks, "checks")) {
    const json::value& definition = at(check, "definition");
    const json::value& status = at(check, "status");
    rows.push_back(
        {{text_at(check, "id")},
         {text_at(definition, "type")},
         {fmt::format("{} port {}", text_at(definition, "address"), text_at(definition, "port"))},
         word(text_at(status, "health")),
         {age_at(status, "age_seconds")},
         {text_at(at(definition, "timing"), "interval")},
         {why(status)}});
  }
  return table(rows, "", style);
}

std::string render_history(const json::value& history, Style style) {
  const json::value& verdict = at(history, "verdict");
  const std::string health = text_at(verdict, "health");
  std::string result = fmt::format(
      "{}: {} for {} ({})\n", text_at(history, "id"), paint(health, colour_of_word(health), style),
      age_at(verdict, "age_seconds"), text_at(at(verdict, "evidence"), "reason"));
  std::vector<std::vector<Cell>> rows = {
      heading({"PROBE", "STARTED", "OUTCOME", "LATENCY", "DETAIL"})};
  for (const json::value& observation : array_at(history, "observations")) {
    rows.push_back({{text_at(observation, "sequence")},
                    {text_at(observation, "started")},
                    {text_at(observation, "outcome"),
                     text_at(observation, "outcome") == "success" ? Colour::kGreen : Colour::kRed},
                    {milliseconds_at(observation, "latency_ms")},
                    {text_at(observation, "detail")}});
  }
  return result + table(rows, "", style);
}

std::string render_decision(const json::value& decision, Style style) {
  std::string result = fmt::format("{}: decision {}\n", text_at(decision, "application"),
                                   move_line(decision, style));
  if (text_at(decision, "reason") != "-") {
    result += fmt::format("  because {}\n", text_at(decision, "reason"));
  }
  std::vector<std::vector<Cell>> rows;
  for (const json::value& guard : array_at(decision, "guards")) {
    rows.push_back({{"guard " + text_at(guard, "name")},
                    word(text_at(guard, "outcome")),
                    {text_at(guard, "detail")}});
  }
  return result + table(rows, "  ", style);
}

std::string render_control_panels(const json::value& panels, Style style) {
  std::string result;
  for (const json::value& panel : array_at(panels, "control_panels")) {
    result += fmt::format("{}{}{}\n", result.empty() ? "" : "\n",
                          paint(text_at(panel, "name"), Colour::kBold, style),
                          true_at(panel, "managed") ? "  follows its application" : "");
    std::vector<std::vector<Cell>> rows;
    for (const json::value& control : array_at(panel, "routing_controls")) {
      const std::string state = text_at(control, "state");
      rows.push_back({{text_at(control, "name")},
                      {state, state == "On" ? Colour::kGreen : Colour::kRed},
                      {text_at(control, "changed_at")},
                      {text_at(control, "changed_by")}});
    }
    for (const json::value& rule : array_at(panel, "safety_rules")) {
      const bool gating = text_at(rule, "kind") == "gating";
      const json::value& config = at(rule, "rule_config");
      const bool holds = true_at(rule, "condition_holds");
      rows.push_back(
          {{"rule " + text_at(rule, "name")},
           {holds ? "holds" : "does not hold", holds ? Colour::kGreen : Colour::kRed},
           {fmt::format("{}: {}{} {} of {}{}", text_at(rule, "kind"),
                        true_at(config, "inverted") ? "not " : "", text_at(config, "type"),
                        text_at(config, "threshold"),
                        joined(array_at(rule, gating ? "gating_controls" : "asserted_controls")),
                        gating ? " before " + joined(array_at(rule, "target_controls")) : "")}});
    }
    result += table(rows, "  ", style);
  }
  return result.empty() ? "there are no control panels\n" : result;
}

std::string render_zones(const json::value& zones, Style style) {
  std::vector<std::vector<Cell>> rows = {heading({"ZONE", "ID", "RECORD SETS", "SIGNED"})};
  for (const json::value& zone : array_at(zones, "zones")) {
    rows.push_back({{text_at(zone, "name")},
                    {at(zone, "id").is_null() ? "config" : text_at(zone, "id")},
                    {text_at(zone, "record_sets")},
                    {true_at(zone, "signed") ? "yes" : "no"}});
  }
  return table(rows, "", style);
}

std::string render_reload(const json::value& summary) {
  std::string result =
      fmt::format("config generation {} is in force{}\n", text_at(summary, "config_generation"),
                  true_at(summary, "changed") ? "" : "; nothing changed");
  for (const json::value& change : array_at(summary, "changes")) {
    result += fmt::format("  {}\n", text(change));
  }
  return result;
}

std::string render_event(std::string_view name, const json::value& data, Style style) {
  const std::string when = text_at(data, "at");
  if (name == "health") {
    const json::value& after = at(data, "after");
    const std::string health = text_at(after, "health");
    return fmt::format("{}  {}  {} -> {}{}  {}\n", when, text_at(data, "check"),
                       text_at(at(data, "before"), "health"),
                       paint(health, colour_of_word(health), style),
                       true_at(after, "suspect") ? " (suspect)" : "", why(after));
  }
  if (name == "gray") {
    const json::value& gray = at(data, "gray");
    const bool suspect = true_at(gray, "suspect");
    return fmt::format(
        "{}  {}  {}  {}\n", when, text_at(data, "check"),
        paint(suspect ? "gray" : "not gray", suspect ? Colour::kYellow : Colour::kGreen, style),
        text_at(gray, "reason"));
  }
  if (name == "decision") {
    const json::value& decision = at(data, "decision");
    return fmt::format("{}  {}  {}\n", when, text_at(decision, "application"),
                       move_line(decision, style));
  }
  if (name == "reload") {
    return true_at(data, "ok")
               ? fmt::format("{}  reload  {}", when, render_reload(at(data, "summary")))
               : fmt::format("{}  reload  {}: {}\n", when, paint("failed", Colour::kRed, style),
                             text_at(data, "error"));
  }
  return fmt::format("{}  {}\n", printable(name), text_at(data, "detail"));
}

}  // namespace leeward::cli
