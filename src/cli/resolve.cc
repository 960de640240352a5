// SPDX-License-Identifier: Apache-2.0
//
// `leeward resolve`: one question to one DNS server, over UDP and, where the answer was cut or as
// asked, TCP.
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <random>
#include <vector>

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/sockets.h"
#include "dns/client_message.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::uint8_t>;

constexpr std::chrono::seconds kPatience{3};

Status wait(int fd, short events, Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd waiting{fd, events, 0};
  if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) != 1) {
    return fail(ErrorCode::kDeadlineExceeded,
                fmt::format("the DNS server did not answer within {} s", kPatience.count()));
  }
  return {};
}

std::unexpected<Error> socket_error() {
  return fail(ErrorCode::kUnavailable,
              fmt::format("asking the DNS server: {}", std::strerror(errno)));
}

Result<int> connect_to(const SocketAddress& server, int type) {
  const int fd = ::socket(server.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    return socket_error();
  }
  const auto* const generic = reinterpret_cast<const sockaddr*>(&server.storage);
  if (::connect(fd, generic, server.length) != 0 && errno != EINPROGRESS) {
    const int code = errno;
    ::close(fd);
    errno = code;
    return socket_error();
  }
  return fd;
}

Result<Bytes> exchange_udp(const SocketAddress& server, const Bytes& query,
                           Clock::time_point deadline) {
  ASSIGN_OR_RETURN(const int fd, connect_to(server, SOCK_DGRAM));
  const Socket socket(fd);
  if (::send(fd, query.data(), query.size(), MSG_NOSIGNAL) < 0) {
    return socket_error();
  }
  Bytes answer(65535);
  while (true) {
    RETURN_IF_ERROR(wait(fd, POLLIN, deadline));
    const ssize_t got = ::recv(fd, answer.data(), answer.size(), 0);
    if (got < 0) {
      return socket_error();
    }
    // Not ours: somebody guesses. Keep waiting for the right id.
    if (got >= 2 && answer[0] == query[0] && answer[1] == query[1]) {
      answer.resize(static_cast<std::size_t>(got));
      return answer;
    }
  }
}

Status receive_exactly(int fd, std::span<std::uint8_t> into, Clock::time_point deadline) {
  while (!into.empty()) {
    RETURN_IF_ERROR(wait(fd, POLLIN, deadline));
    const ssize_t got = ::recv(fd, into.data(), into.size(), 0);
    if (got < 0) {
      return socket_error();
    }
    if (got == 0) {
      return fail(ErrorCode::kUnavailable, "the DNS server closed the connection");
    }
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

Result<Bytes> exchange_tcp(const SocketAddress& server, const Bytes& query,
                           Clock::time_point deadline) {
  ASSIGN_OR_RETURN(const int fd, connect_to(server, SOCK_STREAM));
  const Socket socket(fd);
  RETURN_IF_ERROR(wait(fd, POLLOUT, deadline));
  Bytes framed = {static_cast<std::uint8_t>(query.size() >> 8U),
                  static_cast<std::uint8_t>(query.size() & 0xFFU)};
  framed.insert(framed.end(), query.begin(), query.end());
  // A query is far smaller than a socket's buffer: it goes out whole or not at all.
  if (::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(framed.size())) {
    return socket_error();
  }
  std::array<std::uint8_t, 2> length{};
  RETURN_IF_ERROR(receive_exactly(fd, length, deadline));
  Bytes answer(static_cast<std::size_t>(length[0]) * 256 + length[1]);
  RETURN_IF_ERROR(receive_exactly(fd, answer, deadline));
  return answer;
}

struct Outcome {
  dns::ParsedResponse response;
  bool tcp = false;
  double milliseconds = 0;
};

Result<Outcome> query_server(const ResolveOptions& options) {
  ASSIGN_OR_RETURN(const SocketAddress server,
                   parse_endpoint("--server " + options.server, options.server));
  dns::QueryOptions query_options;
  query_options.id = static_cast<std::uint16_t>(std::random_device()());
  query_options.client_address = options.from;
  ASSIGN_OR_RETURN(const Bytes query, dns::build_query(options.name, options.type, query_options));
  const Clock::time_point begin = Clock::now();
  Outcome outcome;
  outcome.tcp = options.tcp;
  Bytes answer;
  if (!options.tcp) {
    ASSIGN_OR_RETURN(answer, exchange_udp(server, query, begin + kPatience));
    outcome.tcp = answer.size() > 2 && (answer[2] & 0x02U) != 0;  // cut: ask again over TCP
  }
  if (outcome.tcp) {
    ASSIGN_OR_RETURN(answer, exchange_tcp(server, query, begin + kPatience));
  }
  outcome.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  auto parsed = dns::parse_response(answer);
  if (!parsed) {
    return fail(ErrorCode::kInternal,
                "the DNS server's answer cannot be read: " + parsed.error().message);
  }
  if (!parsed->is_response || parsed->id != query_options.id) {
    return fail(ErrorCode::kInternal, "the DNS server answered another question");
  }
  outcome.response = *std::move(parsed);
  return outcome;
}

json::array records_json(const std::vector<dns::ResponseRecord>& records) {
  json::array array;
  for (const dns::ResponseRecord& record : records) {
    array.emplace_back(json::object{{"name", printable(record.name)},
                                    {"ttl_seconds", record.ttl_seconds},
                                    {"class", record.record_class},
                                    {"type", record.type},
                                    {"data", printable(record.data)}});
  }
  return array;
}

}  // namespace

int resolve(const Context& context, const ResolveOptions& options) {
  const Result<Outcome> outcome = query_server(options);
  if (!outcome) {
    return report(outcome.error());
  }
  const dns::ParsedResponse& response = outcome->response;
  const bool positive = response.rcode == 0 && !response.answers.empty();
  if (context.json) {
    print(json::serialize(json::object{{"rcode", response.rcode_text},
                                       {"authoritative", response.authoritative},
                                       {"transport", outcome->tcp ? "tcp" : "udp"},
                                       {"latency_ms", outcome->milliseconds},
                                       {"answers", records_json(response.answers)},
                                       {"authority", records_json(response.authority)},
                                       {"additional", records_json(response.additional)}}) +
          "\n");
    return positive ? kOk : kNegative;
  }
  for (const dns::ResponseRecord& record : response.answers) {
    print(printable(fmt::format("{}  {}  {}  {}", record.name, record.ttl_seconds, record.type,
                                record.data)) +
          "\n");
  }
  print(fmt::format("; {}{} from {} over {} in {:.1f} ms\n", printable(response.rcode_text),
                    positive || response.rcode != 0 ? "" : ", no such records", options.server,
                    outcome->tcp ? "TCP" : "UDP", outcome->milliseconds));
  return positive ? kOk : kNegative;
}

}  // namespace leeward::cli
