// SPDX-License-Identifier: Apache-2.0
//
// WatchResets: from a cursor on, for as long as the client stays. Each watch has its own thread (gRPC's), its own
// place in the order of arrival and no queue: a client that reads slowly falls behind in the store, and is moved on
// and told how much it lost when it falls behind too far.
#include <algorithm>
#include <chrono>

#include "control/query/calls.h"
#include "control/query/feed.h"
#include "control/query/present.h"

namespace rs::query {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kMostWatchers = 256;  // each holds a thread
constexpr size_t kMostLast = 10'000;
constexpr size_t kChunk = 512;                // events read at once
constexpr uint64_t kFurthestBehind = 65'536;  // events: a minute of a busy network
constexpr auto kHeartbeat = std::chrono::seconds(5);
constexpr auto kCancelCheck = std::chrono::milliseconds(250);

class Watch {
 public:
  Watch(const Parts& parts, grpc::ServerContext& context, const model::Filter& filter,
        grpc::ServerWriter<v1::WatchResetsResponse>& out)
      : parts_(parts), context_(context), filter_(filter), out_(out) {}

  grpc::Status run(uint64_t resume_cursor, size_t last) {
    const uint64_t newest = parts_.feed.newest();
    if (resume_cursor > newest)
      return {grpc::StatusCode::OUT_OF_RANGE, "resume_cursor " + std::to_string(resume_cursor) +
                                                  " is beyond the newest event, " + std::to_string(newest) +
                                                  ": it comes from another store; start without it"};
    cursor_ = resume_cursor == 0 ? newest : resume_cursor;
    behind_allowed_until_ = newest;
    out_.SendInitialMetadata();  // tells the client that nothing is missed from here on
    if (auto sent = send_last(last); !sent) return status_of(sent.error(), context_);
    auto quiet_since = Clock::now();
    while (alive_ && !context_.IsCancelled()) {
      if (parts_.feed.stopping())
        return {grpc::StatusCode::UNAVAILABLE,
                "the control plane is shutting down; resume after cursor " + std::to_string(cursor_)};
      const uint64_t sent_before = sent_;
      if (auto moved = move_on(); !moved) return status_of(moved.error(), context_);
      const auto now = Clock::now();
      if (sent_ != sent_before) quiet_since = now;
      if (now - quiet_since >= kHeartbeat) {
        v1::WatchResetsResponse heartbeat;
        heartbeat.set_heartbeat_cursor(cursor_);
        alive_ = out_.Write(heartbeat);
        quiet_since = now;
      }
      parts_.feed.wait(cursor_, std::min(now + kCancelCheck, quiet_since + kHeartbeat));
    }
    return {grpc::StatusCode::CANCELLED, "the client left"};
  }

 private:
  void send(const model::Event& event) {
    v1::WatchResetsResponse response;
    present(parts_, event, Detail::kFull, *response.mutable_event());
    alive_ = alive_ && out_.Write(response);
    ++sent_;
  }

  Result<void> send_last(size_t last) {
    if (last == 0) return {};
    std::vector<model::Event> events;
    store::ListQuery query;
    query.filter = filter_;
    query.newest_first = true;
    query.limit = last;
    const auto listed = parts_.store.list(query, patience(), [&](const model::Event& event) {
      if (event.cursor <= cursor_) events.push_back(event);  // later ones come as news
      return true;
    });
    if (!listed) return listed;
    for (auto event = events.rbegin(); event != events.rend(); ++event) send(*event);
    return {};
  }

  // A watch has no deadline, its single reads have.
  [[nodiscard]] store::Patience patience() const {
    return {Clock::now() + kLongestCall, [this] { return context_.IsCancelled() || parts_.feed.stopping(); }};
  }

  Result<void> skip_what_is_lost() {
    const uint64_t newest = parts_.feed.newest();
    if (cursor_ < behind_allowed_until_ || newest - cursor_ <= kFurthestBehind) return {};
    const uint64_t to = newest - kChunk;
    const auto lost = parts_.store.count_between(cursor_, to, filter_, patience());
    if (!lost) return lost.error();
    cursor_ = to;
    if (*lost == 0) return {};
    v1::WatchResetsResponse response;
    response.set_lost_events(*lost);
    alive_ = out_.Write(response);
    ++sent_;
    return {};
  }

  // Sends what matches after cursor_, up to the newest event at this moment.
  Result<void> move_on() {
    if (auto skipped = skip_what_is_lost(); !skipped) return skipped;
    const uint64_t newest = parts_.feed.newest();
    while (alive_ && cursor_ < newest && !parts_.feed.stopping()) {
      if (parts_.feed.read(cursor_, kChunk, chunk_)) {
        if (chunk_.empty()) break;
        const uint64_t end = chunk_.back()->cursor;
        std::erase_if(chunk_, [this](const auto& event) { return !model::matches(filter_, *event); });
        for (const auto& event : chunk_) send(*event);
        cursor_ = end;
      } else {
        // The events are copied first: a slow client must not hold a read transaction open.
        std::vector<model::Event> events;
        const auto listed =
            parts_.store.list_after(cursor_, filter_, kChunk, patience(), [&](const model::Event& event) {
              if (event.cursor > newest) return false;  // not durable yet: they come as news
              events.push_back(event);
              return true;
            });
        if (!listed) return listed;
        for (const model::Event& event : events) send(event);
        cursor_ = events.size() == kChunk ? events.back().cursor
                                          : std::max(newest, events.empty() ? 0 : events.back().cursor);
      }
      if (auto skipped = skip_what_is_lost(); !skipped) return skipped;
    }
    return {};
  }

  const Parts& parts_;
  grpc::ServerContext& context_;
  const model::Filter& filter_;
  grpc::ServerWriter<v1::WatchResetsResponse>& out_;
  Feed::Events chunk_;
  uint64_t cursor_ = 0;
  uint64_t behind_allowed_until_ = 0;  // what a resumed watch asked for is not "too far behind"
  uint64_t sent_ = 0;
  bool alive_ = true;
};

}  // namespace

grpc::Status watch_resets(const Parts& parts, grpc::ServerContext& context, const v1::WatchResetsRequest& in,
                          grpc::ServerWriter<v1::WatchResetsResponse>& out) {
  const auto filter = wanted(parts, in.filter(), in.include_benign());
  if (!filter) return status_of(filter.error(), context);
  const auto last = limit_of(in.last(), 0, kMostLast, "last");
  if (!last) return status_of(last.error(), context);
  if (in.resume_cursor() != 0 && *last != 0)
    return {grpc::StatusCode::INVALID_ARGUMENT, "give resume_cursor or last, not both"};
  const Feed::Watcher watcher(parts.feed);
  if (parts.feed.watchers() > kMostWatchers)
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "more than " + std::to_string(kMostWatchers) + " watches at once"};
  return Watch(parts, context, filter->applied, out).run(in.resume_cursor(), *last);
}

}  // namespace rs::query
