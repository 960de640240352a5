// SPDX-License-Identifier: Apache-2.0
//
// A running node: builds everything from a config, in the order that lets DNS answer first, runs
// it, reloads it, and takes it down again.
//
// Start: read the config and compile the tables; open the store; put the saved board and
// assignments on the health board; bind DNS and answer; tell the engine; start the checker; open
// the API; tell the service manager. A restart therefore answers with the last known assignment
// before the first probe has ended.
//
// Shutdown, the other way round: the API stops taking commands, the checker stops, what was decided
// is written, DNS answers until the very end.
//
// Thread-safety: create() and run() from one thread, which becomes the control thread. Signals
// (SIGTERM, SIGINT, SIGHUP) are taken there.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "load/load.h"

namespace leeward::node {

class Node {
 public:
  // Everything is bound and DNS answers when it returns. Errors say what and what to do.
  static Result<std::unique_ptr<Node>> create(const std::string& config_file);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Until SIGTERM or SIGINT; a second one ends the process at once.
  void run();

 private:
  struct Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace leeward::node
