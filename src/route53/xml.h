// SPDX-License-Identifier: Apache-2.0
//
// XML in both directions: hostile documents are refused before anything looks at them, answers are
// written element by element.
//
// Thread-safety: parse_xml() is pure; a writer belongs to one thread.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <pugixml.hpp>

#include "route53/api_error.h"

namespace leeward::route53 {

inline constexpr std::string_view kNamespace = "https://route53.amazonaws.com/doc/2013-04-01/";
inline constexpr std::size_t kXmlBytesMax = std::size_t{4} << 20;
inline constexpr int kXmlDepthMax = 24;
inline constexpr std::size_t kXmlNodesMax = 200'000;

// The document, or MalformedInput: not XML, a DOCTYPE (entities would come with it), too deep, too
// large. Nothing at all is an empty document.
std::expected<pugi::xml_document, ApiError> parse_xml(std::string_view body);

// An element's child without regard to its namespace prefix; an empty node: none.
[[nodiscard]] pugi::xml_node child(pugi::xml_node parent, std::string_view name);
// Its text; nullopt: no such child.
[[nodiscard]] std::optional<std::string> text_of(pugi::xml_node parent, std::string_view name);
// A whole number, true or false; InvalidInput that names the element.
std::expected<std::optional<long>, ApiError> number_of(pugi::xml_node parent, std::string_view name,
                                                       long min, long max);
std::expected<std::optional<bool>, ApiError> flag_of(pugi::xml_node parent, std::string_view name);

class XmlWriter {
 public:
  // Opens the root element with Route 53's namespace.
  explicit XmlWriter(std::string_view root);

  XmlWriter& open(std::string_view name);
  XmlWriter& close();
  XmlWriter& text(std::string_view name, std::string_view value);
  XmlWriter& number(std::string_view name, std::uint64_t value);
  XmlWriter& flag(std::string_view name, bool value);
  // Left out where it is empty.
  XmlWriter& optional_text(std::string_view name, std::string_view value);

  // Closes what is open and returns the document.
  [[nodiscard]] std::string finish();

 private:
  std::string text_;
  std::vector<std::string> open_;
};

}  // namespace leeward::route53
