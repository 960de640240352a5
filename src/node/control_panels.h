// SPDX-License-Identifier: Apache-2.0
//
// The control panels in force: read from the state store at start, changed one edit at a time, each
// durable before it counts.
//
//   control-panel/<name>   one panel as controls::format_panel writes it
//
// Thread-safety: none; the control thread's, where the store's handlers run.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "controls/controls.h"
#include "state/store.h"

namespace leeward::node {

inline constexpr std::string_view kControlPanelPrefix = "control-panel/";

// Blocks; for start-up. kDataCorrupt names the panel.
Result<controls::Panels> read_control_panels(state::Store& store);

class Control;

// One panel per application, "application.<id>", with a routing control per region that is On while
// the application is assigned there.
[[nodiscard]] controls::Panels application_panels(const Control& control);

class ControlPanels {
 public:
  using Editor = std::function<Result<controls::PanelsEdit>(const controls::Panels&, WallTime)>;
  using Done = std::function<void(Status)>;

  struct Collaborators {
    state::Store& store;
    std::function<WallTime()> now;
    std::function<void()> changed;  // the panels are others than before
  };

  ControlPanels(controls::Panels panels, Collaborators with)
      : panels_(std::move(panels)), with_(std::move(with)) {}

  [[nodiscard]] const controls::Panels& panels() const { return panels_; }

  // Edits run in order, each on what the one before left. `done` runs once, now or later.
  void change(Editor edit, Done done);

 private:
  struct Waiting {
    Editor edit;
    Done done;
  };

  void pump();
  void stored(const controls::PanelsEdit& edit, Result<state::TransactionResult> result);
  void read_again(Error error);
  void finish(const Status& status);

  controls::Panels panels_;
  Collaborators with_;
  std::deque<Waiting> waiting_;
  bool under_way_ = false;
};

}  // namespace leeward::node
