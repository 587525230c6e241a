// SPDX-License-Identifier: Apache-2.0
//
// Who changed what, and who tried to: one JSON object a line, appended to a file and flushed to disk before the change
// is answered, and the newest in memory for operators to read. Any thread; entries are rare.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "proto/result.h"

namespace rs::access {

struct AuditEntry {
  uint64_t time_ns = 0;  // our clock; 0: now
  std::string who;       // certificate's name, "local", "system"
  std::string from;      // address
  std::string action;    // "set_log_level", "reload", "publish" ...
  std::string detail;    // to what
  bool allowed = true;
  std::string outcome;  // "done", or why not
};

// As it stands in the file, without the line's end.
std::string to_json(const AuditEntry& entry);

class Audit {
 public:
  static constexpr size_t kKept = 1000;

  Audit() = default;
  ~Audit();
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;

  // `path` empty: memory and log only. Again, to follow a file that was moved away.
  Result<void> open(const std::string& path);
  void write(AuditEntry entry);
  // Oldest first.
  [[nodiscard]] std::vector<AuditEntry> newest(size_t most) const;
  [[nodiscard]] uint64_t entries() const;
  [[nodiscard]] uint64_t failed_writes() const;

 private:
  mutable std::mutex mutex_;  // all below
  std::string path_;
  int fd_ = -1;
  std::deque<AuditEntry> kept_;
  uint64_t entries_ = 0;
  uint64_t failed_ = 0;
};

}  // namespace rs::access
