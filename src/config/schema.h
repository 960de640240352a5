// SPDX-License-Identifier: Apache-2.0
//
// The schema as data, in the spirit of Knot's conf/schema.c: a Section is a list of Keys, and a Key
// says its name, type, range, how it is read and written, and what it means. Reading, messages, the
// effective config and docs/reference/config.md all come from it. A default is not repeated here:
// it is whatever the struct's own member initialiser says.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "config/document.h"
#include "config/quote.h"
#include "config/reader.h"
#include "config/syntax.h"
#include "config/value.h"

namespace leeward::config {

// One line of the reference.
struct KeyDoc {
  std::string name;
  std::string type;
  std::string default_text;
  std::string doc;
  std::vector<KeyDoc> children;
};

template <typename Owner>
struct Key {
  std::string name;
  std::string type;  // "duration, 20ms to 1h"
  std::string doc;
  std::function<void(Reader&, const Node&, Owner&)> read;
  std::function<Value(const Owner&)> write;  // absent: the key is left out
  bool required = false;
  std::string default_text = {};  // only where the written default would mislead
  std::vector<KeyDoc> children = {};
};

struct Unsupported {
  std::string name;
  std::string instead;  // what to do without it
};

template <typename Owner>
struct Section {
  std::vector<Key<Owner>> keys;
  // Keys of the config contract that this version does not read yet.
  std::vector<Unsupported> unsupported = {};
  // Checks between keys; runs whatever problems single keys have (see Reader::usable).
  std::function<void(Reader&, const Node&, Owner&)> finish = {};
};

// ------------------------------------------------------------------ walking

inline void refuse_key(Reader& reader, const Entry& entry, const std::vector<std::string>& known,
                       const std::vector<Unsupported>& unsupported) {
  for (const Unsupported& key : unsupported) {
    if (key.name == entry.key) {
      reader.problem_at_key(entry.key_position, entry.key,
                            fmt::format("not supported in this version; {}", key.instead));
      return;
    }
  }
  if (entry.key == "<<") {
    reader.problem_at_key(entry.key_position, entry.key,
                          "merge keys are not supported; write shared settings under 'defaults'");
    return;
  }
  if (reader.full()) {
    reader.problem_at(entry.key_position, "");
    return;
  }
  const std::string hint = did_you_mean(entry.key, known);
  reader.problem_at_key(entry.key_position, entry.key,
                        hint.empty()
                            ? fmt::format("unknown key; known here: {}", fmt::join(known, ", "))
                            : "unknown key" + hint);
}

template <typename Owner>
void read_section(Reader& reader, const Node& node, const Section<Owner>& section, Owner& owner) {
  if (node.kind != NodeKind::kMap) {
    std::vector<std::string> names;
    for (const Key<Owner>& key : section.keys) {
      names.push_back(key.name);
    }
    reader.problem(node, fmt::format("expected a map with {}, found {}", fmt::join(names, ", "),
                                     describe(node)));
    return;
  }
  std::vector<std::string> known;
  for (const Key<Owner>& key : section.keys) {
    known.push_back(key.name);
    const Node* value = node.find(key.name);
    const Reader::Scope scope(reader, key.name);
    if (value != nullptr) {
      key.read(reader, *value, owner);
    } else if (key.required) {
      reader.problem_at(node.position,
                        fmt::format("required key is missing ({}): {}", key.type, key.doc));
    }
  }
  for (const Entry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      refuse_key(reader, entry, known, section.unsupported);
    }
  }
  if (section.finish) {
    section.finish(reader, node, owner);
  }
}

template <typename Owner>
Value write_section(const Section<Owner>& section, const Owner& owner) {
  std::vector<ValueEntry> entries;
  for (const Key<Owner>& key : section.keys) {
    entries.push_back({key.name, key.write(owner)});
  }
  return Value::map(std::move(entries));
}

