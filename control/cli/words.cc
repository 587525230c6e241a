// SPDX-License-Identifier: Apache-2.0
#include "control/cli/words.h"

#include <algorithm>
#include <numeric>

namespace rs::cli {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string> words_of(const google::protobuf::EnumDescriptor& enumeration) {
  std::string prefix;  // "CloudflareStage" -> "CLOUDFLARE_STAGE_"
  for (const char c : enumeration.name()) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !prefix.empty()) prefix += '_';
    prefix += upper ? c : static_cast<char>(c - 'a' + 'A');
  }
  prefix += '_';
  const bool keep_case = &enumeration == v1::ZeekState_descriptor() || &enumeration == v1::LinuxReason_descriptor();
  std::vector<std::string> words(static_cast<size_t>(enumeration.value_count()));
  for (int i = 0; i < enumeration.value_count(); ++i) {
    const auto& value = *enumeration.value(i);
    std::string text = value.name();
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
    if (!keep_case || text == "NONE")
      std::ranges::transform(text, text.begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (const auto at = static_cast<size_t>(value.number()); at < words.size()) words[at] = text;
  }
  return words;
}

std::string nearest(std::string_view text, const std::vector<std::string>& known) {
  std::string best;
  size_t least = text.size() / 3 + 2;
  for (const std::string& candidate : known) {
    const size_t distance = edit_distance(text, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace rs::cli
