// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>
#include <fmt/format.h>

#include "dns/octal.h"
#include "dns/protocol.h"
#include "dns/rdata.h"
#include "dns/record_json.h"
#include "dns/zone_export.h"
#include "dns/zone_records.h"
#include "dns/zone_text.h"

namespace leeward::dns {
namespace {

namespace json = boost::json;

// The types that Route 53 has (API reference, "ResourceRecordSet").
bool is_route53_type(std::string_view type) {
  constexpr std::array<std::string_view, 17> kTypes{"A",   "AAAA",  "CAA",  "CNAME", "DS",  "HTTPS",
                                                    "MX",  "NAPTR", "NS",   "PTR",   "SOA", "SPF",
                                                    "SRV", "SSHFP", "SVCB", "TXT",   "TLSA"};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

bool is_made_by_signing(std::uint16_t type) {
  constexpr std::array<std::uint16_t, 7> kTypes{46, 47, 48, 50, 51, 59, 60};  // RRSIG ... CDNSKEY
  return std::ranges::find(kTypes, type) != kTypes.end();
}

// "\034" -> "\042": the inverse of octal_to_decimal().
std::string decimal_to_octal(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || at + 1 >= text.size()) {
      result.push_back(text[at++]);
    } else if (at + 3 < text.size() && is_digit(text[at + 1]) && is_digit(text[at + 2]) &&
               is_digit(text[at + 3])) {
      result += fmt::format("\\{:03o}", (text[at + 1] - '0') * 100 + (text[at + 2] - '0') * 10 +
                                            (text[at + 3] - '0'));
      at += 4;
    } else {
      result.append(text.substr(at, 2));
      at += 2;
    }
  }
  return result;
}

// Bounded, as a file of a million lines may deserve one each.
void note(std::vector<std::string>& notes, const Problem& what) {
  if (notes.size() < kProblemsMax) {
    notes.push_back(format_problem(what));
  }
}

class Importer {
 public:
  explicit Importer(const ZoneText& text) : text_(text) {}

  std::expected<ImportedZone, std::vector<Problem>> run() {
    read_comments();
    const std::vector<ZoneRecord> records = parse_zone_text(text_, problems_);
    if (zone_name_ || find_zone_name(records)) {
      result_.zone.name = route53_text(*zone_name_);
      add_ordinary(records);
      add_commented();
    }
    if (!problems_.empty()) {
      problems_.resize(std::min(problems_.size(), kProblemsMax));
      return std::unexpected(std::move(problems_));
    }
    return std::move(result_);
  }

 private:
  struct Commented {
    ResourceRecordSet set;
    int line;
  };

  void report(int line, std::string message) {
    if (problems_.size() < kProblemsMax) {
      problems_.push_back({text_.file_name, line, std::move(message)});
    }
  }

  // Comments reach from their mark to the end of the line, wherever the line stands.
  void read_comments() {
    std::string_view rest = text_.text;
    for (int line = 1; !rest.empty(); ++line) {
      const std::size_t end = rest.find('\n');
      std::string_view comment = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (comment.ends_with('\r')) {
        comment.remove_suffix(1);
      }
      if (comment.starts_with(kZoneComment)) {
        read_zone_comment(comment.substr(kZoneComment.size()), line);
      } else if (comment.starts_with(kRecordComment)) {
        read_record_comment(comment.substr(kRecordComment.size()), line);
      } else if (comment.starts_with(kAnyComment)) {
        report(line, "a ;@leeward comment is 'zone' or 'record' and a JSON object");
      }
    }
  }

  std::optional<json::object> parse_object(std::string_view text, int line) {
    constexpr std::size_t kDepthMax = 8;
    json::parse_options options;
    options.max_depth = kDepthMax;
    options.allow_invalid_utf8 = true;  // whatever bytes the API was given
    boost::system::error_code error;
    json::value value =
        json::parse(json::string_view(text.data(), text.size()), error, {}, options);
    if (error || !value.is_object()) {
      report(line, "expected a JSON object on the rest of the line" +
                       (error ? ": " + error.message() : std::string()));
      return std::nullopt;
    }
    return std::move(value.as_object());
  }

  void read_zone_comment(std::string_view text, int line) {
    const std::optional<json::object> object = parse_object(text, line);
    if (!object) {
      return;
    }
    const json::value* id = object->if_contains("Id");
    const json::value* name = object->if_contains("Name");
    if (id == nullptr || name == nullptr || !id->is_string() || !name->is_string() ||
        object->size() != 2 || zone_name_) {
      return report(line, zone_name_ ? "there is a second zone comment"
                                     : "the zone comment has the texts Id and Name");
    }
    Result<Name> parsed =
        parse_route53_name(std::string_view(name->get_string().data(), name->get_string().size()));
    if (!parsed) {
      return report(line, parsed.error().message);
    }
    zone_name_ = *std::move(parsed);
    result_.zone.id.assign(id->get_string().data(), id->get_string().size());
  }

