// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/window.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rs::correlate {
namespace {

constexpr double kForget = 0.9;       // of what is usual, a window
constexpr uint64_t kForgotten = 200;  // windows after which nothing of it is left

}  // namespace

void Window::move_to(uint64_t bucket) {
  if (!any_) {
    any_ = true;
    newest_ = bucket;
    return;
  }
  // Each bucket that leaves the younger half of the ring becomes part of what is usual.
  for (uint64_t gone = 0; newest_ < bucket; ++gone) {
    if (gone >= kForgotten * kPerWindow) {
      counts_.fill(0);
      usual_ = 0;
      newest_ = bucket;
      return;
    }
    ++newest_;
    const size_t leaving = (newest_ + kBuckets - kPerWindow) % kBuckets;
    const double per_window = static_cast<double>(counts_[leaving]) * kPerWindow;
    const double share = (1 - kForget) / kPerWindow;
    usual_ += share * (per_window - usual_);
    counts_[newest_ % kBuckets] = 0;
  }
}

bool Window::add(uint64_t time_ns, uint64_t window_ns, uint64_t count, uint32_t client, uint32_t server,
                 bool by_client) {
  const uint64_t bucket = time_ns / (window_ns / kPerWindow);
  if (!any_ || bucket > newest_) move_to(bucket);
  if (newest_ - bucket >= kBuckets) return false;
  uint32_t& at = counts_[bucket % kBuckets];
  at = static_cast<uint32_t>(std::min<uint64_t>(at + count, std::numeric_limits<uint32_t>::max()));

  Place* into = &places_[0];
  for (Place& place : places_) {
    if (place.used && (by_client ? place.client == client : place.server == server)) {
      place.bucket = std::max(place.bucket, static_cast<uint32_t>(bucket));
      return true;
    }
    if (!place.used) {
      into = &place;
      break;
    }
    if (place.bucket < into->bucket) into = &place;  // the longest ago goes
  }
  *into = {client, server, static_cast<uint32_t>(bucket), true};
  return true;
}

Window::Peak Window::peak(uint64_t time_ns, uint64_t window_ns) const {
  const uint64_t width = window_ns / kPerWindow;
  const uint64_t bucket = time_ns / width;
  Peak best;
  const uint64_t oldest = newest_ >= kBuckets - 1 ? newest_ - (kBuckets - 1) : 0;
  for (uint64_t end = bucket; end <= std::min(newest_, bucket + kPerWindow - 1); ++end) {
    uint64_t sum = 0;
    uint64_t first = end;
    const uint64_t from = std::max(oldest, end >= kPerWindow - 1 ? end - (kPerWindow - 1) : 0);
    for (uint64_t b = from; b <= end; ++b) {
      const uint32_t n = counts_[b % kBuckets];
      if (n > 0 && sum == 0) first = b;
      sum += n;
    }
    if (sum > best.endings) best = {sum, first * width, 0};
  }
  const auto now = static_cast<uint32_t>(bucket);
  for (const Place& place : places_) {
    const uint32_t apart = place.bucket > now ? place.bucket - now : now - place.bucket;
    best.places += place.used && apart < kPerWindow ? 1 : 0;
  }
  return best;
}

double log_chance(uint64_t n, double mean) {
  const auto k = static_cast<double>(n);
  if (k <= mean) return 0;
  if (mean <= 0) return -std::numeric_limits<double>::infinity();
  // P(N >= n) <= P(N = n) / (1 - mean / (n + 1))
  const double first = -mean + k * std::log(mean) - std::lgamma(k + 1);
  return std::min(0.0, first - std::log1p(-mean / (k + 1)));
}

}  // namespace rs::correlate
