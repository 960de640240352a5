// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/exit_code.h"
#include "cli/tables_setup.h"
#include "tables/plan.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;
using table_manager::Manager;
using table_manager::Progress;
using tables::ObservedRegion;
using tables::Plan;

// People read this on standard output; with --output json it goes to standard error.
class Teller {
 public:
  explicit Teller(const Context& context) : json_(context.json) {}

  void line(const std::string& text) const {
    const std::string safe = printable(text) + "\n";
    if (json_) {
      static_cast<void>(std::fputs(safe.c_str(), stderr));
    } else {
      print(safe);
    }
  }

  void progress(const std::string& table, const Progress& event) const {
    const std::string where = fmt::format("{} [{}/{}]", table, event.step, event.steps);
    const auto seconds = std::chrono::duration<double>(event.elapsed).count();
    switch (event.kind) {
      case Progress::Kind::kStarted:
        line(fmt::format("{} {}", where, event.what));
        break;
      case Progress::Kind::kWaiting:
        line(fmt::format("{} ... {} ({:.1f} s)", where, event.now, seconds));
        break;
      case Progress::Kind::kDone:
        line(fmt::format("{} done ({:.1f} s)", where, seconds));
        break;
    }
  }

 private:
  bool json_;
};

struct Outcome {
  std::string result;  // "nothing-to-do", "planned", "done", "problems", "failed"
  std::string error;
  int exit_code = kOk;
};

int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
      return kUnreachable;
    case ErrorCode::kPermissionDenied:
      return kNotAuthorised;
    default:
      return kNegative;
  }
}

bool any_unreachable(const std::vector<ObservedRegion>& seen) {
  return std::ranges::any_of(seen, [](const ObservedRegion& r) { return !r.unreachable.empty(); });
}

Outcome ensure_one(Manager& manager, const TableSpec& spec, const Teller& teller, bool dry_run,
                   Duration timeout, Plan& made) {
  const auto look = [&] { return manager.observe(spec.name, spec.replicas, spec.global_tables); };
  const std::vector<ObservedRegion> seen = look();
  made = tables::plan(spec, seen);
  if (!made.problems.empty()) {
    teller.line(fmt::format("{}: nothing was changed, because", spec.name));
    for (const std::string& problem : made.problems) {
      teller.line(fmt::format("  - {}", problem));
    }
    return {"problems", "", any_unreachable(seen) ? kUnreachable : kNegative};
  }
  if (made.steps.empty()) {
    teller.line(fmt::format("{}: nothing to do", spec.name));
    return {"nothing-to-do", "", kOk};
  }
  teller.line(fmt::format("{}: {} step(s)", spec.name, made.steps.size()));
  for (const tables::Step& step : made.steps) {
    teller.line(fmt::format("  {}", step.what));
  }
  if (dry_run) {
    return {"planned", "", kOk};
  }
  const Status done = manager.execute(spec, made, {.timeout = timeout}, [&](const Progress& event) {
    teller.progress(spec.name, event);
  });
  if (!done) {
    static_cast<void>(report(with_context(done.error(), spec.name)));
    return {"failed", done.error().message, exit_code_of(done.error())};
  }
  const Plan rest = tables::plan(spec, look());  // what the store said is not taken on trust
  if (!rest.steps.empty() || !rest.problems.empty()) {
    const std::string missing =
        rest.problems.empty() ? rest.steps.front().what : rest.problems.front();
    static_cast<void>(
        report(Error{ErrorCode::kFailedPrecondition,
                     fmt::format("{}: every call was accepted, and yet: {}", spec.name, missing)}));
    return {"failed", missing, kNegative};
  }
  teller.line(fmt::format("{}: as asked for", spec.name));
  return {"done", "", kOk};
}

json::object to_json(const Plan& plan, const Outcome& outcome) {
  json::array steps;
  for (const tables::Step& step : plan.steps) {
    steps.push_back(json::object{
        {"region", step.region.str()},
        {"operation", step.operation.empty() ? json::value(nullptr) : json::value(step.operation)},
        {"what", printable(step.what)},
        {"body", step.body}});
  }
  json::array problems;
  for (const std::string& problem : plan.problems) {
    problems.emplace_back(printable(problem));
  }
  return {{"table", plan.table},
          {"result", outcome.result},
          {"steps", std::move(steps)},
          {"problems", std::move(problems)},
          {"error",
           outcome.error.empty() ? json::value(nullptr) : json::value(printable(outcome.error))}};
}

}  // namespace

int ensure_tables(const Context& context, const TablesOptions& options) {
  const Result<Duration> timeout = parse_duration(options.timeout);
  if (!timeout) {
    return report(with_context(timeout.error(), "--timeout"));
  }
  auto setup = TablesSetup::make(options);
  if (!setup) {
    return setup.error();
  }
  const Teller teller(context);
  Manager manager = (*setup)->manager();
  json::array results;
  int exit_code = kOk;
  std::size_t with_spec = 0;
  for (const NamedTable& table : (*setup)->tables()) {
    if (table.spec == nullptr) {
      teller.line(
          fmt::format("{}: skipped, because 'tables' does not say what it should be", table.name));
      continue;
    }
    ++with_spec;
    Plan made;
    const Outcome outcome =
        ensure_one(manager, *table.spec, teller, options.dry_run, *timeout, made);
    exit_code = std::max(exit_code, outcome.exit_code);
    results.emplace_back(to_json(made, outcome));
  }
  if (with_spec == 0) {
    return report(Error{ErrorCode::kNotFound, "no table with a spec: add some under 'tables:'"});
  }
  if (context.json) {
    print(json::serialize(json::object{{"ok", exit_code == kOk},
                                       {"dry_run", options.dry_run},
                                       {"tables", std::move(results)}}) +
          "\n");
  }
  return exit_code;
}

}  // namespace leeward::cli
