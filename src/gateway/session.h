// SPDX-License-Identifier: Apache-2.0
//
// One client's HTTP/1.1 connection: reads requests, asks a Responder, writes what it says. Private
// to this module.
//
// Thread-safety: none; belongs to its worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/net.h"
#include "gateway/signature.h"

namespace leeward::gateway {

struct Incoming {
  ReceivedRequest received;  // views into the parsed request, which outlives the answer
  std::string_view target;   // X-Amz-Target
  std::string_view authorization;
  std::string_view peer;  // x-leeward-peer; empty: a client
};

struct Reply {
  int status = 200;
  std::string body{};
  std::string request_id{};  // empty: one is made
  std::string crc32{};       // of `body`; empty: computed
  std::string_view content_type = kContentType;
  bool reset = false;  // no answer: the connection is reset
};

class Responder {
 public:
  Responder() = default;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  virtual ~Responder() = default;
  virtual Task<Reply> respond(const Incoming& request) = 0;
  // What is answered to HTTP that is wrong in itself.
  virtual Reply refuse(int status, std::string_view what) = 0;
};

struct SessionLimits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 16U << 20U;
  std::size_t worker_body_bytes = 256U << 20U;  // of all requests that a worker has at one time
  std::chrono::seconds idle{65};                // between requests
  std::chrono::seconds request{30};             // from a request's first byte to its last
  std::chrono::seconds write{30};
};

class Session;

// The sessions of one worker.
class SessionList {
 public:
  // New sessions are refused from now on; those that wait for a request end, the others after
  // their answer.
  void finish();
  [[nodiscard]] bool finishing() const { return finishing_; }
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }

 private:
  friend class Session;
  std::set<Session*> sessions_;
  std::size_t body_bytes_ = 0;
  bool finishing_ = false;
};

// Runs until the connection ends. All references outlive it.
Task<void> run_session(Socket socket, Responder& responder, const SessionLimits& limits,
                       Watchdog& watchdog, SessionList& list);

}  // namespace leeward::gateway
