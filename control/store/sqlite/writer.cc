// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/writer.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <utility>

#include "control/store/sqlite/schema.h"

namespace rs::store::sqlite {
namespace {

// One commit holds at most so much: bounds its latency (about a quarter of a second) and what a failure repeats.
constexpr size_t kMaxGroupBatches = 256;
constexpr size_t kMaxGroupEvents = 50'000;

// While the disk is busy with the commit before, so much is waited for, so long at most: sums are written anew in each
// commit, so that many small ones cost more than they gain.
constexpr size_t kRowsWorthACommit = 16'384;
constexpr auto kGather = std::chrono::milliseconds(20);

constexpr auto kRetryEvery = std::chrono::seconds(1);
constexpr auto kRetentionEvery = std::chrono::seconds(1);

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

size_t rows_of(const model::Batch& batch) { return batch.events.size() + batch.services.size(); }

// The batch itself is at fault, not the disk: it would fail for ever.
bool is_fault_of_batch(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<void> Writer::prepare(Connection& db, Options options) {
  db_ = &db;
  options_ = std::move(options);
  if (auto ready = transaction_.prepare(db, options_.transaction); !ready) return ready;
  if (auto ready = retention_.prepare(db, options_.limits, transaction_.columns()); !ready) return ready;
  newest_cursor_ = transaction_.newest_cursor();
  return {};
}

Result<void> Writer::start() {
  if (options_.shared == nullptr) {
    if (auto started = checkpointer_.start(options_.path, *db_); !started) return started;
    const auto note = [this](const std::string& text) { note_trouble(Work::kSync, text); };
    if (auto started = syncer_.start(options_.path, note); !started) return started;
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

void Writer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  checkpointer_.stop();
  syncer_.stop();
}

void Writer::write(model::Batch batch, Done done) {
  Job job;
  job.batch = std::move(batch);
  job.done = std::move(done);
  enqueue(std::move(job));
}

void Writer::save(model::Findings findings, Done done) {
  Job job;
  job.findings = std::move(findings);
  job.done = std::move(done);
  enqueue(std::move(job));
}

void Writer::enqueue(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      queued_rows_ += rows_of(job.batch);
      queue_.push_back(std::move(job));
      wake_.notify_one();
      return;
    }
  }
  job.done({Outcome::kAborted, 0, 0, "the control plane is shutting down"});
}

void Writer::listen(CommitListener* listener) {
  // Held by announce() while it calls: after this returns the old listener is not called any more.
  const std::lock_guard lock(mutex_);
  listener_ = listener;
}

void Writer::observe(BatchObserver* observer) {
  const std::lock_guard lock(mutex_);  // as for listen()
  observer_ = observer;
}

std::string Writer::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_[0].empty() ? trouble_[1] : trouble_[0];
}

bool Writer::take_group(Group& group) {
  std::unique_lock lock(mutex_);
  const auto due = [this] { return stopping_ || !queue_.empty(); };
  if (retention_due_)
    wake_.wait_for(lock, std::chrono::seconds(0), due);
  else
    wake_.wait_for(lock, kRetentionEvery, due);
  const auto gathered_until = std::chrono::steady_clock::now() + kGather;
  while (!queue_.empty() && !stopping_ && syncer_.busy() && queued_rows_ < kRowsWorthACommit &&
         std::chrono::steady_clock::now() < gathered_until)
    wake_.wait_for(lock, std::chrono::milliseconds(1));
  size_t events = 0;
  while (!queue_.empty() && group.size() < kMaxGroupBatches &&
         (group.empty() || events + queue_.front().batch.events.size() <= kMaxGroupEvents)) {
    events += queue_.front().batch.events.size();
    queued_rows_ -= rows_of(queue_.front().batch);
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return !group.empty() || !stopping_;
}

void Writer::run() {
  auto retention_checked = std::chrono::steady_clock::time_point{};
  Group group;
  while (take_group(group)) {
    if (!group.empty()) store(group);
    group.clear();
    const auto now = std::chrono::steady_clock::now();
    if (retention_due_ || now - retention_checked >= kRetentionEvery) {
      forget_old();
      retention_checked = now;
    }
  }
}

void Writer::forget_old() {
  auto lock = options_.shared != nullptr ? std::unique_lock(*options_.shared) : std::unique_lock<std::mutex>();
  const auto more = retention_.step(now_ns());
  retention_due_ = more && *more;
  if (!more) spdlog::error("store: {}: old data cannot be removed: {}", options_.path, more.error().text);
}

int Writer::try_group(Group& group) {
  auto lock = options_.shared != nullptr ? std::unique_lock(*options_.shared) : std::unique_lock<std::mutex>();
  int code = transaction_.begin();
  for (Job& job : group) {
    if (code != SQLITE_OK) break;
    job.written = {};
    if (job.findings) {
      code = transaction_.save(*job.findings);
      job.written.outcome = Outcome::kStored;
      continue;
    }
    code = transaction_.apply(job.batch, job.written);
    job.fresh = transaction_.fresh();
    job.sightings = transaction_.sightings();
  }
  if (code == SQLITE_OK) code = transaction_.commit();
  if (code != SQLITE_OK) {
    const Error error = error_of(db_->handle(), "cannot write to " + options_.path);
    transaction_.roll_back();
    if (!is_fault_of_batch(code))
      note_trouble(Work::kWrite, error.text + (error.code == Code::kCorrupt ? damage_advice(options_.path) : ""));
    else if (group.size() == 1)
      group.front().written = {Outcome::kRefused, 0, 0, error.text};
  }
  return code;
}

void Writer::store(Group& group) {
  for (;;) {
    const int code = try_group(group);
    if (code == SQLITE_OK) {
      note_trouble(Work::kWrite, {});
      hand_on(std::move(group));
      return;
    }
    if (is_fault_of_batch(code)) {
      if (group.size() == 1) {
        spdlog::error("store: batch {} of sensor {} refused: {}", group.front().batch.sequence,
                      group.front().batch.sensor, group.front().written.text);
        hand_on(std::move(group));  // its answer comes in turn
        return;
      }
      for (Job& job : group) {  // find the one at fault, keep the others
        Group alone;
        alone.push_back(std::move(job));
        store(alone);
      }
      return;
    }
    if (!wait_to_retry()) {
      const Written aborted{Outcome::kAborted, 0, 0,
                            "the control plane is shutting down and could not store this batch: " + trouble()};
      for (Job& job : group) job.done(aborted);
      return;
    }
  }
}

void Writer::hand_on(Group group) {
  const uint64_t newest = transaction_.newest_cursor();
  if (options_.shared != nullptr) return announce(group, newest);
  syncer_.push([this, newest, committed = std::make_shared<Group>(std::move(group))](bool durable) {
    if (durable) return announce(*committed, newest);
    const Written aborted{Outcome::kAborted, 0, 0, "the control plane is shutting down and could not sync this batch"};
    for (Job& job : *committed) job.done(aborted);
  });
}

void Writer::announce(Group& group, uint64_t newest_cursor) {
  newest_cursor_.store(newest_cursor, std::memory_order_release);
  // Before the answers: who waits for one finds its events on their way to correlation.
  if (const std::lock_guard lock(mutex_); observer_ != nullptr)
    for (const Job& job : group)
      if (!job.findings && job.written.outcome == Outcome::kStored)
        observer_.load()->stored(job.batch, job.fresh, job.sightings);
  // Listeners first: who learns from an acknowledgement that an event is stored may start a watch, and must not be
  // shown it as news.
  tell_listener(group);
  for (Job& job : group) job.done(job.written);
}

void Writer::tell_listener(Group& group) {
  const std::lock_guard lock(mutex_);
  CommitListener* listener = listener_;
  if (listener == nullptr) return;
  std::vector<model::Event> fresh;
  if (listener->wants_events()) {
    for (Job& job : group) {
      if (job.written.outcome != Outcome::kStored) continue;
      for (const uint32_t i : job.fresh) {
        job.batch.events[i].sensor = job.batch.sensor;
        fresh.push_back(std::move(job.batch.events[i]));
      }
    }
  }
  listener->committed(std::move(fresh), newest_cursor());
}

bool Writer::wait_to_retry() {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, kRetryEvery, [this] { return stopping_; });
}

void Writer::note_trouble(Work work, const std::string& text) {
  {
    const std::lock_guard lock(mutex_);
    std::string& known = trouble_[static_cast<size_t>(work)];
    if (known == text) return;
    known = text;
  }
  if (text.empty())
    spdlog::info("store: writing to {} works again", options_.path);
  else
    spdlog::error(
        "store: {}; nothing is acknowledged until this is mended, sensors keep their batches; trying again every "
        "second",
        text);
}

}  // namespace rs::store::sqlite
