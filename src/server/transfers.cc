// SPDX-License-Identifier: Apache-2.0
#include "server/transfers.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>

#include "dns/layout.h"
#include "dns/protocol.h"

namespace leeward::server {
namespace {

constexpr auto kRefreshInterval = std::chrono::milliseconds(50);
constexpr auto kNoticeBackoff = std::chrono::seconds(1);
constexpr int kNoticeAttemptsMax = 6;  // a minute in all; then the secondary's SOA refresh remains
constexpr std::uint8_t kRefused = 5;
constexpr std::size_t kHeaderFlagsAt = 2;

MonoTime now() {
  return MonoTime(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

std::uint32_t wall_seconds() {
  return static_cast<std::uint32_t>(std::time(nullptr));
}

// What policies go by; not how long answers may be kept.
std::vector<std::uint8_t> values_of(const HealthBoard& board) {
  std::vector<std::uint8_t> values(board.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = board.load(static_cast<BoardSlot>(i)).value;
  }
  return values;
}

bool is_same_address(const routing::ClientNetwork& a, const routing::ClientNetwork& b) {
  return a.family == b.family && a.address == b.address;
}

}  // namespace

Result<std::unique_ptr<Transfers>> Transfers::create(
    const std::vector<config::TsigKey>& keys, const std::vector<config::Secondary>& secondaries,
    Rng rng) {
  std::unique_ptr<Transfers> transfers(new Transfers(rng));
  for (const config::TsigKey& key : keys) {
    ASSIGN_OR_RETURN(const dns::Name name, dns::Name::parse(key.name));
    auto secret = dns::decode_tsig_secret(key.secret.reveal());
    if (!secret) {
      return fail(secret.error().code,
                  fmt::format("dns.keys.{}: {}", key.name, secret.error().message));
    }
    transfers->keys_.push_back({name.lowered(),
                                key.algorithm == config::TsigAlgorithm::kHmacSha512
                                    ? dns::TsigHash::kSha512
                                    : dns::TsigHash::kSha256,
                                *std::move(secret)});
  }
  for (const config::Secondary& secondary : secondaries) {
    const auto network = routing::parse_network(secondary.address.address);
    Peer peer{secondary, network.value_or(routing::ClientNetwork{}), nullptr};
    if (!secondary.key.empty()) {
      ASSIGN_OR_RETURN(const dns::Name name, dns::Name::parse(secondary.key));
      peer.key = transfers->find_key(name.lowered());
    }
    if (!network || (!secondary.key.empty() && peer.key == nullptr)) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("dns.secondaries.{}: its address or key is not known", secondary.name));
    }
    transfers->peers_.push_back(std::move(peer));
  }
  transfers->udp4_ = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  transfers->udp6_ = UniqueFd(socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return transfers;
}

void Transfers::adopt(std::shared_ptr<const Snapshot> snapshot) {
  const std::scoped_lock lock(mutex_);
  snapshot_ = std::move(snapshot);
  board_values_ = values_of(*snapshot_->board);
  refresh(wall_seconds());
  wake_.notify_all();
}

// REQUIRES: mutex_, a snapshot.
void Transfers::refresh(std::uint32_t now_seconds) {
  const dns::Tables& tables = snapshot_->tables;
  const dns::Layout& layout = tables.layout();
  std::map<std::string, dns::ZoneHistory> kept;
  is_behind_ = false;
  for (std::size_t zone = 0; zone < layout.zones.size(); ++zone) {
    if (dns::is_signed_online(tables, zone)) {
      continue;
    }
    const dns::Name apex =
        dns::Name::of_checked(layout.name_of(layout.nodes[layout.zones[zone].apex]));
    auto found = histories_.extract(apex.wire());
    dns::ZoneHistory history = found ? std::move(found.mapped()) : dns::ZoneHistory();
    const auto update =
        history.update(dns::materialise(tables, *snapshot_->board, zone), now_seconds);
    if (update == dns::ZoneHistory::Update::kNew) {
      notify_all(apex);
    }
    is_behind_ = is_behind_ || update == dns::ZoneHistory::Update::kLater;
    if (snapshot_->serials != nullptr && zone < snapshot_->serials->size()) {
      snapshot_->serials->set(zone, history.serial());
    }
    kept.emplace(apex.wire(), std::move(history));
  }
  histories_ = std::move(kept);  // zones that are gone are forgotten
}

void Transfers::notify_all(const dns::Name& zone) {
  std::erase_if(notices_, [&](const Notice& notice) { return notice.zone == zone; });
  for (std::size_t peer = 0; peer < peers_.size(); ++peer) {
    notices_.push_back(
        {.zone = zone, .peer = peer, .id = static_cast<std::uint16_t>(rng_.next()), .due = now()});
  }
}

void Transfers::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kRefreshInterval);
    if (snapshot_ == nullptr || stopping_.load(std::memory_order_acquire)) {
      continue;
    }
    std::vector<std::uint8_t> values = values_of(*snapshot_->board);
    if (values != board_values_ || is_behind_) {
      board_values_ = std::move(values);
      refresh(wall_seconds());
    }
    read_acknowledgements();
    send_notices(wall_seconds());
  }
}

void Transfers::stop() {
  stopping_.store(true, std::memory_order_release);
  const std::scoped_lock lock(mutex_);
  wake_.notify_all();
}