template <typename Owner>
std::vector<KeyDoc> describe_section(const Section<Owner>& section) {
  std::vector<KeyDoc> docs;
  const Owner defaults{};
  for (const Key<Owner>& key : section.keys) {
    std::string text = key.default_text;
    if (text.empty() && key.children.empty()) {
      text = key.required ? "required" : to_inline_yaml(key.write(defaults));
      text = text.empty() ? "none" : text;
    }
    docs.push_back({key.name, key.type, text, key.doc, key.children});
  }
  return docs;
}

// ------------------------------------------------------------------ kinds of keys

template <typename Owner>
Key<Owner> duration_key(std::string name, Duration Owner::* member, Duration min, Duration max,
                        std::string doc) {
  return {
      .name = std::move(name),
      .type = fmt::format("duration, {} to {}", format_duration(min), format_duration(max)),
      .doc = std::move(doc),
      .read =
          [=](Reader& reader, const Node& node, Owner& owner) {
            owner.*member = reader.duration(node, min, max).value_or(owner.*member);
          },
      .write = [=](const Owner& o) { return Value::scalar(format_duration(o.*member)); },
  };
}

template <typename Owner, typename Integer>
Key<Owner> integer_key(std::string name, Integer Owner::* member, std::int64_t min,
                       std::int64_t max, std::string doc) {
  return {
      .name = std::move(name),
      .type = fmt::format("whole number, {} to {}", min, max),
      .doc = std::move(doc),
      .read =
          [=](Reader& reader, const Node& node, Owner& owner) {
            if (const auto value = reader.integer(node, min, max)) {
              owner.*member = static_cast<Integer>(*value);
            }
          },
      .write = [=](const Owner& o) { return Value::scalar(fmt::format("{}", o.*member)); },
  };
}

template <typename Owner>
Key<Owner> number_key(std::string name, double Owner::* member, double min, double max,
                      std::string doc) {
  return {
      .name = std::move(name),
      .type = fmt::format("number, {} to {}", min, max),
      .doc = std::move(doc),
      .read =
          [=](Reader& reader, const Node& node, Owner& owner) {
            owner.*member = reader.number(node, min, max).value_or(owner.*member);
          },
      .write = [=](const Owner& o) { return Value::scalar(fmt::format("{}", o.*member)); },
  };
}

template <typename Owner>
Key<Owner> boolean_key(std::string name, bool Owner::* member, std::string doc) {
  return {
      .name = std::move(name),
      .type = "true or false",
      .doc = std::move(doc),
      .read = [=](Reader& reader, const Node& node,
                  Owner& owner) { owner.*member = reader.boolean(node).value_or(owner.*member); },
      .write = [=](const Owner& o) { return Value::scalar(o.*member ? "true" : "false"); },
  };
}

// One of a few words. `parse` gives nullopt for any other.
template <typename Owner, typename Enum>
Key<Owner> choice_key(std::string name, Enum Owner::* member, std::vector<std::string> choices,
                      std::optional<Enum> (*parse)(std::string_view),
                      std::string_view (*print)(Enum), std::string doc) {
  const std::string type = fmt::format("{}", fmt::join(choices, ", "));
  return {
      .name = std::move(name),
      .type = "one of " + type,
      .doc = std::move(doc),
      .read =
          [=](Reader& reader, const Node& node, Owner& owner) {
            const auto value = node.kind == NodeKind::kScalar ? parse(node.text) : std::nullopt;
            if (!value) {
              reader.problem(node, fmt::format("expected one of {}, found {}{}", type,
                                               describe(node), did_you_mean(node.text, choices)));
              return;
            }
            owner.*member = *value;
          },
      .write = [=](const Owner& o) { return Value::scalar(print(o.*member)); },
  };
}

// A path of a file; relative ones are resolved. Empty in the struct: left out.
template <typename Owner>
Key<Owner> path_key(std::string name, std::string Owner::* member, std::string doc) {
  return {
      .name = std::move(name),
      .type = "path of a file",
      .doc = std::move(doc),
      .read =
          [=](Reader& reader, const Node& node, Owner& owner) {
            const auto path = reader.text(node, "the path of a file");
            if (path && path->empty()) {
              reader.problem(node, "expected the path of a file, found ''");
            } else if (path) {
              owner.*member = reader.resolve_path(*path);
            }
          },
      .write =
          [=](const Owner& o) {
            return (o.*member).empty() ? Value::absent() : Value::scalar(o.*member);
          },
  };
}

