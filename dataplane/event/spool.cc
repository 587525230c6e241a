// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/spool.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace rs::event {
namespace {

constexpr uint64_t kMostSegmentBytes = 16ULL << 20;  // our choice: what is dropped at once, 64 files for 1 GiB
constexpr uint64_t kSegments = 8;                    // at least so many in a small spool
constexpr uint64_t kLeastBytes = 1ULL << 20;
constexpr const char* kNameFormat = "batches-%016" PRIx64 ".spool";
constexpr size_t kNameBytes = 30;  // "batches-" + 16 + ".spool"

std::string name_of(uint64_t index) {
  char name[kNameBytes + 1];
  std::snprintf(name, sizeof(name), kNameFormat, index);
  return name;
}

// 0: not one of ours.
uint64_t index_of(const std::string& name) {
  uint64_t index = 0;
  if (name.size() != kNameBytes || std::sscanf(name.c_str(), "batches-%16" SCNx64, &index) != 1) return 0;
  return name == name_of(index) ? index : 0;
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::open(const SpoolConfig& config) {
  SpoolConfig checked = config;
  checked.max_bytes = std::max(checked.max_bytes, kLeastBytes);
  checked.memory_bytes = std::max(checked.memory_bytes, kLeastBytes);
  std::unique_ptr<Spool> spool(new Spool(checked));
  if (checked.dir.empty()) return spool;
  if (auto locked = spool->lock(); !locked) return locked.error();
  if (auto recovered = spool->recover(); !recovered) return recovered.error();
  return spool;
}

Spool::~Spool() {
  active_ = false;
  delete_done_segments();
  if (lock_fd_ >= 0) close(lock_fd_);
}

Result<void> Spool::lock() {
  std::error_code error;
  std::filesystem::create_directories(config_.dir, error);
  if (error) {
    return Error{Code::kPermission, "cannot make spool directory " + config_.dir + ": " + error.message() +
                                        "; create it writable for the sensor's user or set another in spool.dir"};
  }
  const std::string path = config_.dir + "/lock";
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (lock_fd_ < 0) {
    return Error{Code::kPermission, "cannot write in spool directory " + config_.dir + ": " + std::strerror(errno) +
                                        "; make it writable for the sensor's user or set another in spool.dir"};
  }
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) {
    char pid[24];
    const int length = std::snprintf(pid, sizeof(pid), "%d\n", static_cast<int>(getpid()));
    // For people only; the lock is what counts.
    if (ftruncate(lock_fd_, 0) != 0 || pwrite(lock_fd_, pid, static_cast<size_t>(length), 0) != length) {
      spdlog::debug("cannot note the process in {}", path);
    }
    return {};
  }
  const int reason = errno;
  char pid[24] = {};
  const ssize_t length = pread(lock_fd_, pid, sizeof(pid) - 1, 0);
  const std::string owner = length > 0 ? " (process " + std::to_string(std::atol(pid)) + ")" : "";
  if (reason == EWOULDBLOCK) {
    return Error{Code::kResource, "spool directory " + config_.dir + " is in use by another sensor" + owner +
                                      "; give each sensor its own in spool.dir"};
  }
  return Error{Code::kResource, "cannot lock " + path + ": " + std::strerror(reason)};
}

Result<void> Spool::recover() {
  std::vector<uint64_t> indexes;
  uint64_t foreign = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it(config_.dir, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (const uint64_t index = index_of(name)) {
      indexes.push_back(index);
    } else if (name != "lock") {
      ++foreign;
    }
  }
  if (error) return Error{Code::kPermission, "cannot list spool directory " + config_.dir + ": " + error.message()};
  std::sort(indexes.begin(), indexes.end());

  SpoolFile::Scan scan;
  for (const uint64_t index : indexes) {
    next_index_ = std::max(next_index_, index + 1);
    Segment segment;
    segment.index = index;
    auto file = SpoolFile::recover(
        config_.dir, name_of(index),
        [&](const SpoolFile::Found& found) {
          if (found.done) return;
          Entry entry;
          entry.waiting = {next_ticket_++, found.info, found.length};
          entry.segment = index;
          entry.offset = found.offset;
          entries_.push_back(std::move(entry));
          ++segment.live;
          ++stats_.waiting_batches;
          stats_.waiting_events += found.info.events;
        },
        scan);
    if (!file) {
      if (file.error().code == Code::kNotFound) continue;
      if (file.error().code == Code::kCorrupt) {
        ++foreign;
        continue;
      }
      return file.error();
    }
    segment.file = std::move(*file);
    stats_.disk_bytes += segment.file->size();
    segments_.push_back(std::move(segment));
  }
  stats_.recovered_batches = stats_.waiting_batches;
  stats_.lost_batches += scan.damaged;
  stats_.lost_events += scan.damaged_events;
  delete_done_segments();
  if (stats_.recovered_batches > 0) {
    spdlog::info("spool {}: {} batches with {} events of an earlier run wait to be sent", config_.dir,
                 stats_.waiting_batches, stats_.waiting_events);
  }
  if (scan.cut_bytes > 0) spdlog::info("spool {}: cut {} bytes of an unfinished batch", config_.dir, scan.cut_bytes);
  if (scan.damaged > 0) {
    spdlog::error("spool {}: {} batches with {} events are damaged and lost; check the disk", config_.dir, scan.damaged,
                  scan.damaged_events);
  }
  if (foreign > 0) {
    spdlog::warn("spool {}: {} files there are not the spool's; they are left alone", config_.dir, foreign);
  }
  return {};
}

uint64_t Spool::segment_bytes() const { return std::min(kMostSegmentBytes, config_.max_bytes / kSegments); }

bool Spool::append(const RecordInfo& info, const uint8_t* data, size_t size, bool force) {
  Entry entry;
  entry.waiting = {next_ticket_, info, size};
  bool stored = false;
  if (!config_.dir.empty()) {
    if (!make_room(size + SpoolFile::kRecordHeadBytes, force)) return false;
    stored = put_on_disk(entry, data, size);
  }
  if (!stored && !put_in_memory(entry, data, size, force)) return false;
  ++next_ticket_;
  ++stats_.waiting_batches;
  stats_.waiting_events += info.events;
  entries_.push_back(std::move(entry));
  return true;
}

// Room within max_bytes for one more record; false when it must wait for acknowledgements.
bool Spool::make_room(uint64_t bytes, bool force) {
  if (stats_.disk_bytes + bytes <= config_.max_bytes) return true;
  if (!segments_.empty() && segments_.back().live == 0) active_ = false;
  delete_done_segments();
  while (stats_.disk_bytes + bytes > config_.max_bytes && !segments_.empty()) {
    if (!config_.drop_oldest) return force;
    drop_segment();
  }
  return true;
}

bool Spool::put_on_disk(Entry& entry, const uint8_t* data, size_t size) {
  if (active_ && segments_.back().file->size() >= segment_bytes()) {
    active_ = false;
    delete_done_segments();
  }
  if (!active_) {
    auto file = SpoolFile::create(config_.dir, name_of(next_index_));
    if (!file) {
      note_disk(false, file.error().text);
      return false;
    }
    segments_.push_back({next_index_++, std::move(*file), 0});
    stats_.disk_bytes += segments_.back().file->size();
    active_ = true;
  }
  Segment& last = segments_.back();
  const uint64_t before = last.file->size();
  auto offset = last.file->append(entry.waiting.info, data, size);
  if (!offset) {
    // A file that failed once takes no more records: what a failed sync left of it is not known.
    active_ = false;
    delete_done_segments();
    note_disk(false, offset.error().text);
    return false;
  }
  stats_.disk_bytes += last.file->size() - before;
  ++last.live;
  entry.segment = last.index;
  entry.offset = *offset;
  note_disk(true, {});
  return true;
}

bool Spool::put_in_memory(Entry& entry, const uint8_t* data, size_t size, bool force) {
  if (stats_.memory_bytes + size > config_.memory_bytes) {
    if (!config_.drop_oldest) {
      // One batch alone always fits.
      if (stats_.memory_bytes > 0 && !force) return false;
    } else {
      for (Entry& old : entries_) {
        if (stats_.memory_bytes + size <= config_.memory_bytes) break;
        if (old.done || old.memory == nullptr) continue;
        drop(old);
      }
      forget_done();
    }
  }
  entry.memory = std::make_shared<const std::vector<uint8_t>>(data, data + size);
  stats_.memory_bytes += size;
  return true;
}

const Waiting* Spool::next(uint64_t ticket) const {
  if (entries_.empty()) return nullptr;
  const uint64_t first = entries_.front().waiting.ticket;
  for (uint64_t i = ticket > first ? ticket - first : 0; i < entries_.size(); ++i) {
    if (!entries_[i].done) return &entries_[i].waiting;
  }
  return nullptr;
}

Spool::Payload Spool::read(uint64_t ticket) {
  const Entry* entry = find(ticket);
  if (entry == nullptr) return nullptr;
  if (entry->memory != nullptr) return entry->memory;
  const Segment* from = segment(entry->segment);
  auto payload = from->file->read(entry->offset);
  if (!payload) {
    ++stats_.disk_errors;
    spdlog::error("a spooled batch of {} events is lost: {}", entry->waiting.info.events, payload.error().text);
    return nullptr;
  }
  return std::make_shared<const std::vector<uint8_t>>(std::move(*payload));
}

bool Spool::remove(uint64_t ticket) {
  Entry* entry = find(ticket);
  if (entry == nullptr) return false;
  if (Segment* from = segment(entry->segment)) from->file->mark_done(entry->offset);
  finish(*entry);
  full_ = false;
  delete_done_segments();
  forget_done();
  return true;
}

bool Spool::lose(uint64_t ticket) {
  const Entry* entry = find(ticket);
  if (entry == nullptr) return false;
  count_lost(*entry);
  return remove(ticket);
}

Spool::Entry* Spool::find(uint64_t ticket) {
  if (entries_.empty() || ticket < entries_.front().waiting.ticket || ticket >= next_ticket_) return nullptr;
  Entry& entry = entries_[ticket - entries_.front().waiting.ticket];
  return entry.done ? nullptr : &entry;
}

Spool::Segment* Spool::segment(uint64_t index) {
  if (index == 0) return nullptr;
  const auto it = std::lower_bound(segments_.begin(), segments_.end(), index,
                                   [](const Segment& s, uint64_t wanted) { return s.index < wanted; });
  return it != segments_.end() && it->index == index ? &*it : nullptr;
}

void Spool::count_lost(const Entry& entry) {
  ++stats_.lost_batches;
  stats_.lost_events += entry.waiting.info.events;
  stats_.lost_endings += entry.waiting.info.endings;
}

// For want of room.
void Spool::drop(Entry& entry) {
  if (!full_) {
    full_ = true;
    spdlog::warn(
        "the spool is full ({} batches wait): the oldest are dropped and counted until the control plane "
        "takes them again; a larger spool.max_mib holds out longer",
        stats_.waiting_batches);
  }
  count_lost(entry);
  finish(entry);
}

void Spool::forget_done() {
  while (!entries_.empty() && entries_.front().done) entries_.pop_front();
}

void Spool::finish(Entry& entry) {
  if (Segment* from = segment(entry.segment)) --from->live;
  if (entry.memory != nullptr) {
    stats_.memory_bytes -= entry.waiting.size;
    entry.memory = nullptr;
  }
  entry.done = true;
  --stats_.waiting_batches;
  stats_.waiting_events -= entry.waiting.info.events;
}

// The oldest file goes, and with it what it still held.
void Spool::drop_segment() {
  const uint64_t index = segments_.front().index;
  for (Entry& entry : entries_) {
    if (!entry.done && entry.segment == index) drop(entry);
  }
  if (segments_.size() == 1) active_ = false;
  delete_done_segments();
  forget_done();
}

// Files with nothing left waiting, but for the one being written.
void Spool::delete_done_segments() {
  for (size_t i = 0; i < segments_.size();) {
    if (segments_[i].live > 0 || (active_ && i + 1 == segments_.size())) {
      ++i;
      continue;
    }
    stats_.disk_bytes -= segments_[i].file->size();
    segments_[i].file->unlink();
    segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void Spool::note_disk(bool good, const std::string& text) {
  if (!good) ++stats_.disk_errors;
  if (good == disk_good_) return;
  disk_good_ = good;
  if (good) {
    spdlog::info("spool {}: the disk takes batches again", config_.dir);
  } else {
    spdlog::error("{}; batches are kept in memory (up to {} MiB) until the disk takes them again", text,
                  config_.memory_bytes >> 20);
  }
}

}  // namespace rs::event
