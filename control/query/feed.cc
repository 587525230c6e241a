// SPDX-License-Identifier: Apache-2.0
#include "control/query/feed.h"

#include <algorithm>
#include <iterator>

namespace rs::query {

Feed::Feed(store::Store& store) : store_(store), floor_(store.newest_cursor()), newest_(floor_) { store_.listen(this); }

Feed::~Feed() { store_.listen(nullptr); }

void Feed::committed(std::vector<model::Event> fresh, uint64_t newest_cursor) {
  std::vector<std::shared_ptr<const model::Event>> shared;
  shared.reserve(fresh.size());
  for (model::Event& event : fresh) shared.push_back(std::make_shared<const model::Event>(std::move(event)));
  {
    const std::lock_guard lock(mutex_);
    if (shared.empty() && newest_cursor > newest_) {  // nobody watched when these came
      ring_.clear();
      floor_ = newest_cursor;
    }
    ring_.insert(ring_.end(), std::make_move_iterator(shared.begin()), std::make_move_iterator(shared.end()));
    while (ring_.size() > kRingEvents) {
      floor_ = ring_.front()->cursor;
      ring_.pop_front();
    }
    newest_ = newest_cursor;
  }
  news_.notify_all();
}

uint64_t Feed::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

bool Feed::read(uint64_t after, size_t max, Events& events) const {
  events.clear();
  const std::lock_guard lock(mutex_);
  if (after < floor_) return false;
  auto next = std::ranges::upper_bound(ring_, after, {}, [](const auto& event) { return event->cursor; });
  for (; next != ring_.end() && events.size() < max; ++next) events.push_back(*next);
  return true;
}

void Feed::wait(uint64_t after, std::chrono::steady_clock::time_point until) const {
  std::unique_lock lock(mutex_);
  news_.wait_until(lock, until, [&] { return newest_ > after || stopping(); });
}

void Feed::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  news_.notify_all();
}

}  // namespace rs::query