// REQUIRES: mutex_.
void Transfers::send_notices(std::uint64_t now_seconds) {
  const MonoTime at = now();
  for (Notice& notice : notices_) {
    if (notice.due > at) {
      continue;
    }
    const Peer& peer = peers_[notice.peer];
    Message message = dns::notify_message(notice.id, notice.zone);
    if (peer.key != nullptr) {
      dns::TsigSigner(*peer.key, {}).sign(message, now_seconds);
    }
    if (const auto to = to_socket_address(peer.config.address)) {
      const UniqueFd& fd = peer.network.family == 4 ? udp4_ : udp6_;
      (void)sendto(fd.get(), message.data(), message.size(), 0,
                   reinterpret_cast<const sockaddr*>(&to->storage), to->size);
    }
    notice.due = at + kNoticeBackoff * (1 << notice.attempts);
    ++notice.attempts;
  }
  std::erase_if(notices_,
                [&](const Notice& notice) { return notice.attempts > kNoticeAttemptsMax; });
}

// REQUIRES: mutex_. An answer of any kind means that the secondary has heard.
void Transfers::read_acknowledgements() {
  std::array<std::uint8_t, 1024> buffer{};
  for (const UniqueFd* fd : {&udp4_, &udp6_}) {
    while (true) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const ssize_t got = recvfrom(fd->get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 0) {
        break;
      }
      const routing::ClientNetwork network = network_of(from);
      std::erase_if(notices_, [&](const Notice& notice) {
        return got >= static_cast<ssize_t>(dns::kHeaderBytes) &&
               dns::load16(buffer.data()) == notice.id && (buffer[kHeaderFlagsAt] & 0x80) != 0 &&
               is_same_address(peers_[notice.peer].network, network);
      });
    }
  }
}

const dns::TsigSecret* Transfers::find_key(const dns::Name& name) const {
  const auto found = std::ranges::find(keys_, name, &dns::TsigSecret::name);
  return found == keys_.end() ? nullptr : &*found;
}

bool Transfers::may_transfer(const routing::ClientNetwork& client,
                             const dns::TsigSecret* key) const {
  return std::ranges::any_of(peers_, [&](const Peer& peer) {
    return is_same_address(peer.network, client) && (peer.key == nullptr || peer.key == key);
  });
}

std::optional<std::vector<Transfers::Message>> Transfers::answer(
    std::span<const std::uint8_t> bytes, const routing::ClientNetwork& client,
    std::uint64_t now_seconds) {
  const auto request = dns::parse_transfer_request(bytes);
  if (!request) {
    return std::nullopt;
  }
  const auto tsig = dns::find_tsig(bytes);
  const dns::TsigSecret* key = tsig ? find_key(tsig->name) : nullptr;
  if (tsig) {
    const dns::TsigError error = key == nullptr ? dns::TsigError::kBadKey
                                                : dns::verify_tsig(bytes, *tsig, *key, now_seconds);
    if (error != dns::TsigError::kNone) {
      std::vector<Message> refusal{dns::transfer_refusal(*request, dns::kTsigRcode)};
      dns::append_tsig_error(refusal.front(), *tsig, error);
      return refusal;
    }
  }
  std::vector<Message> messages;
  if (may_transfer(client, key)) {
    const std::scoped_lock lock(mutex_);
    if (const auto history = histories_.find(request->zone.wire()); history != histories_.end()) {
      messages = dns::transfer_messages(
          *request, history->second.transfer(request->incremental ? std::optional(request->serial)
                                                                  : std::nullopt));
    }
  }
  if (messages.empty()) {
    messages.push_back(dns::transfer_refusal(*request, kRefused));
  }
  if (key != nullptr) {
    dns::TsigSigner signer(*key, {tsig->mac.begin(), tsig->mac.end()});
    for (Message& message : messages) {
      signer.sign(message, now_seconds);
    }
  }
  return messages;
}

std::size_t Transfers::sign_answer(std::span<const std::uint8_t> query, std::span<std::uint8_t> out,
                                   std::size_t size, std::uint64_t now_seconds) const {
  const auto tsig = size >= dns::kHeaderBytes ? dns::find_tsig(query) : std::nullopt;
  if (!tsig) {
    return size;
  }
  Message message(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
  const dns::TsigSecret* key = find_key(tsig->name);
  const dns::TsigError error =
      key == nullptr ? dns::TsigError::kBadKey : dns::verify_tsig(query, *tsig, *key, now_seconds);
  if (error == dns::TsigError::kNone) {
    dns::TsigSigner(*key, {tsig->mac.begin(), tsig->mac.end()}).sign(message, now_seconds);
  } else {
    message.resize(dns::kHeaderBytes);
    std::fill(message.begin() + 4, message.end(), std::uint8_t{0});
    message[2] = static_cast<std::uint8_t>(message[2] & 0xF9);  // neither AA nor TC
    message[3] = static_cast<std::uint8_t>((message[3] & 0xF0) | dns::kTsigRcode);
    dns::append_tsig_error(message, *tsig, error);
  }
  if (message.size() > out.size()) {
    return size;
  }
  std::ranges::copy(message, out.begin());
  return message.size();
}

}  // namespace leeward::server
