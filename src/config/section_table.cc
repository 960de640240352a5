// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "config/schema_text.h"
#include "config/sections.h"
#include "config/syntax.h"

namespace leeward::config {
namespace {

constexpr std::size_t kGlobalIndexesMax = 20;  // Amazon's quotas
constexpr std::size_t kLocalIndexesMax = 5;
constexpr std::size_t kIncludeMax = 100;
constexpr std::size_t kReplicasMax = 64;
constexpr std::int64_t kUnitsMax = 1'000'000;
constexpr const char* kKeyForm = "NAME:TYPE with type S, N or B";

Status check_attribute_name(std::string_view text) {
  if (text.empty() || text.size() > 255) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected an attribute name of 1 to 255 bytes, found {}", quote(text)));
  }
  if (text == "_r" || text == "_del") {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} is an attribute of Leeward's own: choose another name", quote(text)));
  }
  return {};
}

Result<KeyAttribute> parse_key_attribute(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto type =
      colon == std::string_view::npos ? std::nullopt : parse_key_type(text.substr(colon + 1));
  if (!type) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("expected {}, such as pk:S, found {}", kKeyForm, quote(text)));
  }
  RETURN_IF_ERROR(check_attribute_name(text.substr(0, colon)));
  return KeyAttribute{std::string(text.substr(0, colon)), *type};
}

std::string format_key_attribute(const KeyAttribute& attribute) {
  return fmt::format("{}:{}", attribute.name, to_string(attribute.type));
}

Key<TableKey> hash_key(bool required) {
  return {
      .name = "hash",
      .type = kKeyForm,
      .doc = "The partition key.",
      .read =
          [](Reader& reader, const Node& node, TableKey& key) {
            if (const auto text = reader.text(node, kKeyForm)) {
              key.hash = reader.accept(node, parse_key_attribute(*text)).value_or(key.hash);
            }
          },
      .write =
          [](const TableKey& key) {
            return key.hash.name.empty() ? Value::absent()
                                         : Value::scalar(format_key_attribute(key.hash));
          },
      .required = required,
      .default_text = required ? "required" : "required; of a local index: the table's",
  };
}

Key<TableKey> range_key() {
  return {
      .name = "range",
      .type = kKeyForm,
      .doc = "The sort key.",
      .read =
          [](Reader& reader, const Node& node, TableKey& key) {
            if (const auto text = reader.text(node, kKeyForm)) {
              key.range = reader.accept(node, parse_key_attribute(*text));
            }
          },
      .write =
          [](const TableKey& key) {
            return key.range ? Value::scalar(format_key_attribute(*key.range)) : Value::absent();
          },
      .default_text = "none",
  };
}

void check_key(Reader& reader, const Node& map, const TableKey& key) {
  if (key.range && key.range->name == key.hash.name && reader.usable(map, "range")) {
    const Reader::Scope scope(reader, "range");
    reader.problem(*map.find("range"), fmt::format("{} is already the hash", quote(key.hash.name)));
  }
}

void finish_index(Reader& reader, const Node& map, TableIndex& index) {
  check_key(reader, map, index.key);
  const bool local = index.scope == IndexScope::kLocal;
  const std::string needed = local ? "range" : "hash";
  if (map.find(needed) == nullptr) {
    const Reader::Scope scope(reader, needed);
    reader.problem_at(map.position,
                      fmt::format("required key is missing: a {} index has a {} of its own",
                                  to_string(index.scope), needed));
  }
  const bool includes = index.projection == Projection::kInclude;
  if (includes != (map.find("include") != nullptr)) {
    const Reader::Scope scope(reader, "include");
    reader.problem_at(includes ? map.position : map.find("include")->position,
                      includes ? "required key is missing: the attributes of 'projection: include'"
                               : "only with 'projection: include'");
  }
}

