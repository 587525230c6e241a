// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/file_source.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rs::capture {
namespace {

constexpr size_t kStreamBufferBytes = 1 << 20;  // our choice: a pipe holds 64 KiB; grows for larger blocks only
constexpr int kStreamWaitMs = 100;              // how long a silent stream holds up the worker loop
constexpr size_t kGiveBackBytes = 64 << 20;     // our choice: so much read, a call to give it back costs nothing
constexpr uint64_t kPaceStepNs = 10 * kMs;      // longest sleep when pacing, so that stop() and `now` keep moving

uint64_t monotonic_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * kSecond + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace

FileSource::Input::Input(const CaptureFile& f, uint32_t number) : records(f), fd(f.fd()), index(number) {
  const size_t at = records.offset_bytes();
  if (f.stream()) {
    buffer.resize(kStreamBufferBytes);
    const Bytes start = f.bytes();
    std::memcpy(buffer.data(), start.data(), start.size());
    window.rest = Bytes(buffer.data(), start.size()).sub(at);
  } else {
    window = {f.bytes().sub(at), true};
  }
}

FileSource::FileSource(CaptureFiles files, double speed) : files_(std::move(files)), speed_(speed) {
  inputs_.reserve(files_.size());  // inputs point into themselves and are pointed at: they never move
  bool known = true;
  for (const auto& file : files_) {
    inputs_.emplace_back(*file, static_cast<uint32_t>(inputs_.size()));
    total_bytes_ += file->size_bytes();
    known = known && !file->stream();
  }
  if (!known) total_bytes_ = 0;
  heap_.reserve(inputs_.size());
  waiting_.reserve(inputs_.size());
  for (Input& input : inputs_) waiting_.push_back(&input);
}

bool FileSource::receive(Burst& burst) noexcept {
  burst.count = 0;
  give_back();
  if (!ended_ && !stop_.load(std::memory_order_relaxed)) {
    if (inputs_.size() == 1 && speed_ <= 0) {
      read_single(burst);
    } else {
      read_merged(burst);
    }
    account(burst);
  } else {
    ended_ = true;
  }
  burst.now = now_;
  return burst.count != 0 || !ended_;
}

void FileSource::read_single(Burst& burst) noexcept {
  Input& input = inputs_[0];
  const uint64_t from = input.records.offset_bytes();
  while (burst.count < kBurst) {
    const Got got = input.records.next(input.window, burst.frames[burst.count]);
    if (got == Got::kFrame) {
      ++burst.count;
    } else if (got == Got::kEnd) {
      ended_ = true;
      collect_warnings(input);
      break;
    } else if (burst.count != 0 || !refill(input)) {
      break;  // refilling moves the bytes that frames of this burst point at
    }
  }
  read_bytes_.add(input.records.offset_bytes() - from);
}

void FileSource::read_merged(Burst& burst) noexcept {
  while (burst.count < kBurst) {
    if (!fetch_heads(burst.count == 0)) return;
    if (heap_.empty()) {
      ended_ = true;
      return;
    }
    // The oldest head's file is drained while it stays the oldest: rotated files cost one heap step each.
    std::pop_heap(heap_.begin(), heap_.end(), Later{});
    Input* const oldest = heap_.back();
    heap_.pop_back();
    for (;;) {
      if (burst.count == kBurst || (speed_ > 0 && !due(oldest->head.time, burst.count == 0))) {
        heap_.push_back(oldest);
        std::push_heap(heap_.begin(), heap_.end(), Later{});
        return;
      }
      burst.frames[burst.count++] = oldest->head;
      const Got got = take(*oldest, oldest->head);
      if (got == Got::kMore) waiting_.push_back(oldest);
      if (got != Got::kFrame) break;
      if (!heap_.empty() && Later{}(oldest, heap_.front())) {
        heap_.push_back(oldest);
        std::push_heap(heap_.begin(), heap_.end(), Later{});
        break;
      }
    }
  }
}

// True when every input that has not ended has a head.
bool FileSource::fetch_heads(bool may_refill) noexcept {
  while (!waiting_.empty()) {
    Input* const input = waiting_.back();
    const Got got = take(*input, input->head);
    if (got == Got::kMore) {
      // This input's frames are all released and it holds no head, so its buffer may move.
      if (!may_refill || !refill(*input)) return false;
      continue;
    }
    waiting_.pop_back();
    if (got == Got::kFrame) {
      if (input->first == 0) input->first = input->head.time;
      heap_.push_back(input);
      std::push_heap(heap_.begin(), heap_.end(), Later{});
    }
  }
  return true;
}

Got FileSource::take(Input& input, Frame& frame) noexcept {
  const uint64_t from = input.records.offset_bytes();
  const Got got = input.records.next(input.window, frame);
  read_bytes_.add(input.records.offset_bytes() - from);
  if (got == Got::kEnd) collect_warnings(input);
  return got;
}

// Slides a stream's buffer and reads on. False when nothing came within kStreamWaitMs.
bool FileSource::refill(Input& input) noexcept {
  const size_t left = input.window.rest.size();
  if (left != 0) std::memmove(input.buffer.data(), input.window.rest.data(), left);
  if (left == input.buffer.size()) input.buffer.resize(2 * left);  // a record is at most kMaxBlockBytes
  input.window.rest = Bytes(input.buffer.data(), left);

  pollfd waiting{input.fd, POLLIN, 0};
  if (::poll(&waiting, 1, kStreamWaitMs) <= 0) return false;
  const ssize_t n = ::read(input.fd, input.buffer.data() + left, input.buffer.size() - left);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (n <= 0) {
    input.window.last = true;
    if (n < 0) {
      const std::lock_guard lock(warnings_mutex_);
      warnings_.push_back(files_[input.index]->name() + ": reading failed, taken as its end: " + std::strerror(errno));
      bad_.add(1);
    }
  } else {
    input.window.rest = Bytes(input.buffer.data(), left + static_cast<size_t>(n));
  }
  return true;
}

// What was read of mapped files does not stay in memory: a capture may be larger than that. No frame of an earlier
// burst is in use here, and a head that is, or another worker's frame, comes back from the page cache.
void FileSource::give_back() noexcept {
  for (Input& input : inputs_) {
    const size_t at = input.records.offset_bytes();
    if (at - input.given_back < kGiveBackBytes) continue;
    files_[input.index]->give_back(input.given_back, at);
    input.given_back = at;
  }
}

// Pacing: whether a packet of this time may go out now. When not, moves `now` on and sleeps a little if it may.
bool FileSource::due(TimeNs time, bool may_sleep) noexcept {
  if (clock_from_ns_ == 0) {
    clock_from_ns_ = monotonic_ns();
    paced_from_ = now_ = time;
  }
  const auto passed = static_cast<TimeNs>(static_cast<double>(monotonic_ns() - clock_from_ns_) * speed_);
  const TimeNs reached = paced_from_ + passed;
  if (time <= reached) return true;
  if (may_sleep) {
    now_ = reached;
    const auto wait = static_cast<uint64_t>(static_cast<double>(time - reached) / speed_);
    const timespec nap{0, static_cast<long>(std::min(wait, kPaceStepNs))};
    ::nanosleep(&nap, nullptr);
  }
  return false;
}

void FileSource::account(const Burst& burst) noexcept {
  if (burst.count == 0) return;
  uint64_t bytes = 0;
  uint64_t cut = 0;
  for (uint32_t i = 0; i < burst.count; ++i) {
    bytes += burst.frames[i].wire_bytes;
    cut += burst.frames[i].captured_bytes < burst.frames[i].wire_bytes ? 1 : 0;
  }
  rx_pkts_.add(burst.count);
  rx_bytes_.add(bytes);
  if (cut != 0) truncated_.add(cut);
  now_ = burst.frames[burst.count - 1].time;
}

void FileSource::collect_warnings(const Input& input) noexcept {
  bad_.add(input.records.bad_records());
  const std::lock_guard lock(warnings_mutex_);
  warnings_.insert(warnings_.end(), input.records.warnings().begin(), input.records.warnings().end());
}

SourceCounts FileSource::counts() const {
  SourceCounts counts;
  counts.rx_pkts = rx_pkts_.get();
  counts.rx_bytes = rx_bytes_.get();
  counts.truncated_pkts = truncated_.get();
  counts.bad_records = bad_.get();
  return counts;
}

FileSource::Progress FileSource::progress() const { return {read_bytes_.get(), total_bytes_}; }

std::vector<std::string> FileSource::warnings() const {
  const std::lock_guard lock(warnings_mutex_);
  return warnings_;
}

}  // namespace rs::capture
