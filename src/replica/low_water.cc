// SPDX-License-Identifier: Apache-2.0
#include "replica/low_water.h"

#include <utility>

#include "base/check.h"

namespace leeward::replica {

LowWater::Page LowWater::open(std::string sequence, std::size_t outstanding) {
  const Page page = first_ + pages_.size();
  pages_.push_back({std::move(sequence), outstanding});
  outstanding_ += outstanding;
  advance();
  return page;
}

void LowWater::done(Page page) {
  LEEWARD_CHECK(page >= first_ && page - first_ < pages_.size(), "the page is open");
  Entry& entry = pages_[static_cast<std::size_t>(page - first_)];
  LEEWARD_CHECK(entry.outstanding > 0, "the page has something outstanding");
  --entry.outstanding;
  --outstanding_;
  advance();
}

void LowWater::advance() {
  while (!pages_.empty() && pages_.front().outstanding == 0) {
    if (!pages_.front().sequence.empty()) {
      mark_ = std::move(pages_.front().sequence);
    }
    pages_.pop_front();
    ++first_;
  }
}

}  // namespace leeward::replica
