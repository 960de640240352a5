// SPDX-License-Identifier: Apache-2.0
#include "node/control_panels.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "controls/controls_json.h"
#include "node/control.h"

namespace leeward::node {
namespace {

std::string key_of(std::string_view name) {
  return fmt::format("{}{}", kControlPanelPrefix, name);
}

Result<controls::Panels> parse_panels(const std::vector<state::KeyValue>& values) {
  controls::Panels panels;
  for (const state::KeyValue& each : values) {
    auto panel = controls::parse_panel(each.value);
    if (!panel) {
      return fail(with_context(panel.error(), each.key));
    }
    panels.emplace(each.key.substr(kControlPanelPrefix.size()), *std::move(panel));
  }
  return panels;
}

state::Range all_panels() {
  return {state::KeyRange::prefix(kControlPanelPrefix), 0};
}

}  // namespace

Result<controls::Panels> read_control_panels(state::Store& store) {
  ASSIGN_OR_RETURN(const state::RangeResult found, store.read_now(all_panels()));
  return parse_panels(found.values);
}

controls::Panels application_panels(const Control& control) {
  controls::Panels panels;
  for (const Application& application : control.applications()) {
    const auto known = control.state().applications.find(application.id);
    controls::ControlPanel& panel =
        panels[fmt::format("{}{}", controls::kApplicationPanelPrefix, application.id)];
    for (const ApplicationRegion& region : application.regions) {
      const bool on = known != control.state().applications.end() &&
                      known->second.assignment.region == region.region;
      panel.controls.emplace(
          region.region.str(),
          controls::RoutingControl{
              on ? controls::ControlState::kOn : controls::ControlState::kOff, {}, "leeward"});
    }
  }
  return panels;
}

void ControlPanels::change(Editor edit, Done done) {
  waiting_.push_back({std::move(edit), std::move(done)});
  pump();
}

void ControlPanels::pump() {
  while (!under_way_ && !waiting_.empty()) {
    Result<controls::PanelsEdit> edit = waiting_.front().edit(panels_, with_.now());
    if (!edit) {
      finish(fail(edit.error()));
      continue;
    }
    if (edit->put.empty() && edit->removed.empty()) {
      finish({});
      continue;
    }
    state::Transaction transaction;
    for (const auto& [name, panel] : edit->put) {
      transaction.then.emplace_back(state::Put{key_of(name), controls::format_panel(panel)});
    }
    for (const std::string& name : edit->removed) {
      transaction.then.emplace_back(state::Delete{state::KeyRange::one(key_of(name))});
    }
    under_way_ = true;
    with_.store.transact(std::move(transaction),
                         [this, edit = *std::move(edit)](Result<state::TransactionResult> result) {
                           stored(edit, std::move(result));
                         });
  }
}

void ControlPanels::stored(const controls::PanelsEdit& edit,
                           Result<state::TransactionResult> result) {
  if (!result) {
    return read_again(result.error());
  }
  under_way_ = false;
  for (const auto& [name, panel] : edit.put) {
    panels_.insert_or_assign(name, panel);
  }
  for (const std::string& name : edit.removed) {
    panels_.erase(name);
  }
  with_.changed();
  finish({});
  pump();
}

// Whether the change happened is open: what is in force is what the store says.
void ControlPanels::read_again(Error error) {
  with_.store.read(
      all_panels(), [this, error = std::move(error)](const Result<state::RangeResult>& found) {
        under_way_ = false;
        Result<controls::Panels> panels =
            found ? parse_panels(found->values) : Result<controls::Panels>(fail(found.error()));
        if (panels && *panels != panels_) {
          panels_ = *std::move(panels);
          with_.changed();
        }
        finish(fail(error));
        pump();
      });
}

void ControlPanels::finish(const Status& status) {
  const Done done = std::move(waiting_.front().done);
  waiting_.pop_front();
  done(status);
}

}  // namespace leeward::node
