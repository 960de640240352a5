// SPDX-License-Identifier: Apache-2.0
#include "route53/call.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace leeward::route53 {
namespace {

// Changes are kept for GetChange; Amazon keeps them for 90 days.
constexpr std::size_t kChangesMax = 1000;

}  // namespace

std::optional<std::string> Call::parameter(std::string_view name) const {
  const auto found =
      std::ranges::find(query, name, [](const auto& each) { return std::string_view(each.first); });
  return found == query.end() ? std::nullopt : std::optional(found->second);
}

std::expected<std::size_t, ApiError> max_items(const Call& call, std::size_t most) {
  const auto text = call.parameter("maxitems");
  if (!text) {
    return most;
  }
  std::size_t value = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text->data() + text->size() || value < 1) {
    return std::unexpected(invalid_input(
        fmt::format("MaxItems must be a whole number from 1, found '{}'", text->substr(0, 64))));
  }
  return std::min(value, most);
}

std::expected<pugi::xml_node, ApiError> body_named(const Call& call, std::string_view name) {
  std::string_view found(call.body.name());
  if (const std::size_t colon = found.find(':'); colon != std::string_view::npos) {
    found.remove_prefix(colon + 1);
  }
  if (found != name) {
    return std::unexpected(malformed_input(
        call.body ? fmt::format("the body must be <{}>, found <{}>", name, found.substr(0, 64))
                  : fmt::format("the body must be <{}>; there is none", name)));
  }
  return call.body;
}

std::expected<std::string, ApiError> required_text(pugi::xml_node parent, std::string_view name,
                                                   std::size_t bytes_max) {
  auto text = text_of(parent, name);
  if (!text || text->empty()) {
    return std::unexpected(invalid_input(fmt::format("{} is required", name)));
  }
  if (text->size() > bytes_max) {
    return std::unexpected(
        invalid_input(fmt::format("{} is longer than {} characters", name, bytes_max)));
  }
  return *std::move(text);
}

std::string random_id(Rng& rng, std::string_view prefix, std::size_t size) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string id(prefix);
  for (std::size_t i = 0; i < size; ++i) {
    id += kDigits[rng.below(kDigits.size())];
  }
  return id;
}

std::string random_uuid(Rng& rng) {
  const std::uint64_t high = rng.next();
  const std::uint64_t low = rng.next();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF,
                     high & 0xFFF, ((low >> 48) & 0x3FFF) | 0x8000, low & 0xFFFFFFFFFFFF);
}

void write_change(XmlWriter& xml, const ChangeEntry& change) {
  xml.open("ChangeInfo")
      .text("Id", "/change/" + change.id)
      .text("Status", change.in_sync ? "INSYNC" : "PENDING")
      .text("SubmittedAt", format_rfc3339(change.submitted_at))
      .optional_text("Comment", change.comment)
      .close();
}

ChangeEntry new_change(const Call& call, const std::string& comment,
                       std::vector<Mutation>& mutations) {
  ChangeEntry change{random_id(call.rng, "C"), comment, call.now, false};
  mutations.push_back(put_change(change));
  if (call.catalog.changes.size() >= kChangesMax) {
    const auto oldest = std::ranges::min_element(
        call.catalog.changes, {}, [](const auto& each) { return each.second.submitted_at; });
    mutations.push_back(delete_change(oldest->first));
  }
  return change;
}

std::expected<const ZoneEntry*, ApiError> find_zone(const Call& call, std::string_view id) {
  const ZoneEntry* zone = call.catalog.zone(id);
  if (zone == nullptr) {
    return std::unexpected(
        not_found("NoSuchHostedZone",
                  fmt::format("No hosted zone found with ID: {}", bare_id(id).substr(0, 64))));
  }
  return zone;
}

std::expected<const ZoneEntry*, ApiError> find_own_zone(const Call& call, std::string_view id) {
  auto zone = find_zone(call, id);
  if (zone && !(*zone)->managed_by.empty()) {
    return std::unexpected(
        ApiError{400, "InvalidInput",
                 fmt::format("hosted zone {} is managed by {}: change that, and reload",
                             (*zone)->zone.id, (*zone)->managed_by)});
  }
  return zone;
}

}  // namespace leeward::route53
