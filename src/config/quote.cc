// SPDX-License-Identifier: Apache-2.0
#include "config/quote.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <numeric>
#include <span>

#include <fmt/format.h>

namespace leeward::config {
namespace {

constexpr std::size_t kShownBytesMax = 60;
constexpr std::size_t kCandidatesMax = 200;  // a hint is not worth more

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Optimal string alignment: Levenshtein's distance with swapped neighbours as one edit, ignoring
// case. Callers bound the lengths.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string quote(std::string_view text) {
  std::string shown = "'";
  // Not in the middle of a UTF-8 sequence.
  std::size_t end = std::min(text.size(), kShownBytesMax);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  shown += end < text.size() ? "...'" : "'";
  return shown;
}

std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates) {
  if (text.size() > kShownBytesMax) {
    return "";
  }
  const std::string* best = nullptr;
  std::size_t best_distance = 0;
  const std::size_t considered = std::min(candidates.size(), kCandidatesMax);
  for (const std::string& candidate : std::span(candidates).first(considered)) {
    if (candidate.size() > kShownBytesMax) {
      continue;
    }
    const std::size_t far = distance(text, candidate);
    if (best == nullptr || far < best_distance) {
      best = &candidate;
      best_distance = far;
    }
  }
  if (best == nullptr || best_distance > 1 + best->size() / 4) {
    return "";
  }
  return fmt::format(" (did you mean {}?)", quote(*best));
}

}  // namespace leeward::config
