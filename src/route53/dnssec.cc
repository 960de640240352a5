// SPDX-License-Identifier: Apache-2.0
//
// DNSSEC: keys are made here and kept in the state store, where Route 53 has them in KMS; the ARN
// that clients give is kept and shown. Answers are signed by the DNS workers.
#include <algorithm>

#include <fmt/format.h>

#include "base/result.h"
#include "dns/octal.h"
#include "dns/signing_key.h"
#include "route53/operations.h"

namespace leeward::route53 {
namespace {

constexpr std::size_t kKeysPerZoneMax = 2;

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += fmt::format("{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

std::string base64_of(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<std::uint8_t>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

void write_key(XmlWriter& xml, const ZoneEntry& zone, const KeyEntry& entry) {
  const auto key = dns::SigningKey::from_pem(entry.private_key, dns::kSecureEntryPointFlag);
  const auto apex = dns::parse_route53_name(zone.zone.name);
  if (!key || !apex) {
    return;  // a key of ours that cannot be read: applying it failed before this
  }
  const std::string ds = key->ds_rdata(*apex, 2).substr(4);
  const std::string public_key = base64_of(std::string_view(key->dnskey_rdata()).substr(4));
  xml.open("KeySigningKey")
      .text("Name", entry.name)
      .text("KmsArn", entry.kms_arn)
      .number("Flag", dns::kSecureEntryPointFlag)
      .text("SigningAlgorithmMnemonic", "ECDSAP256SHA256")
      .number("SigningAlgorithmType", dns::kEcdsaP256)
      .text("DigestAlgorithmMnemonic", "SHA-256")
      .number("DigestAlgorithmType", 2)
      .number("KeyTag", key->tag())
      .text("DigestValue", hex_of(ds))
      .text("PublicKey", public_key)
      .text("DSRecord", fmt::format("{} {} 2 {}", key->tag(), dns::kEcdsaP256, hex_of(ds)))
      .text("DNSKEYRecord",
            fmt::format("{} 3 {} {}", dns::kSecureEntryPointFlag, dns::kEcdsaP256, public_key))
      .text("Status", entry.active ? "ACTIVE" : "INACTIVE")
      .text("CreatedDate", format_rfc3339(entry.created_at))
      .text("LastModifiedDate", format_rfc3339(entry.modified_at))
      .close();
}

std::vector<const KeyEntry*> keys_of(const Catalog& catalog, const std::string& zone) {
  std::vector<const KeyEntry*> keys;
  for (const auto& [key, entry] : catalog.keys) {
    if (key.first == zone) {
      keys.push_back(&entry);
    }
  }
  return keys;
}

std::expected<const KeyEntry*, ApiError> find_key(const Call& call) {
  const auto found =
      call.catalog.keys.find({std::string(bare_id(call.parameters[0])), call.parameters[1]});
  if (found == call.catalog.keys.end()) {
    return std::unexpected(not_found(
        "NoSuchKeySigningKey",
        fmt::format("hosted zone {} has no key-signing key {}",
                    bare_id(call.parameters[0]).substr(0, 64), call.parameters[1].substr(0, 128))));
  }
  return &found->second;
}

// A change that all workers must answer with.
OperationResult changed(const Call& call, std::string_view root, std::vector<Mutation> mutations) {
  const ChangeEntry change = new_change(call, "", mutations);
  XmlWriter xml(root);
  write_change(xml, change);
  return Outcome{{200, xml.finish()}, std::move(mutations), change.id};
}

std::size_t active_keys(const Catalog& catalog, const std::string& zone) {
  const auto keys = keys_of(catalog, zone);
  return static_cast<std::size_t>(std::ranges::count_if(keys, &KeyEntry::active));
}

OperationResult set_active(const Call& call, bool active, std::string_view root) {
  ASSIGN_OR_RETURN(const KeyEntry* const key, find_key(call));
  KeyEntry entry = *key;
  entry.active = active;
  entry.modified_at = call.now;
  return changed(call, root, {put_key(entry)});
}

}  // namespace

OperationResult get_dnssec(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, call.parameters[0]));
  XmlWriter xml("GetDNSSECResponse");
  xml.open("Status").text("ServeSignature", zone->dnssec ? "SIGNING" : "NOT_SIGNING").close();
  xml.open("KeySigningKeys");
  for (const KeyEntry* key : keys_of(call.catalog, zone->zone.id)) {
    write_key(xml, *zone, *key);
  }
  return Outcome{{200, xml.finish()}};
}

OperationResult enable_dnssec(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_own_zone(call, call.parameters[0]));
  if (active_keys(call.catalog, zone->zone.id) == 0) {
    return std::unexpected(ApiError{400, "KeySigningKeyWithActiveStatusNotFound",
                                    "the hosted zone has no active key-signing key"});
  }
  ZoneEntry entry = *zone;
  entry.dnssec = true;
  return changed(call, "EnableHostedZoneDNSSECResponse", {put_zone(entry)});
}

