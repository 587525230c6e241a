// SPDX-License-Identifier: Apache-2.0
//
// The batches that the control plane has not acknowledged, in the order they were made: on disk, each synced before
// append() returns, so that a kill at any instant loses none; or in memory only when no directory is given. Bounded:
// live input drops and counts the oldest, file input is told to wait. When the disk fails or is full the newest are
// kept in memory meanwhile. Batches of earlier boots come first, under their own boot and sequence.
//
// Not safe for two threads at once: the exporter holds its lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/event/spool_file.h"
#include "proto/result.h"

namespace rs::event {

struct SpoolConfig {
  std::string dir;                      // made when missing; empty: memory only
  uint64_t max_bytes = 1024ULL << 20;   // of files; at least 1 MiB
  uint64_t memory_bytes = 64ULL << 20;  // without a directory, or while the disk refuses
  bool drop_oldest = true;              // false: append() refuses when full
};

// One batch waiting for its acknowledgement.
struct Waiting {
  uint64_t ticket = 0;  // 1, 2, 3 … in this process, in sending order
  RecordInfo info;
  size_t size = 0;
};

struct SpoolStats {
  uint64_t waiting_batches = 0;
  uint64_t waiting_events = 0;
  uint64_t disk_bytes = 0;
  uint64_t memory_bytes = 0;
  uint64_t recovered_batches = 0;  // of earlier boots, found at the start
  uint64_t lost_batches = 0;       // dropped because full, or damaged: gone for good
  uint64_t lost_events = 0;
  uint64_t lost_endings = 0;
  uint64_t disk_errors = 0;
};

class Spool {
 public:
  using Payload = std::shared_ptr<const std::vector<uint8_t>>;

  // Error: no permission, no directory, or another sensor's; its text says which and what to do.
  static Result<std::unique_ptr<Spool>> open(const SpoolConfig& config);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // False when full and not to drop: try again later. `force` takes it all the same (at the very end).
  [[nodiscard]] bool append(const RecordInfo& info, const uint8_t* data, size_t size, bool force = false);
  // The first batch waiting whose ticket is at least `ticket`; null when there is none.
  [[nodiscard]] const Waiting* next(uint64_t ticket) const;
  // Its bytes; null when the disk gave them back damaged, or the ticket is not waiting.
  [[nodiscard]] Payload read(uint64_t ticket);
  // The batch needs no sending any more. False when it was not waiting.
  bool remove(uint64_t ticket);
  // The same, and it counts as lost.
  bool lose(uint64_t ticket);

  [[nodiscard]] const SpoolStats& stats() const { return stats_; }

 private:
  struct Segment {
    uint64_t index = 0;
    std::unique_ptr<SpoolFile> file;
    uint64_t live = 0;  // records waiting
  };
  struct Entry {
    Waiting waiting;
    uint64_t segment = 0;  // Segment::index; 0: in memory
    uint64_t offset = 0;
    Payload memory;
    bool done = false;
  };

  explicit Spool(const SpoolConfig& config) : config_(config) {}
  Result<void> lock();
  Result<void> recover();
  Entry* find(uint64_t ticket);
  Segment* segment(uint64_t index);
  bool make_room(uint64_t bytes, bool force);
  bool put_on_disk(Entry& entry, const uint8_t* data, size_t size);
  bool put_in_memory(Entry& entry, const uint8_t* data, size_t size, bool force);
  void drop_segment();
  void drop(Entry& entry);
  void forget_done();
  void delete_done_segments();
  void finish(Entry& entry);
  void count_lost(const Entry& entry);
  void note_disk(bool good, const std::string& text);
  [[nodiscard]] uint64_t segment_bytes() const;

  const SpoolConfig config_;
  int lock_fd_ = -1;
  uint64_t next_ticket_ = 1;
  uint64_t next_index_ = 1;
  bool active_ = false;  // the last segment is this boot's and takes records
  bool disk_good_ = true;
  bool full_ = false;  // dropping, and said so
  std::deque<Segment> segments_;
  std::deque<Entry> entries_;  // consecutive tickets
  SpoolStats stats_;
};

}  // namespace rs::event
