// SPDX-License-Identifier: Apache-2.0
//
// One opened capture file: a read-only mapping shared by all workers, or a stream (pipe, standard input) that exactly
// one FileSource drains. Opened in the control thread, header checked there; immutable afterwards.
// gzip'd captures, and streams that several workers must each read whole, are first copied to an unlinked temporary
// file in $TMPDIR. A mapped file that another program shortens while it is read ends the process (SIGBUS); growing is
// harmless: what was there at opening is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/capture/file_format.h"
#include "proto/result.h"

namespace rs::capture {

class CaptureFile : public std::enable_shared_from_this<CaptureFile> {
 public:
  // `path` "-" is standard input. `shared`: several sources will read it. `port`: index for Frame::port.
  static Result<std::shared_ptr<const CaptureFile>> open(const std::string& path, bool shared, uint8_t port);
  ~CaptureFile();
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const FileFormat& format() const { return format_; }
  [[nodiscard]] uint8_t port() const { return port_; }
  [[nodiscard]] bool stream() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }          // streams only
  [[nodiscard]] Bytes bytes() const { return bytes_; }  // the mapping; of a stream what opening has read
  [[nodiscard]] uint64_t size_bytes() const { return stream() ? 0 : bytes_.size(); }  // 0: not known
  // Gives the mapping's pages in [from, to) back: who reads them again gets them from the page cache. Never a stream's.
  void give_back(size_t from, size_t to) const noexcept;
  [[nodiscard]] const std::string& warning() const { return warning_; }  // e.g. damaged gzip data; mostly empty

 private:
  CaptureFile() = default;
  Result<std::shared_ptr<const CaptureFile>> mapped(int fd, uint64_t size);
  Result<void> read_header();

  std::string name_;
  std::string warning_;
  FileFormat format_;
  Bytes bytes_;
  std::vector<uint8_t> head_;  // streams: bytes_ points here
  void* map_ = nullptr;
  int fd_ = -1;
  uint8_t port_ = 0;
};

using CaptureFiles = std::vector<std::shared_ptr<const CaptureFile>>;

// Opens all or none. File i gets port i, the 255th and later ones 255.
Result<CaptureFiles> open_files(const std::vector<std::string>& paths, uint32_t workers);

}  // namespace rs::capture
