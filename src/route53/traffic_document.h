// SPDX-License-Identifier: Apache-2.0
//
// Traffic policy documents (format 2015-10-01, "Traffic policy document format", API reference):
// checked, and expanded into record sets. The start rule's members stand at the instance's name;
// a rule that another refers to stands at a name of its own below it, and the reference is an
// alias, so that a document's tree becomes a tree of aliases.
//
// Thread-safety: pure functions.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "model/resource_record_set.h"
#include "route53/entries.h"

namespace leeward::route53 {

inline constexpr std::size_t kDocumentBytesMax = 102'400;

// The record type of a good document; otherwise what is wrong with it.
std::expected<std::string, std::string> check_document(std::string_view document);

// REQUIRES: check_document() was content with the policy's document.
[[nodiscard]] std::vector<ResourceRecordSet> expand_document(std::string_view document,
                                                             const InstanceEntry& instance);

}  // namespace leeward::route53
