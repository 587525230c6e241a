// SPDX-License-Identifier: Apache-2.0
#include "control/query/near.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace rs::query {
namespace {

constexpr size_t kLongestWord = 64;  // longer ones are near nothing

// Levenshtein's edit distance; a prefix of a name counts as near.
size_t distance(std::string_view a, std::string_view b) {
  if (a.size() >= 3 && b.starts_with(a)) return 1;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string joined(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  std::vector<std::pair<size_t, std::string_view>> near;
  if (word.size() <= kLongestWord)
    for (const std::string_view name : names) {
      const size_t d = distance(word, name);
      if (d <= 1 + word.size() / 4) near.emplace_back(d, name);
    }
  if (near.empty()) return "known are: " + joined(names);
  std::ranges::stable_sort(near, {}, &std::pair<size_t, std::string_view>::first);
  std::string text = "did you mean ";
  for (size_t i = 0; i < near.size() && i < 3; ++i) text += (i == 0 ? "" : " or ") + std::string(near[i].second);
  return text + "?";
}

}  // namespace rs::query
