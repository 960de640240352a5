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

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "admin/control_plane.h"
#include "admin/events.h"
#include "admin/http.h"
#include "base/result.h"
#include "base/time.h"
#include "config/config.h"

namespace boost::asio {
class io_context;
}

namespace leeward::admin {

struct ApiLimits {
  std::size_t connections = 256;
  std::size_t followers = 64;  // of these connections, those that follow events
  std::size_t header_bytes = std::size_t{16} * 1024;
  std::size_t body_bytes = std::size_t{64} * 1024;
  std::size_t follower_queue_bytes = std::size_t{512} * 1024;  // events not yet taken by a follower
  Duration first_byte = std::chrono::seconds(10);     // of a new connection; of a TLS handshake
  Duration idle = std::chrono::seconds(60);           // between requests
  Duration request = std::chrono::seconds(10);        // from its first byte to its last
  Duration response = std::chrono::seconds(10);       // for the client to take it
  Duration control_plane = std::chrono::seconds(30);  // for a command to end; then 504
  Duration heartbeat = std::chrono::seconds(15);      // comment to followers
  Duration shutdown = std::chrono::seconds(2);        // for requests that are being answered
};

class ApiServer {
 public:
  // Binds and listens; answers once the io_context runs. kUnavailable names the address that could
  // not be bound, kInvalidArgument the certificate or key that could not be used.
  static Result<std::unique_ptr<ApiServer>> start(boost::asio::io_context& io,
                                                  const config::ApiConfig& config,
                                                  ControlPlane& control, EventLog& events,
                                                  const ApiLimits& limits = {});

  // Closes everything at once.
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // As bound: the real port where the config says 0.
  [[nodiscard]] std::uint16_t port() const;

  // New tokens and certificate, from a reload; the address cannot change while running. On an error
  // the old ones stay in force.
  Status reconfigure(const config::ApiConfig& config);

  // Requests whose path begins with `prefix` go to `handler`, which authenticates them itself.
  // Their bodies may have kMountedBodyBytesMax. Call before the io_context runs.
  void mount(std::string prefix, MountedHandler handler);
  static constexpr std::size_t kMountedBodyBytesMax = std::size_t{4} << 20;

  // Stops accepting, ends event streams and idle connections, lets requests that are being answered
  // finish within the limit. The io_context runs out of this server's work after that.
  void stop();

 private:
  struct Impl;
  explicit ApiServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace leeward::admin
