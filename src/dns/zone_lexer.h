// SPDX-License-Identifier: Apache-2.0
//
// Master file text -> entries (RFC 1035 section 5.1): comments gone, parentheses joined, quoted
// strings whole. One pass, bounded memory, any bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leeward::dns {

struct ZoneToken {
  std::string_view text;  // into the file; escapes untouched, quotes included
  bool quoted = false;
};

struct ZoneEntry {
  int line = 0;              // of its first token
  bool owner_blank = false;  // starts with white space: the owner is the entry's before
  std::vector<ZoneToken> tokens;
  std::string error;  // not empty: the entry is broken, and what is wrong
};

class ZoneLexer {
 public:
  // Of a record without comments and line ends. Longer than any record that a message can carry
  // in presentation form, but for TXT written with \DDD throughout.
  static constexpr std::size_t kEntryBytesMax = 60'000;

  explicit ZoneLexer(std::string_view text) : text_(text) {}

  // The next entry with at least one token or an error; nullopt at the end. After an error, reading
  // goes on with the next line.
  std::optional<ZoneEntry> next();

 private:
  ZoneEntry read_entry();
  void read_token(ZoneEntry& entry);
  bool read_quoted(ZoneEntry& entry);
  void skip_comment();
  void skip_line();

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace leeward::dns
