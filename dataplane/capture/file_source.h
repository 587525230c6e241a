// SPDX-License-Identifier: Apache-2.0
//
// The packet source over capture files. Several files are merged by time (the file whose next packet is oldest goes
// first; on a tie the one that starts earlier, then the one named earlier), so that two directions in two files, or ten
// rotated files, give one stream whatever their order. Within a file packets come as they stand, even when their times
// jump backwards. Each worker has its own FileSource over the same shared mappings and reads all of it; the pipeline
// keeps its share. Mapped files cost no copy and no system call a burst; a stream (pipe) is read through a buffer here.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/capture/capture_file.h"
#include "dataplane/capture/counter.h"
#include "dataplane/capture/frame.h"
#include "dataplane/capture/records.h"
#include "dataplane/capture/source.h"

namespace rs::capture {

class FileSource {
 public:
  // `speed`: 0 as fast as possible, 1 at the speed of the capture, 10 ten times faster; for demonstrations and tests.
  explicit FileSource(CaptureFiles files, double speed = 0);
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  // worker thread; see Source. burst.now is the last delivered packet's time; with `speed` it runs on between packets.
  bool receive(Burst& burst) noexcept;
  void release(Burst& burst) noexcept { burst.count = 0; }

  // any thread
  [[nodiscard]] SourceCounts counts() const;
  struct Progress {
    uint64_t read_bytes = 0;
    uint64_t total_bytes = 0;  // 0: not known (a stream)
  };
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] std::vector<std::string> warnings() const;       // what was damaged, where; complete after the end
  void stop() { stop_.store(true, std::memory_order_relaxed); }  // the next receive() ends the input

 private:
  struct Input {
    Input(const CaptureFile& f, uint32_t number);
    Records records;
    Window window;
    std::vector<uint8_t> buffer;  // streams only
    int fd = -1;
    uint32_t index = 0;
    size_t given_back = 0;  // of a mapping: what lies before this offset
    Frame head;             // merging only: the next frame
    TimeNs first = 0;       // merging only: time of its first frame
  };
  // Later(a, b): a's head goes after b's; makes the std heap functions keep the oldest on top.
  struct Later {
    bool operator()(const Input* a, const Input* b) const {
      if (a->head.time != b->head.time) return a->head.time > b->head.time;
      return a->first != b->first ? a->first > b->first : a->index > b->index;
    }
  };

  void read_single(Burst& burst) noexcept;
  void read_merged(Burst& burst) noexcept;
  bool fetch_heads(bool may_refill) noexcept;
  Got take(Input& input, Frame& frame) noexcept;
  bool refill(Input& input) noexcept;
  void give_back() noexcept;
  bool due(TimeNs time, bool may_sleep) noexcept;
  void account(const Burst& burst) noexcept;
  void collect_warnings(const Input& input) noexcept;

  CaptureFiles files_;  // keeps the mappings alive
  std::vector<Input> inputs_;
  std::vector<Input*> waiting_;  // merging: inputs without a head
  std::vector<Input*> heap_;     // merging: inputs with one
  double speed_;
  TimeNs now_ = 0;
  TimeNs paced_from_ = 0;       // packet time of the first frame
  uint64_t clock_from_ns_ = 0;  // monotonic clock at that moment
  bool ended_ = false;
  std::atomic<bool> stop_ = false;

  Counter rx_pkts_;
  Counter rx_bytes_;
  Counter truncated_;
  Counter bad_;
  Counter read_bytes_;
  uint64_t total_bytes_ = 0;
  mutable std::mutex warnings_mutex_;  // taken when an input ends and by warnings(), never a packet
  std::vector<std::string> warnings_;
};
static_assert(Source<FileSource>);

}  // namespace rs::capture
