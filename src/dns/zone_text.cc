// SPDX-License-Identifier: Apache-2.0
#include "dns/zone_text.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "dns/protocol.h"
#include "dns/rdata.h"
#include "dns/zone_lexer.h"

namespace leeward::dns {
namespace {

constexpr std::uint64_t kTtlMax = 0x7FFFFFFF;

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
  }
  return result;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Seconds, or BIND's units: "1h30m". nullopt: not a TTL at all.
std::optional<std::uint64_t> parse_ttl(std::string_view text) {
  std::uint64_t total = 0;
  std::uint64_t number = 0;
  bool digits = false;
  if (text.empty() || !is_digit(text.front())) {
    return std::nullopt;
  }
  for (const char c : text) {
    if (is_digit(c)) {
      number = number * 10 + static_cast<std::uint64_t>(c - '0');
      digits = true;
    } else {
      const std::size_t unit = std::string_view("SMHDWsmhdw").find(c);
      if (unit == std::string_view::npos || !digits) {
        return std::nullopt;
      }
      constexpr std::array<std::uint64_t, 5> kSeconds{1, 60, 3600, 86'400, 604'800};
      total += number * kSeconds[unit % kSeconds.size()];
      number = 0;
      digits = false;
    }
    if (number > kTtlMax || total > kTtlMax) {
      return kTtlMax + 1;
    }
  }
  return total + number;
}

class ZoneReader {
 public:
  ZoneReader(const ZoneText& zone, std::vector<Problem>& problems)
      : zone_(zone), problems_(problems), origin_(origin_from_file_name(zone.file_name)) {}

  std::vector<ZoneRecord> read() {
    ZoneLexer lexer(zone_.text);
    while (std::optional<ZoneEntry> entry = lexer.next()) {
      if (problems_.size() >= kProblemsMax) {
        break;
      }
      line_ = entry->line;
      if (!entry->error.empty()) {
        report(entry->error);
      } else if (!entry->owner_blank && entry->tokens[0].text.starts_with('$')) {
        read_directive(*entry);
      } else {
        read_record(*entry);
      }
    }
    return std::move(records_);
  }

 private:
  void report(std::string message) {
    problems_.push_back({zone_.file_name, line_, std::move(message)});
  }

  void read_directive(const ZoneEntry& entry) {
    const std::string name = upper(entry.tokens[0].text);
    if (name == "$INCLUDE" || name == "$GENERATE") {
      report(
          fmt::format("{} is not supported: a zone is one file; write its records out here", name));
    } else if (name != "$ORIGIN" && name != "$TTL") {
      report(fmt::format("unknown directive '{}'; $ORIGIN and $TTL are known",
                         entry.tokens[0].text.substr(0, 40)));
    } else if (entry.tokens.size() != 2) {
      report(name + " takes exactly one value");
    } else if (name == "$ORIGIN") {
      Result<Name> origin = Name::parse(entry.tokens[1].text, origin_);
      if (!origin) {
        report("$ORIGIN: " + origin.error().message);
      } else {
        origin_ = *std::move(origin);
      }
    } else if (const auto ttl = checked_ttl(entry.tokens[1].text)) {
      default_ttl_ = ttl;
    }
  }

  std::optional<std::uint32_t> checked_ttl(std::string_view text) {
    const std::optional<std::uint64_t> ttl = parse_ttl(text);
    if (!ttl || *ttl > kTtlMax) {
      report(fmt::format("expected a TTL from 0 to 2147483647 seconds (or 1h30m), found '{}'",
                         text.substr(0, 40)));
      return std::nullopt;
    }
    return static_cast<std::uint32_t>(*ttl);
  }

