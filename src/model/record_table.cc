// SPDX-License-Identifier: Apache-2.0
#include "model/record_table.h"

#include <algorithm>
#include <utility>

namespace leeward {

std::string reversed_labels(std::string_view name) {
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  std::string reversed;
  reversed.reserve(name.size() + 1);
  while (!name.empty()) {
    // A dot inside a label is written \056, so every dot separates labels.
    const std::size_t dot = name.rfind('.');
    reversed.append(name.substr(dot == std::string_view::npos ? 0 : dot + 1));
    reversed.push_back('.');
    name = name.substr(0, dot == std::string_view::npos ? 0 : dot);
  }
  return reversed;
}

RecordKey RecordKey::of(const ResourceRecordSet& set) {
  return of(set.name, set.type, set.set_identifier);
}

RecordKey RecordKey::of(std::string_view name, std::string_view type,
                        std::string_view set_identifier) {
  return {reversed_labels(name), std::string(type), std::string(set_identifier)};
}

std::size_t RecordTable::block_of(const KeyView& key) const {
  const auto after = std::ranges::upper_bound(
      blocks_, key, {}, [](const auto& block) { return block->front()->key(); });
  const auto index = static_cast<std::size_t>(after - blocks_.begin());
  return index == 0 ? 0 : index - 1;
}

// Who holds the only reference may change what it refers to: nobody can be copying it meanwhile.
RecordTable::Block& RecordTable::own(std::size_t index) {
  if (blocks_[index].use_count() != 1) {
    blocks_[index] = std::make_shared<Block>(*blocks_[index]);
  }
  return *blocks_[index];
}

const ResourceRecordSet* RecordTable::find(const RecordKey& key) const {
  if (empty()) {
    return nullptr;
  }
  const KeyView wanted = view_of(key);
  const Block& block = *blocks_[block_of(wanted)];
  const auto at = position_of(block, wanted);
  return at != block.end() && (*at)->key() == wanted ? &(*at)->set : nullptr;
}

void RecordTable::insert_or_assign(ResourceRecordSet set) {
  std::string reversed_name = reversed_labels(set.name);
  auto entry = std::make_shared<const Entry>(std::move(reversed_name), std::move(set));
  if (empty()) {
    blocks_.push_back(std::make_shared<Block>(Block{std::move(entry)}));
    size_ = 1;
    return;
  }
  const std::size_t index = block_of(entry->key());
  Block& block = own(index);
  const auto at = position_of(block, entry->key());
  if (at != block.end() && (*at)->key() == entry->key()) {
    *at = std::move(entry);
  } else {
    block.insert(at, std::move(entry));
    ++size_;
  }
  if (block.size() > kBlockMax) {
    const auto middle = block.begin() + static_cast<std::ptrdiff_t>(kBlockMax / 2);
    auto upper = std::make_shared<Block>(middle, block.end());
    block.erase(middle, block.end());
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(upper));
  }
}

bool RecordTable::erase(const RecordKey& key) {
  if (empty()) {
    return false;
  }
  const KeyView wanted = view_of(key);
  const std::size_t index = block_of(wanted);
  if (find(key) == nullptr) {
    return false;
  }
  Block& block = own(index);
  block.erase(position_of(block, wanted));
  --size_;
  if (block.empty()) {
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(index));
  }
  return true;
}

void RecordTable::visit_from(const RecordKey& from,
                             const std::function<bool(const ResourceRecordSet&)>& visit) const {
  const KeyView first = view_of(from);
  for (std::size_t i = block_of(first); i < blocks_.size(); ++i) {
    const Block& block = *blocks_[i];
    for (auto at = position_of(block, first); at != block.end(); ++at) {
      if (!visit((*at)->set)) {
        return;
      }
    }
  }
}

}  // namespace leeward
