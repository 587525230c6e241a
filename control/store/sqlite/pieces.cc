// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/pieces.h"

namespace rs::store::sqlite {
namespace {

void cut(uint64_t since_ns, uint64_t until_ns, int tier, uint64_t step_ns, std::vector<Piece>& pieces) {
  if (since_ns >= until_ns) return;
  if (tier < 0) {
    pieces.push_back({since_ns, until_ns, nullptr});
    return;
  }
  const Tier& one = kTiers[static_cast<size_t>(tier)];
  const uint64_t width = one.seconds * kNsPerS;
  const uint64_t first = (since_ns + width - 1) / width * width;
  const uint64_t last = until_ns / width * width;
  if (first >= last || (step_ns > 0 && step_ns % width != 0)) return cut(since_ns, until_ns, tier - 1, step_ns, pieces);
  cut(since_ns, first, tier - 1, step_ns, pieces);
  pieces.push_back({first, last, &one});
  cut(last, until_ns, tier - 1, step_ns, pieces);
}

}  // namespace

std::vector<Piece> pieces_of(const TimeRange& range, bool rollups, uint64_t step_ns) {
  std::vector<Piece> pieces;
  cut(range.since_ns, range.until_ns, rollups ? static_cast<int>(kTiers.size()) - 1 : -1, step_ns, pieces);
  return pieces;
}

}  // namespace rs::store::sqlite
