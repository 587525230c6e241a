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

bool Window::add(uint64_t time_ns, uint64_t window_ns, uint64_t count, const Place& place) {
  const uint64_t bucket = time_ns / (window_ns / kPerWindow);
  if (!any_ || bucket > newest_) move_to(bucket);
  if (newest_ - bucket >= kBuckets) return false;
  const size_t slot = bucket % kBuckets;
  uint32_t& at = counts_[slot];
  first_ns_[slot] = at == 0 ? time_ns : std::min(first_ns_[slot], time_ns);
  last_ns_[slot] = at == 0 ? time_ns : std::max(last_ns_[slot], time_ns);
  at = static_cast<uint32_t>(std::min<uint64_t>(at + count, std::numeric_limits<uint32_t>::max()));

  const auto low = static_cast<uint32_t>(bucket);
  Place* into = &places_[0];
  for (Place& known : places_) {
    if (known.used && known.key == place.key) {
      if (static_cast<int32_t>(low - known.bucket) > 0) known.bucket = low;
      return true;
    }
    if (!known.used) {
      into = &known;
      break;
    }
    if (static_cast<int32_t>(known.bucket - into->bucket) < 0) into = &known;  // the longest ago goes
  }
  *into = place;
  into->bucket = low;
  into->used = true;
  return true;
}

Window::Peak Window::peak(uint64_t time_ns, uint64_t window_ns, uint64_t least) const {
  const uint64_t bucket = time_ns / (window_ns / kPerWindow);
  const uint64_t oldest = newest_ >= kBuckets - 1 ? newest_ - (kBuckets - 1) : 0;
  const auto first_of = [oldest](uint64_t end) {
    return std::max(oldest, end >= kPerWindow - 1 ? end - (kPerWindow - 1) : 0);
  };
  // The window that ends with the time's own bucket, then moved on a bucket at a time.
  uint64_t sum = 0, most = 0, most_end = bucket;
  for (uint64_t b = first_of(bucket); b <= bucket; ++b) sum += counts_[b % kBuckets];
  for (uint64_t end = bucket;; ++end) {
    if (sum > most) most = sum, most_end = end;
    if (end >= std::min(newest_, bucket + kPerWindow - 1)) break;
    if (first_of(end + 1) > first_of(end)) sum -= counts_[first_of(end) % kBuckets];
    sum += counts_[(end + 1) % kBuckets];
  }
  Peak best;
  if (most < least || most == 0) return best;
  best.endings = most;
  for (uint64_t b = first_of(most_end); b <= most_end; ++b) {
    const size_t slot = b % kBuckets;
    if (counts_[slot] == 0) continue;
    if (best.since_ns == 0) best.since_ns = first_ns_[slot];
    best.until_ns = last_ns_[slot];
  }
  places(time_ns, window_ns, [&](const Place&) { ++best.places; });
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
