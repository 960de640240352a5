// SPDX-License-Identifier: Apache-2.0
//
// Which item is due next: a binary heap whose items know their place, so that a wake-up can be
// moved in O(log n) without leaving a stale entry behind. One heap and one timer serve all checks
// of a thread.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/time.h"

namespace leeward::probe {

// Item has `MonoTime wake` and `std::size_t heap_index`, written by the heap alone.
template <typename Item>
class WakeupHeap {
 public:
  static constexpr std::size_t kAbsent = static_cast<std::size_t>(-1);

  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  // REQUIRES: !empty()
  [[nodiscard]] Item& top() const { return *items_.front(); }

  // Adds the item, or moves it to another time.
  void set(Item& item, MonoTime wake) {
    item.wake = wake;
    if (item.heap_index == kAbsent) {
      item.heap_index = items_.size();
      items_.push_back(&item);
    }
    sift_up(item.heap_index);
    sift_down(item.heap_index);
  }

  void remove(Item& item) {
    if (item.heap_index == kAbsent) {
      return;
    }
    const std::size_t hole = item.heap_index;
    place(hole, *items_.back());
    items_.pop_back();
    item.heap_index = kAbsent;
    if (hole < items_.size()) {
      Item& moved = *items_[hole];
      sift_up(moved.heap_index);
      sift_down(moved.heap_index);
    }
  }

 private:
  void place(std::size_t index, Item& item) {
    items_[index] = &item;
    item.heap_index = index;
  }

  void sift_up(std::size_t index) {
    Item& item = *items_[index];
    while (index > 0) {
      Item& parent = *items_[(index - 1) / 2];
      if (parent.wake <= item.wake) {
        break;
      }
      const std::size_t up = (index - 1) / 2;
      place(index, parent);
      index = up;
    }
    place(index, item);
  }

  void sift_down(std::size_t index) {
    Item& item = *items_[index];
    for (;;) {
      std::size_t child = 2 * index + 1;
      if (child >= items_.size()) {
        break;
      }
      if (child + 1 < items_.size() && items_[child + 1]->wake < items_[child]->wake) {
        ++child;
      }
      if (item.wake <= items_[child]->wake) {
        break;
      }
      place(index, *items_[child]);
      index = child;
    }
    place(index, item);
  }

  std::vector<Item*> items_;
};

}  // namespace leeward::probe