  // [owner] [TTL] [class] type rdata; TTL and class in either order.
  void read_record(const ZoneEntry& entry) {
    std::size_t next = 0;
    if (!entry.owner_blank && !read_owner(entry.tokens[next++].text)) {
      return;
    }
    if (!owner_) {
      if (!owner_is_broken_) {
        report("record without a name: none came before it");
      }
      return;
    }
    std::optional<std::uint32_t> ttl;
    bool class_seen = false;
    for (; next < entry.tokens.size(); ++next) {
      const std::string_view word = entry.tokens[next].text;
      const std::string word_upper = upper(word);
      if (!class_seen && word_upper == "IN") {
        class_seen = true;
      } else if (word_upper == "CH" || word_upper == "HS" || word_upper == "CS" ||
                 word_upper == "ANY" || word_upper == "NONE") {
        report(fmt::format("class {} is not served; only IN is", word_upper));
        return;
      } else if (!ttl && parse_ttl(word)) {
        ttl = checked_ttl(word);
        if (!ttl) {
          return;
        }
      } else {
        break;
      }
    }
    if (next == entry.tokens.size()) {
      report("record without a type");
      return;
    }
    read_typed(entry, next, ttl);
  }

  bool read_owner(std::string_view text) {
    Result<Name> owner = text == "@" ? Result<Name>(origin_) : Name::parse(text, origin_);
    if (!owner) {
      report(owner.error().message);
      owner_.reset();
      owner_is_broken_ = true;  // said once, not for each record that follows under this name
      return false;
    }
    owner_ = owner->lowered();
    return true;
  }

  void read_typed(const ZoneEntry& entry, std::size_t at, std::optional<std::uint32_t> ttl) {
    const std::string_view type_text = entry.tokens[at].text;
    const std::optional<std::uint16_t> type = parse_type(type_text);
    if (!type) {
      report(fmt::format("unknown record type '{}'", type_text.substr(0, 40)));
      return;
    }
    if (*type == 0 || *type == type::kOpt ||
        (*type >= type::kMetaFirst && *type <= type::kMetaLast)) {
      report(fmt::format("{} is not a type that a zone can hold", upper(type_text)));
      return;
    }
    std::string text;
    for (++at; at < entry.tokens.size(); ++at) {
      text += text.empty() ? "" : " ";
      text += entry.tokens[at].text;
    }
    Result<std::string> rdata = parse_rdata(*type, text, origin_);
    if (!rdata) {
      report(rdata.error().message);
      return;
    }
    if (*type == type::kSoa && !default_ttl_ && !ttl) {
      // Before $TTL existed (RFC 2308 section 4), the SOA's minimum was the default.
      default_ttl_ = load32(as_bytes(*rdata).data() + rdata->size() - 4);
    }
    last_ttl_ = ttl ? ttl : (default_ttl_ ? default_ttl_ : last_ttl_);
    if (!last_ttl_) {
      report("record without a TTL: put $TTL at the top of the file");
      return;
    }
    records_.push_back(
        {*owner_, *type, *last_ttl_ > kTtlMax ? 0 : *last_ttl_, *std::move(rdata), line_});
  }

  const ZoneText& zone_;
  std::vector<Problem>& problems_;
  std::vector<ZoneRecord> records_;
  Name origin_;
  std::optional<Name> owner_;
  bool owner_is_broken_ = false;
  std::optional<std::uint32_t> default_ttl_;
  std::optional<std::uint32_t> last_ttl_;
  int line_ = 0;
};

}  // namespace

Name origin_from_file_name(const std::string& file_name) {
  std::string_view base = file_name;
  base.remove_prefix(base.find_last_of('/') == std::string_view::npos ? 0
                                                                      : base.find_last_of('/') + 1);
  if (base.starts_with("db.")) {
    base.remove_prefix(3);
  }
  for (const std::string_view suffix : {".zone", ".db", ".txt"}) {
    if (base.ends_with(suffix)) {
      base.remove_suffix(suffix.size());
      break;
    }
  }
  Result<Name> name = Name::parse(base);
  return name ? name->lowered() : Name();
}

std::vector<ZoneRecord> parse_zone_text(const ZoneText& zone, std::vector<Problem>& problems) {
  return ZoneReader(zone, problems).read();
}

}  // namespace leeward::dns
