// SPDX-License-Identifier: Apache-2.0
//
// Reads one HTTP/1.x response to a GET request (RFC 9112), sans-IO: bytes in, progress out. Built
// for hostile servers: memory is bounded by the limits below whatever arrives, every byte is looked
// at once, and nothing is trusted. Strict where a lie could matter (lengths, framing), lenient
// where old servers are merely odd (bare LF, folded header lines).
//
// Thread-safety: none; one owner. A value type: copy, move and reuse by assignment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace leeward::probe {

class HttpResponse {
 public:
  static constexpr std::size_t kHeaderBytesMax = 16 * 1024;  // status lines, headers and trailers
  static constexpr int kInformationalMax = 8;                // 1xx responses before the real one
  static constexpr std::size_t kChunkLineBytesMax = 256;
  static constexpr std::size_t kBodyWindowMax = 5120;  // Route 53's window for the search string

  enum class Progress : std::uint8_t {
    kNeedMore,
    kDone,       // the whole response has been read
    kTruncated,  // finish() came before the end
    kMalformed,  // see error()
  };

  // Keeps the first `body_window_bytes` of the decoded body (at most kBodyWindowMax); 0: none.
  explicit HttpResponse(std::size_t body_window_bytes = 0);

  // Feeds what was read. After kDone or kMalformed further bytes change nothing but keep_alive().
  Progress feed(std::string_view bytes);

  // The server closed the connection.
  Progress finish();

  [[nodiscard]] Progress progress() const { return progress_; }
  // The final status line and all headers have been read and are well formed.
  [[nodiscard]] bool headers_done() const { return headers_done_; }
  // 100 to 599 once headers_done(), else 0.
  [[nodiscard]] int status() const { return headers_done_ ? status_ : 0; }
  [[nodiscard]] bool any_byte() const { return any_byte_; }
  // The body so far, decoded (chunks joined), cut at the window.
  [[nodiscard]] std::string_view body_window() const { return window_; }
  [[nodiscard]] bool window_full() const { return window_.size() == window_bytes_max_; }
  // Decoded bytes of the body so far, beyond the window too.
  [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }
  // The connection may carry another request. Meaningful once kDone.
  [[nodiscard]] bool keep_alive() const;
  // Why it is malformed; one line, may quote bytes of the server: sanitise before showing.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  enum class State : std::uint8_t {
    kStatusLine,
    kHeaderLine,
    kBodyLength,
    kBodyUntilClose,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailer,
    kEnd,
  };

  Progress malformed(std::string why);
  // Moves bytes of a line from `bytes` to line_; true when the line is complete (without its end).
  bool take_line(std::string_view& bytes);
  void on_line();
  void on_status_line();
  void on_header_line();
  void on_field(std::string_view name, std::string_view value);
  void on_content_length(std::string_view value);
  void on_headers_end();
  void on_chunk_size();
  void take_body(std::string_view& bytes);
  void end_response();
  void start_message();

  std::string line_;
  std::string window_;
  std::string error_;
  std::size_t window_bytes_max_;
  std::size_t header_bytes_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::uint64_t left_ = 0;  // of the body or of the chunk
  int status_ = 0;
  int informational_ = 0;
  State state_ = State::kStatusLine;
  Progress progress_ = Progress::kNeedMore;
  bool headers_done_ = false;
  bool any_byte_ = false;
  bool http_1_0_ = false;
  bool has_length_ = false;
  bool has_encoding_ = false;
  bool chunked_ = false;
  bool first_header_ = true;
  bool says_close_ = false;
  bool says_keep_alive_ = false;
  bool odd_ = false;  // something that makes the connection's framing doubtful: do not reuse
};

}  // namespace leeward::probe
