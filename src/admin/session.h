// SPDX-License-Identifier: Apache-2.0
//
// One connection of the admin API, plain or TLS. Private to this module: Beast stays in api.cc and
// session.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "admin/api.h"
#include "admin/http.h"
#include "admin/router.h"

namespace leeward::admin {

// What sessions share; owned by the server and by every session, so that the last one out ends it.
struct SessionContext {
  SessionContext(Router r, EventLog& e, ApiLimits l) : router(std::move(r)), events(e), limits(l) {}

  Router router;
  EventLog& events;
  ApiLimits limits;
  std::string mounted_prefix;  // of the API that is served beside this one
  MountedHandler mounted;      // empty: none is
  std::size_t followers = 0;
  std::uint64_t clock = 0;  // counts up; orders connections by when they began to wait
};

class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  virtual void start() = 0;

  // Closes unless a request is being answered; then after that answer.
  virtual void finish() = 0;

  // Closes now. Safe to call twice.
  virtual void close() = 0;

  // Since when it has been waiting for a request, on SessionContext::clock; nothing: it is not.
  [[nodiscard]] virtual std::optional<std::uint64_t> waiting_since() const = 0;
};

// `tls` null: plain HTTP. `on_end` is called once, when the session will do no more.
std::shared_ptr<Session> make_session(boost::asio::ip::tcp::socket socket,
                                      std::shared_ptr<boost::asio::ssl::context> tls,
                                      std::shared_ptr<SessionContext> context,
                                      std::function<void()> on_end);

}  // namespace leeward::admin
