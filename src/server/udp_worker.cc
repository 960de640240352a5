// SPDX-License-Identifier: Apache-2.0
#include "server/udp_worker.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <netinet/in.h>
#include <sys/socket.h>

#include "dns/answer.h"

namespace leeward::server {
namespace {

constexpr int kBatchMax = 64;
// No client has a reason for more in a query; longer ones are ignored.
constexpr std::size_t kQueryBytesMax = 4096;
// Room for an IPv6 address with its interface; the kernel's macro is constant, but not constexpr
// in every libc.
constexpr std::size_t kControlBytes = 64;
static_assert(kControlBytes >= CMSG_SPACE(sizeof(in6_pktinfo)));

// The kernel says where a packet went; the same message, handed back, says where the answer comes
// from. The interface is left to routing, except where the address means nothing without it.
void answer_from_destination(msghdr& message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      info.ipi_ifindex = 0;
      std::memcpy(CMSG_DATA(control), &info, sizeof info);
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) {
        info.ipi6_ifindex = 0;
      }
      std::memcpy(CMSG_DATA(control), &info, sizeof info);
    }
  }
}

}  // namespace

struct UdpWorker::Batch {
  struct alignas(cmsghdr) Control {
    std::array<std::byte, kControlBytes> bytes;
  };

  std::array<std::array<std::uint8_t, kQueryBytesMax>, kBatchMax> queries;
  std::array<std::array<std::uint8_t, dns::kUdpBufferBytesMin>, kBatchMax> responses;
  std::array<sockaddr_storage, kBatchMax> clients;
  std::array<Control, kBatchMax> controls;
  std::array<iovec, kBatchMax> receive_vectors;
  std::array<iovec, kBatchMax> send_vectors;
  std::array<mmsghdr, kBatchMax> receive;
  std::array<mmsghdr, kBatchMax> send;
  bool wildcard = false;

  explicit Batch(bool is_wildcard) : wildcard(is_wildcard) {
    for (std::size_t i = 0; i < kBatchMax; ++i) {
      receive_vectors[i] = {queries[i].data(), queries[i].size()};
    }
    prepare(kBatchMax);
  }

  // Receiving overwrites lengths: set those of the first `count` again.
  void prepare(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      msghdr& message = receive[i].msg_hdr;
      message = {};
      message.msg_name = &clients[i];
      message.msg_namelen = sizeof clients[i];
      message.msg_iov = &receive_vectors[i];
      message.msg_iovlen = 1;
      if (wildcard) {
        message.msg_control = controls[i].bytes.data();
        message.msg_controllen = controls[i].bytes.size();
      }
      receive[i].msg_len = 0;
    }
  }
};

UdpWorker::UdpWorker(UniqueFd fd, bool wildcard, const SnapshotCell<Snapshot>& cell, Rng rng,
                     const Transfers* transfers)
    : fd_(std::move(fd)),
      reader_(cell),
      rng_(rng),
      batch_(std::make_unique<Batch>(wildcard)),
      transfers_(transfers) {}

UdpWorker::~UdpWorker() = default;

void UdpWorker::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    const int received =
        recvmmsg(fd_.get(), batch_->receive.data(), kBatchMax, MSG_WAITFORONE, nullptr);
    if (stopping_.load(std::memory_order_acquire)) {
      return;
    }
    if (received > 0) {
      answer_batch(received);
      batch_->prepare(static_cast<std::size_t>(received));
    } else {
      // EAGAIN: a second passed. EINTR, or an ICMP error that an earlier answer earned: go on.
      (void)reader_.get();
    }
  }
}

void UdpWorker::stop() {
  stopping_.store(true, std::memory_order_release);
  // Wakes a blocked receiver on Linux, although it reports ENOTCONN.
  (void)shutdown(fd_.get(), SHUT_RDWR);
}

std::size_t UdpWorker::limited(const routing::ClientNetwork& client,
                               std::span<std::uint8_t> response, std::uint32_t now_seconds) {
  switch (limiter_.decide(client, response, now_seconds)) {
    case RateLimiter::Decision::kSend:
      return response.size();
    case RateLimiter::Decision::kTruncate:
      counters_.rate_limited.add(1);
      return truncate_response(response);
    case RateLimiter::Decision::kDrop:
      break;
  }
  counters_.rate_limited.add(1);
  return 0;
}

void UdpWorker::answer_batch(int received) {
  const Snapshot& snapshot = reader_.get();
  if (limited_by_ != &snapshot) {
    limited_by_ = &snapshot;
    if (rate_limit_ != snapshot.answering.rate_limit) {
      rate_limit_ = snapshot.answering.rate_limit;
      limiter_ = RateLimiter(rate_limit_);
    }
  }
  std::uint64_t received_bytes = 0;
  std::size_t count = 0;
  const dns::Context context = snapshot.context(&signatures_);
  const auto now_seconds = static_cast<std::uint32_t>(std::time(nullptr));
  for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
    mmsghdr& incoming = batch_->receive[i];
    received_bytes += incoming.msg_len;
    std::size_t size = 0;
    if ((incoming.msg_hdr.msg_flags & MSG_TRUNC) == 0) {
      const dns::Query query{
          .bytes = {batch_->queries[i].data(), incoming.msg_len},
          .transport = dns::Transport::kUdp,
          .random = rng_.next(),
          .client = network_of(batch_->clients[i]),
          .now_seconds = now_seconds,
      };
      dns::AnswerFacts facts;
      size = dns::answer(context, query, batch_->responses[count], &facts);
      if (facts.has_tsig && transfers_ != nullptr) {
        size = transfers_->sign_answer(query.bytes, batch_->responses[count], size, now_seconds);
      } else if (size > 0 && limiter_.is_on() && !facts.has_good_cookie) {
        size = limited(query.client, std::span(batch_->responses[count]).first(size), now_seconds);
      }
    }
    if (size == 0) {
      counters_.ignored.add(1);
      continue;
    }
    counters_.count_response(batch_->responses[count].data());
    if (batch_->wildcard) {
      answer_from_destination(incoming.msg_hdr);
    }
    batch_->send_vectors[count] = {batch_->responses[count].data(), size};
    batch_->send[count].msg_hdr = incoming.msg_hdr;
    batch_->send[count].msg_hdr.msg_flags = 0;
    batch_->send[count].msg_hdr.msg_iov = &batch_->send_vectors[count];
    ++count;
  }
  counters_.queries.add(static_cast<std::uint64_t>(received));
  counters_.received_bytes.add(received_bytes);
  send_batch(static_cast<int>(count));
}

// A refusal by the kernel concerns the first message that is left: skip that one, send the others.
void UdpWorker::send_batch(int count) {
  int next = 0;
  while (next < count) {
    const int sent = sendmmsg(fd_.get(), &batch_->send[static_cast<std::size_t>(next)],
                              static_cast<unsigned>(count - next), 0);
    if (sent > 0) {
      std::uint64_t bytes = 0;
      for (int i = next; i < next + sent; ++i) {
        bytes += batch_->send[static_cast<std::size_t>(i)].msg_len;
      }
      counters_.sent_bytes.add(bytes);
      next += sent;
    } else if (sent < 0 && errno == EINTR) {
      continue;
    } else {
      counters_.send_failed.add(1);
      ++next;
    }
  }
}

}  // namespace leeward::server
