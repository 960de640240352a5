// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace leeward::probe {

// While it lives, threads started by this thread begin with every signal blocked: signals belong to
// main(), and SIGPIPE from a library's write() must not end the process.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace leeward::probe
