// SPDX-License-Identifier: Apache-2.0
//
// The admin API on a socket: HTTP/1.1 and HTTPS, on the control thread's io_context. What is
// answered is in router.h; this file is about connections: limits, deadlines, TLS, shutdown.
//
// Limits: 256 connections (of which 64 may follow events), 16 KiB of headers, 64 KiB of body, 10 s
// to send a request, 10 s to take an answer, 60 s idle. A connection beyond the limit is closed;
// one that is too slow is closed; a follower of events that does not keep up is closed and can
// resume.
//
// Thread-safety: all calls on the io_context's thread; the io_context must run in one thread.
// Ownership: `control` and `events` must outlive the server.
#pragma once

#include <cstdint>
#include <memory>

#include "admin/control_plane.h"
#include "admin/events.h"
#include "base/result.h"
#include "config/config.h"

namespace boost::asio {
class io_context;
}

namespace leeward::admin {

class ApiServer {
 public:
  // Binds and listens; answers once the io_context runs. kUnavailable names the address that could
  // not be bound, kInvalidArgument the certificate or key that could not be used.
  static Result<std::unique_ptr<ApiServer>> start(boost::asio::io_context& io,
                                                  const config::ApiConfig& config,
                                                  ControlPlane& control, EventLog& events);

  // Closes everything at once.
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // As bound: the real port where the config says 0.
  [[nodiscard]] std::uint16_t port() const;

  // New tokens and certificate, from a reload; the address cannot change while running. On an error
  // the old ones stay in force.
  Status reconfigure(const config::ApiConfig& config);

  // Stops accepting, ends event streams and idle connections, lets requests that are being answered
  // finish for at most 2 s. The io_context runs out of this server's work after that.
  void stop();

 private:
  struct Impl;
  explicit ApiServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace leeward::admin
