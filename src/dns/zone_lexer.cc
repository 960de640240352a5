// SPDX-License-Identifier: Apache-2.0
#include "dns/zone_lexer.h"

namespace leeward::dns {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

bool ends_token(char c) {
  return is_blank(c) || c == '\n' || c == ';' || c == '(' || c == ')' || c == '"';
}

}  // namespace

std::optional<ZoneEntry> ZoneLexer::next() {
  while (at_ < text_.size()) {
    ZoneEntry entry = read_entry();
    if (!entry.tokens.empty() || !entry.error.empty()) {
      return entry;
    }
  }
  return std::nullopt;
}

void ZoneLexer::skip_comment() {
  while (at_ < text_.size() && text_[at_] != '\n') {
    ++at_;
  }
}

void ZoneLexer::skip_line() {
  skip_comment();
  if (at_ < text_.size()) {
    ++at_;
    ++line_;
  }
}

ZoneEntry ZoneLexer::read_entry() {
  ZoneEntry entry;
  entry.line = line_;
  entry.owner_blank = is_blank(text_[at_]);
  std::size_t token_bytes = 0;
  bool in_parentheses = false;
  while (at_ < text_.size() && entry.error.empty()) {
    const char c = text_[at_];
    if (c == '\n') {
      ++at_;
      ++line_;
      if (!in_parentheses) {
        return entry;
      }
    } else if (is_blank(c)) {
      ++at_;
    } else if (c == ';') {
      skip_comment();
    } else if (c == '(' || c == ')') {
      if (in_parentheses == (c == '(')) {
        entry.error = c == '(' ? "'(' inside parentheses" : "')' without '('";
      }
      in_parentheses = c == '(';
      ++at_;
    } else {
      if (entry.tokens.empty()) {
        entry.line = line_;
      }
      const std::size_t start = at_;
      read_token(entry);
      token_bytes += at_ - start + 1;
      if (entry.error.empty() && token_bytes > kEntryBytesMax) {
        entry.error = in_parentheses
                          ? "record is longer than 60000 bytes; is a parenthesis left open?"
                          : "record is longer than 60000 bytes";
      }
    }
  }
  if (entry.error.empty() && in_parentheses) {
    entry.error = "'(' is never closed";
  }
  if (!entry.error.empty()) {
    skip_line();
  }
  return entry;
}

void ZoneLexer::read_token(ZoneEntry& entry) {
  const std::size_t start = at_;
  if (text_[at_] == '"') {
    if (read_quoted(entry)) {
      entry.tokens.push_back({text_.substr(start, at_ - start), true});
    }
    return;
  }
  while (at_ < text_.size() && !ends_token(text_[at_])) {
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte < ' ' || byte == 0x7F) {
      entry.error = "control character in the text; write it as \\DDD";
      return;
    }
    const bool escape = text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n';
    at_ += escape ? 2 : 1;
  }
  entry.tokens.push_back({text_.substr(start, at_ - start), false});
}

bool ZoneLexer::read_quoted(ZoneEntry& entry) {
  for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
    if (text_[at_] == '"') {
      ++at_;
      return true;
    }
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if ((byte < ' ' && byte != '\t') || byte == 0x7F) {
      entry.error = "control character in a quoted string; write it as \\DDD";
      return false;
    }
    if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
      ++at_;
    }
  }
  entry.error = "quoted string is not closed on its line";
  return false;
}

}  // namespace leeward::dns