Section<TableIndex> index_section() {
  std::vector<Key<TableIndex>> keys = {
      text_key<TableIndex>("name", &TableIndex::name, "index name", unchanged(check_table_name),
                           "3 to 255 letters, digits, '_', '-' and '.'."),
      choice_key("scope", &TableIndex::scope, {"global", "local"}, parse_index_scope,
                 leeward::to_string,
                 "A local one has the table's hash, and can only be made with the table."),
  };
  keys.front().required = true;
  const Section<TableKey> key{{hash_key(false), range_key()}};
  for (Key<TableIndex>& part : inlined(&TableIndex::key, key)) {
    keys.push_back(std::move(part));
  }
  keys.push_back(choice_key("projection", &TableIndex::projection, {"all", "keys-only", "include"},
                            parse_projection, leeward::to_string,
                            "Which attributes the index holds."));
  keys.push_back(texts_key<TableIndex>(
      "include", &TableIndex::include, "attribute name", kIncludeMax,
      [](Reader&) -> TextParser { return unchanged(check_attribute_name); },
      "What it holds besides the keys."));
  return {.keys = std::move(keys), .finish = finish_index};
}

void read_indexes(Reader& reader, const Node& node, const Section<TableIndex>& section,
                  TableSpec& table) {
  if (node.kind != NodeKind::kList || node.items.empty() ||
      node.items.size() > kGlobalIndexesMax + kLocalIndexesMax) {
    reader.problem(node, fmt::format("expected a list of at most {} global and {} local indexes, "
                                     "found {}",
                                     kGlobalIndexesMax, kLocalIndexesMax,
                                     node.kind == NodeKind::kList
                                         ? fmt::format("{} of them", node.items.size())
                                         : describe(node)));
    return;
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Reader::Scope scope(reader, i);
    TableIndex index;
    read_section(reader, *node.items[i], section, index);
    if (!index.name.empty() && !seen.insert(index.name).second) {
      const Reader::Scope key(reader, "name");
      reader.problem(*node.items[i]->find("name"),
                     fmt::format("index {} is already in this table", quote(index.name)));
    }
    table.indexes.push_back(std::move(index));
  }
  const auto count = [&](IndexScope scope) {
    return static_cast<std::size_t>(std::ranges::count(table.indexes, scope, &TableIndex::scope));
  };
  if (count(IndexScope::kGlobal) > kGlobalIndexesMax ||
      count(IndexScope::kLocal) > kLocalIndexesMax) {
    reader.problem(node, fmt::format("{} global and {} local indexes; DynamoDB takes {} and {}",
                                     count(IndexScope::kGlobal), count(IndexScope::kLocal),
                                     kGlobalIndexesMax, kLocalIndexesMax));
  }
}

Key<TableSpec> indexes_key() {
  Section<TableIndex> section = index_section();
  std::vector<KeyDoc> children = {{"[]", "map", "", "", describe_section(section)}};
  const auto shared = std::make_shared<const Section<TableIndex>>(std::move(section));
  return {
      .name = "indexes",
      .type = "list of maps",
      .doc = "Secondary indexes.",
      .read = [=](Reader& r, const Node& n, TableSpec& t) { read_indexes(r, n, *shared, t); },
      .write =
          [=](const TableSpec& table) {
            std::vector<Value> items;
            for (const TableIndex& index : table.indexes) {
              items.push_back(write_section(*shared, index));
            }
            return items.empty() ? Value::absent() : Value::list(std::move(items));
          },
      .default_text = "none",
      .children = std::move(children),
  };
}

Key<TableSpec> replicas_key() {
  return {
      .name = "replicas",
      .type = "list of: name of a region",
      .doc = "Where the table is; a new one is made in the first.",
      .read =
          [](Reader& reader, const Node& node, TableSpec& table) {
            read_texts(
                reader, node, "the name of a region", kReplicasMax,
                [&](const std::string& text) -> Status {
                  RETURN_IF_ERROR(check_region_known(reader, text));
                  if (std::ranges::find(table.replicas, RegionId(text)) != table.replicas.end()) {
                    return fail(ErrorCode::kAlreadyExists,
                                fmt::format("{} is already in this list", quote(text)));
                  }
                  table.replicas.emplace_back(text);
                  return {};
                });
          },
      .write =
          [](const TableSpec& table) {
            std::vector<std::string> names;
            for (const RegionId& region : table.replicas) {
              names.push_back(region.str());
            }
            return names.empty() ? Value::absent() : Value::list(names);
          },
      .default_text = "the regions of the applications that name the table",
  };
}

