// SPDX-License-Identifier: Apache-2.0
//
// A load generator for one core: keeps a window of queries outstanding with sendmmsg and recvmmsg,
// and counts answers. Prints one JSON object. Queries go round a list of names, as type A.
#include <chrono>
#include <cstring>
#include <fstream>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <poll.h>

#include "socket_batch.h"

namespace {

using leeward::bench::Batch;
using leeward::bench::kBatch;

using Packet = std::vector<std::uint8_t>;

Packet encode_query(const std::string& name, bool dnssec) {
  Packet packet = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(dnssec ? 1 : 0)};
  std::size_t start = 0;
  while (start < name.size()) {
    std::size_t end = name.find('.', start);
    end = end == std::string::npos ? name.size() : end;
    packet.push_back(static_cast<std::uint8_t>(end - start));
    packet.insert(packet.end(), name.begin() + static_cast<std::ptrdiff_t>(start),
                  name.begin() + static_cast<std::ptrdiff_t>(end));
    start = end + 1;
  }
  packet.insert(packet.end(), {0, 0, 1, 0, 1});
  if (dnssec) {  // OPT: 1232 bytes, DO
    packet.insert(packet.end(), {0, 0, 41, 0x04, 0xD0, 0, 0, 0x80, 0, 0, 0});
  }
  return packet;
}

struct Counts {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t errors = 0;  // rcode other than NOERROR, or no answer record
  std::uint64_t stalls = 0;  // times that the whole window was given up after 100 ms
};

class Blaster {
 public:
  Blaster(int descriptor, std::vector<Packet> queries, std::size_t window)
      : descriptor_(descriptor), queries_(std::move(queries)), window_(window) {}

  Counts run(std::chrono::steady_clock::time_point until) {
    counts_ = {};
    while (std::chrono::steady_clock::now() < until) {
      while (outstanding_ + kBatch <= window_) {
        send_batch();
      }
      receive();
    }
    return counts_;
  }

 private:
  void send_batch() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      const Packet& query = queries_[next_];
      next_ = next_ + 1 == queries_.size() ? 0 : next_ + 1;
      std::memcpy(out_.buffers[i].data(), query.data(), query.size());
      ++id_;
      std::memcpy(out_.buffers[i].data(), &id_, sizeof id_);
      out_.vectors[i].iov_len = query.size();
    }
    const int sent = sendmmsg(descriptor_, out_.messages.data(), kBatch, 0);
    if (sent > 0) {
      counts_.sent += static_cast<std::uint64_t>(sent);
      outstanding_ += static_cast<std::size_t>(sent);
    }
  }

  void receive() {
    pollfd wait{descriptor_, POLLIN, 0};
    if (poll(&wait, 1, 100) == 0) {
      outstanding_ = 0;
      ++counts_.stalls;
      return;
    }
    in_.reset();
    const int received = recvmmsg(descriptor_, in_.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < received; ++i) {
      const auto& buffer = in_.buffers[static_cast<std::size_t>(i)];
      const bool fine = (buffer[2] & 0x80) != 0 && (buffer[3] & 0x0F) == 0;
      ++counts_.answered;
      counts_.errors += fine ? 0 : 1;
    }
    if (received > 0) {
      const auto count = static_cast<std::size_t>(received);
      outstanding_ -= std::min(outstanding_, count);
    }
  }

  int descriptor_;
  std::vector<Packet> queries_;
  std::size_t window_;
  std::size_t next_ = 0;
  std::uint16_t id_ = 0;
  std::size_t outstanding_ = 0;
  Counts counts_;
  Batch out_{false};
  Batch in_{false};
};

std::vector<Packet> read_queries(const std::string& path, bool dnssec) {
  std::ifstream file(path);
  std::vector<Packet> queries;
  for (std::string name; std::getline(file, name);) {
    if (!name.empty()) {
      queries.push_back(encode_query(name, dnssec));
    }
  }
  if (queries.empty()) {
    fmt::print(stderr, "dns_blast: no names in {}\n", path);
    std::exit(1);
  }
  return queries;
}

}  // namespace

int main(int argc, char** argv) {
  std::string address = "127.0.0.1";
  std::uint16_t port = 5300;
  double seconds = 5;
  double warm_up_seconds = 1;
  std::size_t window = 1024;
  std::string names;
  bool dnssec = false;
  CLI::App app{"Asks one DNS server as fast as it answers, from one core"};
  app.add_option("--address", address, "server's IPv4 address");
  app.add_option("--port", port, "server's port");
  app.add_option("--seconds", seconds, "how long to measure")->check(CLI::Range(0.1, 600.0));
  app.add_option("--warm-up", warm_up_seconds, "seconds before measuring");
  app.add_option("--window", window, "queries outstanding")->check(CLI::Range(64, 1 << 16));
  app.add_flag("--dnssec", dnssec, "ask for signatures (EDNS with DO)");
  app.add_option("--names", names, "file with one name per line")->required();
  CLI11_PARSE(app, argc, argv);

  const int descriptor = leeward::bench::udp_socket();
  const sockaddr_in server = leeward::bench::ipv4(address, port);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
    leeward::bench::die("connect");
  }
  using Clock = std::chrono::steady_clock;
  const auto duration = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  };
  Blaster blaster(descriptor, read_queries(names, dnssec), window);
  static_cast<void>(blaster.run(Clock::now() + duration(warm_up_seconds)));
  fmt::print(stderr, "measuring\n");  // bench/run reads the server's CPU time at this line
  const auto begin = Clock::now();
  const Counts counts = blaster.run(begin + duration(seconds));
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print(
      R"({{"seconds":{:.3f},"sent":{},"answered":{},"errors":{},"stalls":{},"per_second":{:.0f}}})"
      "\n",
      elapsed, counts.sent, counts.answered, counts.errors, counts.stalls,
      static_cast<double>(counts.answered) / elapsed);
  return 0;
}
