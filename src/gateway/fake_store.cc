// SPDX-License-Identifier: Apache-2.0
#include "gateway/fake_store.h"

#include <array>
#include <cstdlib>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace leeward::gateway {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Reads one message with a Content-Length from `socket`; "" at the connection's end. What follows
// it stays in `buffer`.
std::string read_message(int socket, std::string& buffer) {
  std::array<char, 4096> bytes{};
  for (;;) {
    const std::size_t head = buffer.find("\r\n\r\n");
    if (head != std::string::npos) {
      const std::size_t field = buffer.find("Content-Length: ");
      const std::size_t size =
          field < head ? std::strtoul(buffer.c_str() + field + 16, nullptr, 10) : 0;
      if (buffer.size() >= head + 4 + size) {
        std::string message = buffer.substr(0, head + 4 + size);
        buffer.erase(0, message.size());
        return message;
      }
    }
    const ssize_t got = recv(socket, bytes.data(), bytes.size(), 0);
    if (got <= 0) {
      return {};
    }
    buffer.append(bytes.data(), static_cast<std::size_t>(got));
  }
}

void write_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string header_of(std::string_view message, std::string_view name) {
  const std::size_t at = message.find(name);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::size_t begin = at + name.size();
  return std::string(message.substr(begin, message.find("\r\n", begin) - begin));
}

}  // namespace

FakeStore::FakeStore(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  LEEWARD_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                    listen(listener_, 16) == 0 &&
                    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
                "loopback can be listened on");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept(); });
}

FakeStore::~FakeStore() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::scoped_lock lock(mutex_);
    for (const int connection : connections_) {
      shutdown(connection, SHUT_RDWR);
    }
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  for (const int connection : connections_) {
    close(connection);
  }
  close(listener_);
}

std::string FakeStore::url() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

int FakeStore::count(std::string_view operation) const {
  const std::scoped_lock lock(mutex_);
  int count = 0;
  for (const std::string& target : targets_) {
    count += target.ends_with(operation) ? 1 : 0;
  }
  return count;
}

void FakeStore::accept() {
  while (!stopping_) {
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) {
      return;
    }
    const std::scoped_lock lock(mutex_);
    connections_.push_back(connection);
    threads_.emplace_back([this, connection] { serve(connection); });
  }
}

void FakeStore::serve(int connection) {
  std::string buffer;
  for (;;) {
    const std::string message = read_message(connection, buffer);
    if (message.empty()) {
      return;
    }
    const std::string target = header_of(message, "X-Amz-Target: ");
    {
      const std::scoped_lock lock(mutex_);
      targets_.push_back(target);
    }
    const auto answer = handler_(target, message.substr(message.find("\r\n\r\n") + 4));
    if (answer && !answer->raw.empty()) {
      for (const char byte : answer->raw) {
        write_all(connection, {&byte, 1});
      }
      shutdown(connection, SHUT_RDWR);
      return;
    }
    if (answer) {
      write_all(connection, fmt::format("HTTP/1.1 {} Some\r\nx-amzn-RequestId: FAKE\r\n"
                                        "x-amz-crc32: 12345\r\nContent-Length: {}\r\n\r\n{}",
                                        answer->status, answer->body.size(), answer->body));
    }
    if (!answer || answer->close_after) {
      shutdown(connection, SHUT_RDWR);
      return;
    }
  }
}

RawClient::RawClient(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in address = loopback(port);
  LEEWARD_CHECK(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
                "what the test started listens");
}

RawClient::~RawClient() {
  close(socket_);
}

void RawClient::send(std::string_view bytes) const {
  write_all(socket_, bytes);
}

std::string RawClient::receive() {
  return read_message(socket_, received_);
}

}  // namespace leeward::gateway
