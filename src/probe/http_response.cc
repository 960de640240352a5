// SPDX-License-Identifier: Apache-2.0
#include "probe/http_response.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace leeward::probe {
namespace {

constexpr std::string_view kVersionPrefix = "HTTP/1.";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

// RFC 9110 5.6.2: what a field name consists of.
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

// Does the comma-separated list contain this word?
bool list_has(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equals_ignoring_case(trim(list.substr(0, comma)), word)) {
      return true;
    }
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

// What a server that speaks something else said, shortened for a person.
std::string excerpt(std::string_view bytes) {
  constexpr std::size_t kExcerptBytes = 24;
  return fmt::format("'{}'", bytes.substr(0, kExcerptBytes));
}

}  // namespace

HttpResponse::HttpResponse(std::size_t body_window_bytes)
    : window_bytes_max_(std::min(body_window_bytes, kBodyWindowMax)) {}

HttpResponse::Progress HttpResponse::malformed(std::string why) {
  error_ = std::move(why);
  line_ = {};
  state_ = State::kEnd;
  return progress_ = Progress::kMalformed;
}

HttpResponse::Progress HttpResponse::feed(std::string_view bytes) {
  any_byte_ = any_byte_ || !bytes.empty();
  while (!bytes.empty() && progress_ == Progress::kNeedMore) {
    if (state_ == State::kBodyLength || state_ == State::kBodyUntilClose ||
        state_ == State::kChunkData) {
      take_body(bytes);
    } else if (take_line(bytes)) {
      on_line();
      line_.clear();
    }
  }
  if (!bytes.empty()) {
    odd_ = true;  // bytes after the end: the next response would be misread
  }
  return progress_;
}

HttpResponse::Progress HttpResponse::finish() {
  if (progress_ == Progress::kNeedMore) {
    odd_ = true;
    if (state_ == State::kBodyUntilClose) {
      end_response();
    } else {
      progress_ = Progress::kTruncated;
    }
  }
  return progress_;
}

bool HttpResponse::keep_alive() const {
  return progress_ == Progress::kDone && !odd_ && !says_close_ && (!http_1_0_ || says_keep_alive_);
}

bool HttpResponse::take_line(std::string_view& bytes) {
  const bool chunk = state_ == State::kChunkSize || state_ == State::kChunkEnd;
  const std::size_t allowed = chunk
                                  ? kChunkLineBytesMax - std::min(kChunkLineBytesMax, line_.size())
                                  : kHeaderBytesMax - header_bytes_;
  const std::size_t end = bytes.substr(0, allowed).find('\n');
  const std::size_t taken =
      end == std::string_view::npos ? std::min(bytes.size(), allowed) : end + 1;
  line_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  if (!chunk) {
    header_bytes_ += taken;
  }
  if (state_ == State::kStatusLine) {
    // Say at once that this is not HTTP: such a server may never send a line end.
    const std::string_view start = std::string_view(line_).substr(0, kVersionPrefix.size());
    if (start != kVersionPrefix.substr(0, start.size())) {
      malformed("not an HTTP/1.x response: starts with " + excerpt(line_));
      return false;
    }
  }
  if (end == std::string_view::npos) {
    if (taken == allowed) {
      malformed(chunk ? "chunk size line over 256 bytes" : "headers over 16 KiB");
    }
    return false;
  }
  line_.pop_back();
  if (!line_.empty() && line_.back() == '\r') {
    line_.pop_back();
  }
  constexpr std::string_view kForbidden("\0\r", 2);
  if (line_.find_first_of(kForbidden) != std::string::npos) {
    malformed("NUL or bare CR in the headers");
    return false;
  }
  return true;
}

void HttpResponse::on_line() {
  switch (state_) {
    case State::kStatusLine:
      return on_status_line();
    case State::kHeaderLine:
      return line_.empty() ? on_headers_end() : on_header_line();
    case State::kChunkSize:
      return on_chunk_size();
    case State::kChunkEnd:
      if (!line_.empty()) {
        malformed("chunk longer than its size");
        return;
      }
      state_ = State::kChunkSize;
      return;
    case State::kTrailer:
      if (line_.empty()) {
        end_response();
      }
      return;
    case State::kBodyLength:
    case State::kBodyUntilClose:
    case State::kChunkData:
    case State::kEnd:
      return;
  }
}