Key<TableSpec> units_key(std::string name, std::int64_t TableSpec::* member, std::string doc) {
  Key<TableSpec> key = integer_key(std::move(name), member, 1, kUnitsMax, std::move(doc));
  key.default_text = "5";
  key.write = [write = key.write](const TableSpec& table) {
    return table.billing == Billing::kProvisioned ? write(table) : Value::absent();
  };
  return key;
}

// An attribute has one type in all keys of a table.
void check_types(Reader& reader, const Node& map, const TableSpec& table) {
  std::map<std::string, KeyType> types;
  const auto claim = [&](const KeyAttribute& attribute) {
    const auto [first, is_new] = types.emplace(attribute.name, attribute.type);
    if (!is_new && first->second != attribute.type) {
      reader.problem_at(map.position, fmt::format("attribute {} is {} in one key and {} in another",
                                                  quote(attribute.name), to_string(first->second),
                                                  to_string(attribute.type)));
      first->second = attribute.type;
    }
  };
  const auto claim_all = [&](const TableKey& key) {
    claim(key.hash);
    if (key.range && key.range->name != key.hash.name) {
      claim(*key.range);
    }
  };
  claim_all(table.key);
  for (const TableIndex& index : table.indexes) {
    claim_all(index.key);
  }
}

// `key` is written and free of problems, but does not go with the rest.
void refuse(Reader& reader, const Node& map, const std::string& key, const std::string& why) {
  if (reader.usable(map, key)) {
    const Reader::Scope scope(reader, key);
    reader.problem(*map.find(key), why);
  }
}

void finish_local_indexes(Reader& reader, const Node& map, TableSpec& table) {
  for (std::size_t i = 0; i < table.indexes.size(); ++i) {
    TableIndex& index = table.indexes[i];
    if (index.scope != IndexScope::kLocal) {
      continue;
    }
    if (index.key.hash.name.empty()) {
      index.key.hash = table.key.hash;
    } else if (index.key.hash != table.key.hash) {
      const Reader::Scope indexes(reader, "indexes");
      const Reader::Scope scope(reader, i);
      reader.problem_at(map.find("indexes")->items[i]->position,
                        fmt::format("a local index has the table's hash, {}",
                                    quote(format_key_attribute(table.key.hash))));
    }
    if (table.consistency == TableConsistency::kStrong) {
      refuse(reader, map, "indexes", "strong consistency does without local indexes");
    }
  }
}

void finish_table(Reader& reader, const Node& map, TableSpec& table) {
  finish_local_indexes(reader, map, table);
  check_types(reader, map, table);
  if (!table.ttl_attribute.empty() &&
      (table.ttl_attribute == table.key.hash.name ||
       (table.key.range && table.ttl_attribute == table.key.range->name))) {
    refuse(reader, map, "ttl", fmt::format("{} is part of the key", quote(table.ttl_attribute)));
  }
  if (table.billing != Billing::kProvisioned) {
    refuse(reader, map, "read_units", "only with 'billing: provisioned'");
    refuse(reader, map, "write_units", "only with 'billing: provisioned'");
    table.read_units = TableSpec{}.read_units;
    table.write_units = TableSpec{}.write_units;
  }
  if (table.consistency == TableConsistency::kStrong) {
    refuse(reader, map, "ttl", "strong consistency does without TTL");
    if (table.global_tables != GlobalTables::kCurrent) {
      refuse(reader, map, "global_tables", "strong consistency needs 'current'");
    }
  } else {
    refuse(reader, map, "witness", "only with 'consistency: strong'");
  }
}

