// SPDX-License-Identifier: Apache-2.0
#include "server/rate_limit.h"

#include <algorithm>
#include <array>

#include "dns/name.h"
#include "dns/protocol.h"

namespace leeward::server {
namespace {

constexpr std::size_t kDomainLabels = 2;
constexpr std::size_t kLabelsMax = 128;

// Where the question's name ends, and where its labels begin; 0: there is none.
struct Question {
  std::size_t end = 0;
  std::size_t labels = 0;
  std::array<std::uint16_t, kLabelsMax> label_at;  // NOLINT(*-member-init) as far as `labels`
};

Question question_of(std::span<const std::uint8_t> response) {
  Question question;
  if (response.size() < dns::kHeaderBytes || dns::load16(response.data() + 4) != 1) {
    return question;
  }
  std::size_t at = dns::kHeaderBytes;
  while (at < response.size() && response[at] != 0) {
    if (response[at] > 63 || question.labels == kLabelsMax) {
      return question;
    }
    question.label_at[question.labels++] = static_cast<std::uint16_t>(at);
    at += std::size_t{1} + response[at];
  }
  question.end = at + 5 <= response.size() ? at + 5 : 0;
  return question;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash ^= value;
  hash *= 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 29);
}

std::uint64_t network_key(const routing::ClientNetwork& client) {
  std::uint64_t key = client.family;
  const std::size_t bytes = client.family == 4 ? 3 : 7;  // /24, /56
  for (std::size_t i = 0; i < bytes; ++i) {
    key = key << 8 | client.address[i];
  }
  return key;
}

std::uint64_t kind_key(std::span<const std::uint8_t> response) {
  const auto rcode = static_cast<std::uint16_t>(dns::load16(response.data() + 2) & 0xF);
  const auto kNameError = static_cast<std::uint16_t>(dns::Rcode::kNxDomain);
  if (rcode != 0 && rcode != kNameError) {
    return 1;
  }
  const Question question = question_of(response);
  if (question.end == 0) {
    return 1;
  }
  const std::size_t first =
      rcode == kNameError && question.labels > kDomainLabels ? question.labels - kDomainLabels : 0;
  std::uint64_t key = rcode;
  for (std::size_t at = question.labels == 0 ? question.end : question.label_at[first];
       at < question.end - 4; ++at) {
    key = mix(key, dns::lower(response[at]));
  }
  return key;
}

}  // namespace

RateLimiter::RateLimiter(const RateLimit& limit) : limit_(limit) {
  std::vector<routing::PrefixMap::Entry> exempt;
  for (const routing::ClientNetwork& network : limit.exempt) {
    exempt.push_back({network, 0});
  }
  exempt_ = routing::PrefixMap(exempt);
  if (is_on()) {
    entries_.resize(kEntries);
  }
}

RateLimiter::Decision RateLimiter::decide(const routing::ClientNetwork& client,
                                          std::span<const std::uint8_t> response,
                                          std::uint32_t now_seconds) {
  if (!is_on() || response.size() < dns::kHeaderBytes ||
      exempt_.find(client).value != routing::PrefixMap::kNone) {
    return Decision::kSend;
  }
  const std::uint64_t key = mix(mix(0, network_key(client)), kind_key(response));
  Entry& entry = entries_[key % kEntries];
  const auto rate = static_cast<std::int64_t>(limit_.responses_per_second);
  const std::int64_t floor = -rate * static_cast<std::int64_t>(limit_.window_seconds);
  if (entry.key != key) {
    entry = {key, now_seconds, static_cast<std::int32_t>(rate)};
  } else {
    const auto passed = static_cast<std::int32_t>(now_seconds - entry.seconds);
    if (passed > 0) {
      entry.balance =
          static_cast<std::int32_t>(std::min<std::int64_t>(rate, entry.balance + rate * passed));
      entry.seconds = now_seconds;
    }
  }
  entry.balance = static_cast<std::int32_t>(std::max<std::int64_t>(floor, entry.balance - 1));
  if (entry.balance >= 0) {
    return Decision::kSend;
  }
  ++limited_;
  return limit_.slip > 0 && limited_ % limit_.slip == 0 ? Decision::kTruncate : Decision::kDrop;
}

std::size_t truncate_response(std::span<std::uint8_t> response) {
  const Question question = question_of(response);
  if (question.end == 0) {
    return 0;
  }
  dns::store16(response.data() + 2, static_cast<std::uint16_t>(dns::load16(response.data() + 2) |
                                                               dns::flag::kTruncated));
  std::fill_n(response.data() + 6, 6, std::uint8_t{0});
  return question.end;
}

}  // namespace leeward::server
