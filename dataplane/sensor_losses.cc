// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_losses.h"

#include <utility>

namespace rs {

using event::LossSecond;

void Losses::sample(TimeNs now, const LossSecond& sum) {
  const uint64_t second = now / kSecond;
  if (second != second_.second) {
    close_second();
    second_ = LossSecond{};
    second_.second = second;
  }
  const auto add = [&](uint64_t LossSecond::*field) {
    const uint64_t more = sum.*field - sum_.*field;
    second_.*field += more;
    return more;
  };
  const uint64_t dropped = add(&LossSecond::missed_pkts) + add(&LossSecond::handover_dropped_pkts);
  add(&LossSecond::table_full_pkts);
  add(&LossSecond::evicted_flows);
  add(&LossSecond::ring_dropped_events);
  sum_ = sum;
  if (dropped != 0) blind_.add(before_ == 0 ? now : before_, now);
  before_ = now;
}

void Losses::close_second() {
  const bool blind = second_.missed_pkts != 0 || second_.handover_dropped_pkts != 0 || second_.table_full_pkts != 0;
  if (blind) blind_seconds_.fetch_add(1, std::memory_order_relaxed);
  if (!blind && second_.evicted_flows == 0 && second_.ring_dropped_events == 0) return;
  const std::lock_guard lock(mutex_);
  if (kept_.size() == kKept) kept_.erase(kept_.begin());
  kept_.push_back(second_);
}

std::vector<LossSecond> Losses::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(kept_, {});
}

}  // namespace rs