// ------------------------------------------------------------------ keys of keys

// NAME: { ... } whose keys belong to the same struct.
template <typename Owner>
Key<Owner> group(std::string name, Section<Owner> section, std::string doc) {
  std::vector<KeyDoc> children = describe_section(section);
  const auto shared = std::make_shared<const Section<Owner>>(std::move(section));
  return {
      .name = std::move(name),
      .type = "map",
      .doc = std::move(doc),
      .read = [=](Reader& r, const Node& node, Owner& o) { read_section(r, node, *shared, o); },
      .write = [=](const Owner& o) { return write_section(*shared, o); },
      .children = std::move(children),
  };
}

// NAME: { ... } that fills a member.
template <typename Owner, typename Member>
Key<Owner> section_key(std::string name, Member Owner::* member, Section<Member> section,
                       std::string doc) {
  std::vector<KeyDoc> children = describe_section(section);
  const auto shared = std::make_shared<const Section<Member>>(std::move(section));
  return {
      .name = std::move(name),
      .type = "map",
      .doc = std::move(doc),
      .read = [=](Reader& r, const Node& n, Owner& o) { read_section(r, n, *shared, o.*member); },
      .write = [=](const Owner& o) { return write_section(*shared, o.*member); },
      .children = std::move(children),
  };
}

// NAME: { a: {...}, b: {...} }: a list of structs, each with a name. `start` makes an element from
// its name.
template <typename Owner, typename Element>
Key<Owner> named_key(std::string name, std::vector<Element> Owner::* member,
                     Section<Element> section, std::string placeholder,
                     std::function<Element(Reader&, const std::string&)> start,
                     std::function<std::string(const Element&)> name_of, std::string doc,
                     Status (*check)(std::string_view) = check_name) {
  std::vector<KeyDoc> children = {
      {placeholder, "map", "", "", describe_section(section)},
  };
  const auto shared = std::make_shared<const Section<Element>>(std::move(section));
  return {
      .name = std::move(name),
      .type = "map of " + placeholder,
      .doc = std::move(doc),
      .read =
          [=](Reader& reader, const Node& node, Owner& owner) {
            if (node.kind != NodeKind::kMap) {
              reader.problem(node, fmt::format("expected a map from {} to its settings, found {}",
                                               placeholder, describe(node)));
              return;
            }
            for (const Entry& entry : node.entries) {
              const Reader::Scope scope(reader, entry.key);
              if (const Status good = check(entry.key); !good) {
                reader.problem_at(entry.key_position, good.error().message);
              }
              Element element = start(reader, entry.key);
              read_section(reader, *entry.value, *shared, element);
              (owner.*member).push_back(std::move(element));
            }
          },
      .write =
          [=](const Owner& owner) {
            std::vector<ValueEntry> entries;
            for (const Element& element : owner.*member) {
              entries.push_back({name_of(element), write_section(*shared, element)});
            }
            return entries.empty() ? Value::absent() : Value::map(std::move(entries));
          },
      .children = std::move(children),
  };
}

// Keys of a member's section, as keys of its owner: they stand side by side in the file.
template <typename Owner, typename Member>
std::vector<Key<Owner>> inlined(Member Owner::* member, const Section<Member>& section) {
  std::vector<Key<Owner>> keys;
  for (const Key<Member>& key : section.keys) {
    keys.push_back({
        .name = key.name,
        .type = key.type,
        .doc = key.doc,
        .read = [read = key.read, member](Reader& reader, const Node& node,
                                          Owner& owner) { read(reader, node, owner.*member); },
        .write = [write = key.write, member](const Owner& owner) { return write(owner.*member); },
        .required = key.required,
        .default_text = key.default_text,
        .children = key.children,
    });
  }
  return keys;
}

}  // namespace leeward::config