OperationResult disable_dnssec(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_own_zone(call, call.parameters[0]));
  if (!zone->dnssec) {
    return std::unexpected(ApiError{400, "DNSSECNotFound", "the hosted zone is not being signed"});
  }
  ZoneEntry entry = *zone;
  entry.dnssec = false;
  return changed(call, "DisableHostedZoneDNSSECResponse", {put_zone(entry)});
}

OperationResult create_key(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "CreateKeySigningKeyRequest"));
  ASSIGN_OR_RETURN([[maybe_unused]] const std::string reference,
                   required_text(root, "CallerReference", 128));
  ASSIGN_OR_RETURN(const std::string zone_id, required_text(root, "HostedZoneId", 64));
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_own_zone(call, zone_id));
  KeyEntry entry;
  entry.zone_id = zone->zone.id;
  ASSIGN_OR_RETURN(entry.name, required_text(root, "Name", 128));
  ASSIGN_OR_RETURN(entry.kms_arn, required_text(root, "KeyManagementServiceArn", 256));
  ASSIGN_OR_RETURN(const std::string status, required_text(root, "Status", 16));
  const bool good_name = std::ranges::all_of(entry.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!good_name || entry.name.size() < 3) {
    return std::unexpected(ApiError{400, "InvalidKeySigningKeyName",
                                    "a key's name is 3 to 128 letters, digits and '_'"});
  }
  if (status != "ACTIVE" && status != "INACTIVE") {
    return std::unexpected(
        ApiError{400, "InvalidKeySigningKeyStatus", "Status must be ACTIVE or INACTIVE"});
  }
  const auto existing = keys_of(call.catalog, zone->zone.id);
  if (std::ranges::any_of(existing, [&](const KeyEntry* key) { return key->name == entry.name; })) {
    return std::unexpected(ApiError{409, "KeySigningKeyAlreadyExists",
                                    fmt::format("there is a key named {}", entry.name)});
  }
  if (existing.size() >= kKeysPerZoneMax) {
    return std::unexpected(
        ApiError{400, "TooManyKeySigningKeys",
                 fmt::format("a hosted zone has at most {} key-signing keys", kKeysPerZoneMax)});
  }
  entry.active = status == "ACTIVE";
  entry.created_at = entry.modified_at = call.now;
  auto key = dns::generate_signing_key();
  if (!key) {
    return std::unexpected(ApiError{500, "InternalFailure", key.error().message});
  }
  entry.private_key = *std::move(key);
  std::vector<Mutation> mutations{put_key(entry)};
  const ChangeEntry change = new_change(call, "", mutations);
  XmlWriter xml("CreateKeySigningKeyResponse");
  write_change(xml, change);
  write_key(xml, *zone, entry);
  return Outcome{{201, xml.finish(),
                  fmt::format("/2013-04-01/keysigningkey/{}/{}", entry.zone_id, entry.name)},
                 std::move(mutations),
                 change.id};
}

OperationResult activate_key(const Call& call) {
  return set_active(call, true, "ActivateKeySigningKeyResponse");
}

OperationResult deactivate_key(const Call& call) {
  ASSIGN_OR_RETURN(const KeyEntry* const key, find_key(call));
  const ZoneEntry* zone = call.catalog.zone(key->zone_id);
  if (zone != nullptr && zone->dnssec && key->active &&
      active_keys(call.catalog, key->zone_id) == 1) {
    return std::unexpected(ApiError{
        400, "KeySigningKeyInUse",
        "it is the only active key of a zone that is being signed: disable signing first"});
  }
  return set_active(call, false, "DeactivateKeySigningKeyResponse");
}

OperationResult delete_key_operation(const Call& call) {
  ASSIGN_OR_RETURN(const KeyEntry* const key, find_key(call));
  if (key->active) {
    return std::unexpected(
        ApiError{400, "InvalidKeySigningKeyStatus", "the key is active: deactivate it first"});
  }
  return changed(call, "DeleteKeySigningKeyResponse", {delete_key(key->zone_id, key->name)});
}

}  // namespace leeward::route53
