// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/live.h"

#include <algorithm>

namespace rs::worker {

LiveSettings::LiveSettings(const Live& first, uint32_t workers) : epochs_(workers) { publish(first); }

LiveReader LiveSettings::reader(uint32_t worker) {
  LiveReader reader;
  reader.from_ = &current_;
  reader.epoch_ = &epochs_[worker].seen;
  return reader;
}

uint64_t LiveSettings::publish(const Live& settings) {
  auto next = std::make_unique<Live>(settings);
  next->version = snapshots_.empty() ? 1 : snapshots_.back()->version + 1;
  snapshots_.push_back(std::move(next));
  current_.store(snapshots_.back().get(), std::memory_order_release);
  free_unused();
  return snapshots_.back()->version;
}

bool LiveSettings::applied(uint64_t version) const {
  return std::ranges::all_of(epochs_,
                             [&](const Epoch& e) { return e.seen.load(std::memory_order_acquire) >= version; });
}

// A worker that has said n holds nothing older than n: it read the pointer to n after any older one.
void LiveSettings::free_unused() {
  while (snapshots_.size() > 1 && applied(snapshots_[1]->version)) snapshots_.pop_front();
}

}  // namespace rs::worker