  void read_record_comment(std::string_view text, int line) {
    const std::optional<json::object> object = parse_object(text, line);
    if (!object) {
      return;
    }
    Result<ResourceRecordSet> set = parse_record_json(*object);
    if (!set) {
      return report(line, set.error().message);
    }
    commented_.push_back({*std::move(set), line});
  }

  bool find_zone_name(const std::vector<ZoneRecord>& records) {
    const auto soa = std::ranges::find(records, type::kSoa, &ZoneRecord::type);
    if (soa != records.end()) {
      zone_name_ = soa->owner;
    } else {
      report(0, "no SOA record: not a zone file");
    }
    return soa != records.end();
  }

  void add_ordinary(const std::vector<ZoneRecord>& records) {
    std::vector<ZoneRecord> kept;
    std::size_t signing_records = 0;
    for (const ZoneRecord& record : records) {
      if (!record.owner.is_within(*zone_name_)) {
        report(record.line,
               fmt::format("{} is outside the zone {}", record.owner.text(), zone_name_->text()));
      } else if (is_made_by_signing(record.type)) {
        ++signing_records;
      } else if (const std::string type = type_to_text(record.type); !is_route53_type(type)) {
        note(result_.notes,
             {text_.file_name, record.line,
              fmt::format("{} {} is left out: hosted zones have no records of this type",
                          record.owner.text(), type)});
      } else {
        kept.push_back(record);
      }
    }
    if (signing_records > 0) {
      note(result_.notes, {text_.file_name, 0,
                           fmt::format("{} DNSSEC records are left out: signing makes them anew",
                                       signing_records)});
    }
    for (ResourceRecordSet& set : to_record_sets(kept, text_.file_name, result_.notes)) {
      result_.zone.records.insert_or_assign(std::move(set));
    }
  }

  void add_commented() {
    for (Commented& comment : commented_) {
      ResourceRecordSet& set = comment.set;
      const Result<Name> name = parse_route53_name(set.name);
      if (!name || !name->is_within(*zone_name_) || !is_route53_type(set.type)) {
        report(comment.line, fmt::format("{} {} is no record set of the zone {}",
                                         set.name.substr(0, kNameBytesMax),
                                         set.type.substr(0, kNameBytesMax), zone_name_->text()));
        continue;
      }
      set.name = route53_text(*name);
      // Ordinary lines of the same name and type are what other programs see of it.
      result_.zone.records.erase(RecordKey::of(set.name, set.type));
    }
    for (Commented& comment : commented_) {
      if (result_.zone.records.find(RecordKey::of(comment.set)) != nullptr) {
        report(comment.line, fmt::format("{} {} {} is there twice", comment.set.name,
                                         comment.set.type, comment.set.set_identifier));
      } else {
        result_.zone.records.insert_or_assign(std::move(comment.set));
      }
    }
  }

  const ZoneText& text_;
  std::vector<Problem> problems_;
  ImportedZone result_;
  std::optional<Name> zone_name_;
  std::vector<Commented> commented_;
};

}  // namespace

std::vector<ResourceRecordSet> to_record_sets(const std::vector<ZoneRecord>& records,
                                              const std::string& file_name,
                                              std::vector<std::string>& notes) {
  std::vector<ResourceRecordSet> sets;
  std::map<std::pair<Name, std::uint16_t>, std::size_t> indices;
  for (const ZoneRecord& record : records) {
    const auto [at, is_new] =
        indices.try_emplace(std::pair(record.owner, record.type), sets.size());
    if (is_new) {
      ResourceRecordSet& set = sets.emplace_back();
      set.name = route53_text(record.owner);
      set.type = type_to_text(record.type);
      set.ttl_seconds = record.ttl;
    }
    ResourceRecordSet& set = sets[at->second];
    if (*set.ttl_seconds != record.ttl) {
      set.ttl_seconds = std::min(*set.ttl_seconds, record.ttl);
      note(notes,
           {file_name, record.line,
            fmt::format("{} {} has different TTLs; all get the least, {} (RFC 2181 section 5.2)",
                        record.owner.text(), set.type, *set.ttl_seconds)});
    }
    set.values.push_back(decimal_to_octal(rdata_to_text(record.type, as_bytes(record.rdata))));
  }
  return sets;
}

std::expected<ImportedZone, std::vector<Problem>> zone_import(const ZoneText& text) {
  return Importer(text).run();
}

}  // namespace leeward::dns
