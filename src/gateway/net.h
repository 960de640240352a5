// SPDX-License-Identifier: Apache-2.0
//
// The gateway's coroutines and sockets. Everything of one worker happens on one thread, so nothing
// here locks. Private to this module: only .cc files that do I/O include it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <set>
#include <tuple>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace leeward::gateway {

namespace asio = boost::asio;

// The one executor there is, by its own type: a type-erased one costs on every step of every call.
using Executor = asio::io_context::executor_type;
template <typename T>
using Task = asio::awaitable<T, Executor>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
using SteadyTime = std::chrono::steady_clock::time_point;

// co_await operation(..., kTuple) gives [error, result...] and throws nothing.
inline constexpr auto kTuple = asio::as_tuple(asio::use_awaitable_t<Executor>());

// Sends as much as the socket takes at once, and only then waits: an asynchronous send that could
// have been done at once costs a turn of the event loop. The socket is in non-blocking mode.
template <typename Buffers>
Task<boost::system::error_code> write_all(Socket& socket, Buffers buffers) {
  std::size_t left = 0;
  for (const asio::const_buffer& buffer : buffers) {
    left += buffer.size();
  }
  while (left > 0) {
    boost::system::error_code error;
    std::size_t sent = socket.write_some(buffers, error);
    if (error == asio::error::would_block) {
      std::tie(error) = co_await socket.async_wait(asio::socket_base::wait_write, kTuple);
      sent = 0;
    }
    if (error) {
      co_return error;
    }
    left -= sent;
    for (asio::const_buffer& buffer : buffers) {
      const std::size_t part = std::min(sent, buffer.size());
      buffer += part;
      sent -= part;
    }
  }
  co_return boost::system::error_code();
}

// What has a time by which it must have moved on.
class Watched {
 public:
  Watched() = default;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  virtual ~Watched() = default;
  virtual void expire() = 0;

  SteadyTime deadline = SteadyTime::max();
};

// Looks at every deadline a few times a second, instead of a timer per read and write: arming those
// costs a system call each, on the path that the gateway is measured by.
class Watchdog {
 public:
  void add(Watched* watched) { all_.insert(watched); }
  void remove(Watched* watched) { all_.erase(watched); }

  void tick(SteadyTime now) {
    for (Watched* each : all_) {
      if (each->deadline < now) {
        each->deadline = SteadyTime::max();
        each->expire();  // closes a socket; its owner ends later, so all_ does not change here
      }
    }
  }

 private:
  std::set<Watched*> all_;
};

}  // namespace leeward::gateway