void HttpResponse::on_status_line() {
  // HTTP/1.1 200 OK
  const std::string_view line = line_;
  const std::size_t digits = kVersionPrefix.size();
  const bool shaped = line.size() >= digits + 5 && is_digit(line[digits]) &&
                      line[digits + 1] == ' ' && is_digit(line[digits + 2]) &&
                      is_digit(line[digits + 3]) && is_digit(line[digits + 4]) &&
                      (line.size() == digits + 5 || line[digits + 5] == ' ');
  if (!shaped) {
    malformed("bad status line " + excerpt(line));
    return;
  }
  http_1_0_ = line[digits] == '0';
  status_ = (line[digits + 2] - '0') * 100 + (line[digits + 3] - '0') * 10 + line[digits + 4] - '0';
  if (status_ < 100 || status_ > 599) {
    malformed(fmt::format("status {} is outside 100 to 599", status_));
    return;
  }
  state_ = State::kHeaderLine;
}

void HttpResponse::on_header_line() {
  const std::string_view line = line_;
  if (line.front() == ' ' || line.front() == '\t') {
    if (first_header_) {
      malformed("header section starts with white space");
      return;
    }
    odd_ = true;  // a folded line (RFC 9112 5.2): read over it
    return;
  }
  first_header_ = false;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    malformed("bad header line " + excerpt(line));
    return;
  }
  on_field(line.substr(0, colon), trim(line.substr(colon + 1)));
}

void HttpResponse::on_field(std::string_view name, std::string_view value) {
  if (equals_ignoring_case(name, "content-length")) {
    on_content_length(value);
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    // RFC 9112 6.3: chunked counts only as the last coding.
    has_encoding_ = true;
    const std::size_t comma = value.rfind(',');
    const std::string_view last =
        trim(comma == std::string_view::npos ? value : value.substr(comma + 1));
    chunked_ = equals_ignoring_case(last, "chunked");
  } else if (equals_ignoring_case(name, "connection")) {
    says_close_ = says_close_ || list_has(value, "close");
    says_keep_alive_ = says_keep_alive_ || list_has(value, "keep-alive");
  }
}

void HttpResponse::on_content_length(std::string_view value) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (value.empty() || error != std::errc() || end != value.data() + value.size()) {
    malformed("bad Content-Length " + excerpt(value));
    return;
  }
  if (has_length_ && length != left_) {
    malformed("two different Content-Length headers");
    return;
  }
  has_length_ = true;
  left_ = length;
}

void HttpResponse::start_message() {
  has_length_ = has_encoding_ = chunked_ = says_close_ = says_keep_alive_ = false;
  first_header_ = true;
  left_ = 0;
  state_ = State::kStatusLine;
}

void HttpResponse::on_headers_end() {
  if (status_ >= 100 && status_ < 200 && status_ != 101) {
    if (++informational_ > kInformationalMax) {
      malformed("more than 8 informational responses");
      return;
    }
    start_message();
    return;
  }
  headers_done_ = true;
  if (status_ == 101 || status_ == 204 || status_ == 304) {  // no body, whatever the headers say
    odd_ = odd_ || status_ == 101;
    end_response();
  } else if (has_encoding_) {
    odd_ = odd_ || has_length_;  // RFC 9112 6.3: possible request smuggling, close afterwards
    state_ = chunked_ ? State::kChunkSize : State::kBodyUntilClose;
  } else if (!has_length_) {
    state_ = State::kBodyUntilClose;
  } else if (left_ == 0) {
    end_response();
  } else {
    state_ = State::kBodyLength;
  }
}

void HttpResponse::on_chunk_size() {
  const std::string_view line = line_;
  const std::string_view digits = trim(line.substr(0, line.find(';')));
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    malformed("bad chunk size " + excerpt(line));
    return;
  }
  state_ = left_ == 0 ? State::kTrailer : State::kChunkData;
}

void HttpResponse::take_body(std::string_view& bytes) {
  const bool counted = state_ != State::kBodyUntilClose;
  const std::size_t taken =
      counted ? static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_))
              : bytes.size();
  const std::size_t kept = std::min(taken, window_bytes_max_ - window_.size());
  window_.append(bytes.substr(0, kept));
  body_bytes_ += taken;
  bytes.remove_prefix(taken);
  if (!counted) {
    return;
  }
  left_ -= taken;
  if (left_ == 0) {
    if (state_ == State::kChunkData) {
      state_ = State::kChunkEnd;
    } else {
      end_response();
    }
  }
}

void HttpResponse::end_response() {
  state_ = State::kEnd;
  progress_ = Progress::kDone;
}

}  // namespace leeward::probe