// The regions of the applications that name the table, each once, in the applications' order.
std::vector<RegionId> regions_of_users(const Config& config, const std::string& table) {
  std::vector<RegionId> regions;
  for (const Application& application : config.applications) {
    if (std::ranges::find(application.tables, table) == application.tables.end()) {
      continue;
    }
    for (const ApplicationRegion& here : application.regions) {
      if (std::ranges::find(regions, here.region) == regions.end()) {
        regions.push_back(here.region);
      }
    }
  }
  return regions;
}

}  // namespace

Status check_spec_name(std::string_view name) {
  RETURN_IF_ERROR(check_table_name(name));
  if (name.starts_with("leeward-")) {
    return fail(ErrorCode::kInvalidArgument,
                "names that begin with 'leeward-' are Leeward's own tables: choose another name");
  }
  return {};
}

Section<TableSpec> table_section() {
  Key<TableSpec> key = section_key("key", &TableSpec::key,
                                   Section<TableKey>{{hash_key(true), range_key()}, {}, check_key},
                                   "What names an item.");
  key.required = true;
  return {
      .keys =
          {
              std::move(key),
              indexes_key(),
              text_key<TableSpec>("ttl", &TableSpec::ttl_attribute, "attribute name",
                                  unchanged(check_attribute_name),
                                  "Items expire at the time that it holds, in seconds since 1970."),
              choice_key("billing", &TableSpec::billing, {"on-demand", "provisioned"},
                         parse_billing, leeward::to_string,
                         "Amazon's replicas of a provisioned table need auto scaling as well."),
              units_key("read_units", &TableSpec::read_units,
                        "Of the table and each global index, if provisioned."),
              units_key("write_units", &TableSpec::write_units,
                        "Of the table and each global index, if provisioned."),
              replicas_key(),
              choice_key("consistency", &TableSpec::consistency, {"eventual", "strong"},
                         parse_table_consistency, leeward::to_string,
                         "Between regions: last writer wins, or Amazon's multi-region strong "
                         "consistency, which takes three regions of one set, or two and a "
                         "witness."),
              text_key<TableSpec>("witness", &TableSpec::witness, "name such as eu-west-3",
                                  unchanged(check_name),
                                  "The DynamoDB region that votes and holds no items; with "
                                  "`consistency: strong` and two replicas."),
              boolean_key("deletion_protection", &TableSpec::deletion_protection,
                          "Refuse to delete the table in any region."),
              choice_key("global_tables", &TableSpec::global_tables, {"current", "legacy", "none"},
                         parse_global_tables, leeward::to_string,
                         "Which calls the endpoints have: version 2019.11.21, version 2017.11.29, "
                         "or none, and then Leeward's replicator joins the regions."),
          },
      .finish = finish_table,
  };
}

void finish_tables(Reader& reader, const Node& map, Config& config) {
  const Node* const tables = map.find("tables");
  for (TableSpec& table : config.tables) {
    const Node* const written = tables->find(table.name);
    const Reader::Scope section(reader, "tables");
    const Reader::Scope scope(reader, table.name);
    const Reader::Scope key(reader, "replicas");
    if (written->kind == NodeKind::kMap && written->find("replicas") == nullptr) {
      table.replicas = regions_of_users(config, table.name);
      if (table.replicas.empty()) {
        reader.problem_at(written->position,
                          "required key is missing: no application names this table, so where is "
                          "it?");
      }
    }
    for (const RegionId& id : table.replicas) {
      const auto region = std::ranges::find(config.regions, id, &Region::id);
      if (region != config.regions.end() && region->dynamodb_region.empty()) {
        reader.problem_at(written->position, fmt::format("region {} names no DynamoDB region: add "
                                                         "regions.{}.dynamodb.region",
                                                         quote(id.str()), id));
      }
    }
  }
}

}  // namespace leeward::config
