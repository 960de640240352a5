// SPDX-License-Identifier: Apache-2.0
//
// What DNS answers from: the config's zones and applications and the API's hosted zones, compiled
// into tables, with a health board beside them. A change of the API compiles on a thread of its
// own, so that the control thread goes on deciding; the workers answer from the old tables
// meanwhile. Changes that come during a compilation wait for the next one, together.
//
// Thread-safety: none; the control thread's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "config/config.h"
#include "detect/health_tree.h"
#include "dns/compile.h"
#include "load/load.h"
#include "model/health_board.h"
#include "node/control.h"
#include "node/control_panels.h"
#include "node/log.h"
#include "route53/catalog.h"
#include "routing/board_layout.h"
#include "server/snapshot.h"

namespace leeward::node {

class Answers {
 public:
  using Publish = std::function<void(std::shared_ptr<const server::Snapshot>)>;

  Answers(boost::asio::io_context& io, Log& log, Control& control, const ControlPanels& panels);
  // Waits for a compilation that is under way.
  ~Answers();
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  // The config in force from now on. Takes the compiled parts out of `loaded`.
  void use_config(load::Loaded& loaded);
  // The API's; must outlive this. Call before the first make_snapshot().
  void use_catalog(const route53::Catalog& catalog) { catalog_ = &catalog; }
  // Where snapshots go from now on.
  void publish_to(Publish publish) { publish_ = std::move(publish); }

  // Compiles here and now; for start and reload. The API's zones cannot fail it.
  std::shared_ptr<const server::Snapshot> make_snapshot();

  // Compiles aside and publishes; calls back when every query is answered with it.
  void publish(std::function<void()> published);

  // A probe of the API's checks, or a routing control, says something else.
  void probe_says(const HealthCheckId& check, const Verdict& verdict);
  void controls_changed();
  // A saved verdict, before the first probe.
  void remember(const HealthCheckId& check, Health health);

  [[nodiscard]] const detect::HealthTree& health() const { return tree_; }
  [[nodiscard]] const std::vector<std::string>& zones() const { return zones_; }
  // What is answered from now; for TestDNSAnswer. Null before the first snapshot.
  [[nodiscard]] const std::shared_ptr<const server::Snapshot>& current() const { return current_; }
  void stop();

 private:
  [[nodiscard]] dns::CompileInput input() const;
  std::shared_ptr<const server::Snapshot> adopt(dns::Tables tables, routing::BoardLayout layout);
  void define_health();
  void store_word(const HealthCheckId& check);
  void start_compiling();
  void compiled(dns::Tables tables, routing::BoardLayout layout, std::uint64_t generation);
  void log_notes(const dns::Tables& tables);

  boost::asio::io_context& io_;
  Log& log_;
  Control& control_;
  const ControlPanels& panels_;
  const route53::Catalog* catalog_ = nullptr;
  Publish publish_;
  config::Config config_;
  dns::CompileInput base_;
  std::optional<dns::Tables> ready_;  // of the config alone, as it was loaded
  std::shared_ptr<const routing::Locator> locator_;
  server::Answering answering_;

  detect::HealthTree tree_;
  std::map<HealthCheckId, HealthStatus> probes_;  // as they were said last
  std::shared_ptr<HealthBoard> board_;
  routing::BoardLayout layout_;
  std::shared_ptr<const server::Snapshot> current_;
  std::vector<std::string> zones_;

  std::vector<std::function<void()>> waiting_;    // for the next compilation
  std::vector<std::function<void()>> compiling_;  // for the one under way
  bool under_way_ = false;
  std::uint64_t generation_ = 0;  // of configs: a compilation of an older one is thrown away
  boost::asio::thread_pool compiler_{1};
};

}  // namespace leeward::node
