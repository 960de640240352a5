// SPDX-License-Identifier: Apache-2.0
#include "probe/resolver.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <netdb.h>

#include "probe/blocked_signals.h"
#include "probe/clock.h"

namespace leeward::probe {

std::optional<SocketAddress> parse_address(const std::string& text) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (text.empty() || getaddrinfo(text.c_str(), nullptr, &hints, &found) != 0) {
    return std::nullopt;
  }
  SocketAddress address;
  std::memcpy(&address.v6, found->ai_addr,
              std::min<std::size_t>(found->ai_addrlen, sizeof address.v6));
  freeaddrinfo(found);
  return address;
}

Result<std::vector<std::string>> system_resolve(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return fail(ErrorCode::kUnavailable, gai_strerror(error));
  }
  std::vector<std::string> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text.data());
    }
  }
  freeaddrinfo(found);
  return addresses;
}

struct Resolver::State {
  struct Entry {
    std::shared_ptr<const Answer> answer;  // null: never answered yet
    MonoTime answered;
    bool asked = false;  // queued or being resolved
    std::vector<std::weak_ptr<Listener>> waiting;
  };

  ResolveFunction resolve;
  std::mutex mutex;
  std::condition_variable work;
  std::map<std::string, Entry> entries;
  std::deque<std::string> queue;
  bool stopping = false;

  // Makes room among the answers that nobody asked for lately. REQUIRES: mutex held.
  void forget_old(MonoTime now) {
    std::erase_if(entries, [&](const auto& each) {
      return !each.second.asked && now - each.second.answered > kStaleMax;
    });
  }

  void keep(const std::string& name, Answer answer) {
    std::vector<std::weak_ptr<Listener>> waiting;
    {
      const std::lock_guard lock(mutex);
      Entry& entry = entries[name];
      const MonoTime now = mono_now();
      const bool old_serves =
          entry.answer && !entry.answer->addresses.empty() && now - entry.answered < kStaleMax;
      if (!answer.addresses.empty() || !old_serves) {
        entry.answer = std::make_shared<const Answer>(std::move(answer));
        entry.answered = now;
      }
      entry.asked = false;
      waiting.swap(entry.waiting);
    }
    for (const auto& each : waiting) {
      if (const auto listener = each.lock()) {
        (*listener)(name);
      }
    }
  }

  Answer ask(const std::string& name) const {
    Answer answer;
    try {
      auto found = resolve(name);
      if (!found) {
        answer.error = found.error().message;
        return answer;
      }
      for (const std::string& text : *found) {
        const auto address = parse_address(text);
        if (address && answer.addresses.size() < kAddressesMax) {
          answer.addresses.push_back(*address);
        }
      }
    } catch (const std::exception& error) {
      answer.error = error.what();
    }
    if (answer.addresses.empty() && answer.error.empty()) {
      answer.error = "no addresses";
    }
    return answer;
  }

  void run() {
    for (;;) {
      std::string name;
      {
        std::unique_lock lock(mutex);
        work.wait(lock, [&] { return stopping || !queue.empty(); });
        if (stopping) {
          return;
        }
        name = std::move(queue.front());
        queue.pop_front();
      }
      keep(name, ask(name));
    }
  }
};

Resolver::Resolver(ResolveFunction resolve) : state_(std::make_shared<State>()) {
  state_->resolve = std::move(resolve);
  const BlockedSignals blocked;
  for (int i = 0; i < kThreads; ++i) {
    std::thread([state = state_] { state->run(); }).detach();
  }
}

Resolver::~Resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->work.notify_all();
}

std::shared_ptr<const Resolver::Answer> Resolver::lookup(const std::string& name,
                                                         const std::weak_ptr<Listener>& listener,
                                                         MonoTime now) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  if (state.entries.size() >= kNamesMax) {
    state.forget_old(now);
    if (state.entries.size() >= kNamesMax && !state.entries.contains(name)) {
      return std::make_shared<const Answer>(Answer{{}, "too many names to resolve"});
    }
  }
  State::Entry& entry = state.entries[name];
  const bool answered = entry.answer != nullptr;
  const bool failed = answered && entry.answer->addresses.empty();
  const Duration age = now - entry.answered;
  if (answered && age < (failed ? kFreshFailure : kFresh)) {
    return entry.answer;
  }
  if (!entry.asked) {
    entry.asked = true;
    state.queue.push_back(name);
    state.work.notify_one();
  }
  if (answered && !failed && age < kStaleMax) {
    return entry.answer;
  }
  const bool listed = std::ranges::any_of(entry.waiting, [&](const auto& each) {
    return !each.owner_before(listener) && !listener.owner_before(each);
  });
  if (!listed) {
    entry.waiting.push_back(listener);
  }
  return nullptr;
}

}  // namespace leeward::probe
