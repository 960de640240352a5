// SPDX-License-Identifier: Apache-2.0
#include "route53/xml.h"

#include <charconv>

#include <fmt/format.h>

#include "base/utf8.h"

namespace leeward::route53 {
namespace {

// Walks without recursion, so that no document can exhaust the stack.
std::optional<ApiError> check_shape(const pugi::xml_document& document) {
  std::size_t nodes = 0;
  int depth = 0;
  pugi::xml_node node = document.first_child();
  while (node) {
    if (node.type() == pugi::node_doctype) {
      return malformed_input("a document type declaration is not allowed");
    }
    if (++nodes > kXmlNodesMax || depth > kXmlDepthMax) {
      return malformed_input("the document is too deep or has too many elements");
    }
    // Again after parsing: a character reference can make a lone surrogate.
    if (!is_utf8(node.value()) || !is_utf8(node.name())) {
      return malformed_input("the body is not UTF-8");
    }
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node && !node.next_sibling()) {
      node = node.parent();
      --depth;
      if (depth <= 0 && node == document) {
        return std::nullopt;
      }
    }
    node = node.next_sibling();
  }
  return std::nullopt;
}

// XML 1.0 allows no other control characters, not even escaped.
void append_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        to += "&amp;";
        break;
      case '<':
        to += "&lt;";
        break;
      case '>':
        to += "&gt;";
        break;
      case '"':
        to += "&quot;";
        break;
      default:
        to += static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r' ? '?' : c;
    }
  }
}

}  // namespace

std::expected<pugi::xml_document, ApiError> parse_xml(std::string_view body) {
  if (body.size() > kXmlBytesMax) {
    return std::unexpected(malformed_input("the document is too large"));
  }
  if (!is_utf8(body)) {
    return std::unexpected(malformed_input("the body is not UTF-8"));
  }
  pugi::xml_document document;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return document;
  }
  const pugi::xml_parse_result result =
      document.load_buffer(body.data(), body.size(),
                           pugi::parse_default | pugi::parse_doctype | pugi::parse_ws_pcdata_single,
                           pugi::encoding_utf8);
  if (!result) {
    return std::unexpected(malformed_input(fmt::format(
        "the body is not well-formed XML: {} at byte {}", result.description(), result.offset)));
  }
  if (auto error = check_shape(document)) {
    return std::unexpected(*std::move(error));
  }
  return document;
}

pugi::xml_node child(pugi::xml_node parent, std::string_view name) {
  for (const pugi::xml_node each : parent.children()) {
    std::string_view found(each.name());
    if (const std::size_t colon = found.find(':'); colon != std::string_view::npos) {
      found.remove_prefix(colon + 1);
    }
    if (each.type() == pugi::node_element && found == name) {
      return each;
    }
  }
  return {};
}

std::optional<std::string> text_of(pugi::xml_node parent, std::string_view name) {
  const pugi::xml_node found = child(parent, name);
  return found ? std::optional<std::string>(found.text().get()) : std::nullopt;
}

std::expected<std::optional<long>, ApiError> number_of(pugi::xml_node parent, std::string_view name,
                                                       long min, long max) {
  const auto text = text_of(parent, name);
  if (!text) {
    return std::nullopt;
  }
  long value = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text->data() + text->size() || value < min ||
      value > max) {
    return std::unexpected(
        invalid_input(fmt::format("{} must be a whole number from {} to {}, found '{}'", name, min,
                                  max, text->substr(0, 64))));
  }
  return value;
}

std::expected<std::optional<bool>, ApiError> flag_of(pugi::xml_node parent, std::string_view name) {
  const auto text = text_of(parent, name);
  if (!text) {
    return std::nullopt;
  }
  if (*text != "true" && *text != "false") {
    return std::unexpected(invalid_input(
        fmt::format("{} must be true or false, found '{}'", name, text->substr(0, 64))));
  }
  return *text == "true";
}

XmlWriter::XmlWriter(std::string_view root)
    : text_(fmt::format("<?xml version=\"1.0\"?>\n<{} xmlns=\"{}\">", root, kNamespace)),
      open_({std::string(root)}) {}

XmlWriter& XmlWriter::open(std::string_view name) {
  text_ += fmt::format("<{}>", name);
  open_.emplace_back(name);
  return *this;
}

XmlWriter& XmlWriter::close() {
  text_ += fmt::format("</{}>", open_.back());
  open_.pop_back();
  return *this;
}

XmlWriter& XmlWriter::text(std::string_view name, std::string_view value) {
  text_ += fmt::format("<{}>", name);
  append_escaped(text_, value);
  text_ += fmt::format("</{}>", name);
  return *this;
}

XmlWriter& XmlWriter::number(std::string_view name, std::uint64_t value) {
  return text(name, fmt::format("{}", value));
}

XmlWriter& XmlWriter::flag(std::string_view name, bool value) {
  return text(name, value ? "true" : "false");
}

XmlWriter& XmlWriter::optional_text(std::string_view name, std::string_view value) {
  return value.empty() ? *this : text(name, value);
}

std::string XmlWriter::finish() {
  while (!open_.empty()) {
    close();
  }
  return std::move(text_);
}

}  // namespace leeward::route53
