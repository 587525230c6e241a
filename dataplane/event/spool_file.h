// SPDX-License-Identifier: Apache-2.0
//
// One file of the spool: a head, then records of one batch each, only ever appended to. A record is whole when its
// head and its payload match their CRC-32C; the first that is not ends the file. The one thing rewritten in place is
// a record's `done` mark, which no CRC covers: losing it costs a second sending, never a batch.
// Set-up code and export threads; not safe for two threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/result.h"

namespace rs::event {

// What a record says about its batch.
struct RecordInfo {
  uint64_t boot = 0;
  uint64_t sequence = 0;
  uint64_t events = 0;
  uint64_t endings = 0;
  bool operator==(const RecordInfo&) const = default;
};

class SpoolFile {
 public:
  static constexpr size_t kFileHeadBytes = 16;
  static constexpr size_t kRecordHeadBytes = 56;
  static constexpr size_t kMostPayloadBytes = 16U << 20;  // four times gRPC's message limit: anything above is damage

  struct Found {
    RecordInfo info;
    uint64_t offset = 0;
    uint32_t length = 0;
    bool done = false;
  };
  struct Scan {
    uint64_t cut_bytes = 0;  // torn tail, taken off
    uint64_t damaged = 0;    // records whole in length whose payload does not match
    uint64_t damaged_events = 0;
  };

  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  // A new file; error when it exists. Durable, with its name, when this returns.
  static Result<std::unique_ptr<SpoolFile>> create(const std::string& dir, const std::string& name);
  // An existing file: reports every whole record in order and cuts a torn tail. kCorrupt: not a spool file, left
  // untouched; kNotFound: it never came to hold anything and was removed.
  static Result<std::unique_ptr<SpoolFile>> recover(const std::string& dir, const std::string& name,
                                                    const std::function<void(const Found&)>& found, Scan& scan);

  // Writes a record and waits until the disk has it; its offset. On an error the file is as before.
  Result<uint64_t> append(const RecordInfo& info, const uint8_t* data, size_t size);
  // The payload of the record at `offset`; kCorrupt when it does not match its CRC.
  Result<std::vector<uint8_t>> read(uint64_t offset) const;
  // Best effort, not synced: survives the process, not the machine.
  void mark_done(uint64_t offset);
  void unlink();

  [[nodiscard]] uint64_t size() const { return size_; }

 private:
  SpoolFile(std::string path, int fd, uint64_t size) : path_(std::move(path)), fd_(fd), size_(size) {}

  const std::string path_;
  const int fd_;
  uint64_t size_;
};

}  // namespace rs::event
