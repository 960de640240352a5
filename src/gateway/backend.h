// SPDX-License-Identifier: Apache-2.0
//
// Calls to one DynamoDB endpoint (the region's own store, or another region's gateway) from one
// worker: pooled keep-alive connections, requests signed anew with the gateway's own credentials.
// Private to this module.
//
// Thread-safety: none; belongs to its worker's thread.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ssl/context.hpp>

#include "base/time.h"
#include "dynamodb/client.h"
#include "gateway/net.h"
#include "gateway/signature.h"

namespace leeward::gateway {

struct RawAnswer {
  int status = 200;
  std::string body;
  std::string request_id;  // as the store gave it
  std::string crc32;       // of `body`, as the store gave it; may be empty
};

// Why there is no answer, for a person.
using RawResult = std::expected<RawAnswer, std::string>;

struct HostAndPort {
  bool tls = false;
  std::string host;
  std::string port;
  std::string header;  // for Host
};
// Of "http://127.0.0.1:8101" or "https://dynamodb.eu-west-3.amazonaws.com".
Result<HostAndPort> parse_url(std::string_view url);

class Backend {
 public:
  // `peer_name`: sent as x-leeward-peer; empty: not sent.
  Backend(asio::io_context& io, Watchdog& watchdog, HostAndPort where, std::string aws_region,
          const dynamodb::Credentials& credentials, std::string peer_name);
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // A kept connection that turns out closed before a byte of an answer is replaced once; nothing
  // else is retried. `target`: with its prefix.
  Task<RawResult> send(std::string_view target, std::string_view body, Duration timeout);

  // Drops the idle connections; before the io_context ends.
  void close();

 private:
  struct Connection;
  using Pooled = std::unique_ptr<Connection>;
  struct Attempt {
    RawResult result;
    bool stale = false;  // a kept connection ended before any byte of an answer
  };

  Pooled take_idle();
  Task<std::expected<Pooled, std::string>> connect(SteadyTime deadline);
  Task<Attempt> exchange(Pooled connection, const std::string& head, std::string_view body,
                         SteadyTime deadline);
  std::string request_head(std::string_view target, std::string_view body);

  asio::io_context& io_;
  Watchdog& watchdog_;
  HostAndPort where_;
  std::string peer_line_;
  Signer signer_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::vector<Pooled> idle_;  // the most recently used last
  bool closed_ = false;
};

}  // namespace leeward::gateway
