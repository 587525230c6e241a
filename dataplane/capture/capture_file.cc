// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/capture_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/capture/spool.h"

namespace rs::capture {
namespace {

Error system_error(const std::string& name, const std::string& what) {
  const int why = errno;
  const Code code = why == ENOENT                   ? Code::kNotFound
                    : why == EACCES || why == EPERM ? Code::kPermission
                                                    : Code::kInvalid;
  return {code, name + ": " + what + ": " + std::strerror(why)};
}

class Closer {
 public:
  explicit Closer(int fd) : fd_(fd) {}
  ~Closer() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Reads until `want` bytes are there or the input ends.
Result<void> read_up_to(const std::string& name, int fd, size_t want, std::vector<uint8_t>& into) {
  while (into.size() < want) {
    uint8_t chunk[kPcapngHeaderBytes];
    const ssize_t n = ::read(fd, chunk, std::min(want - into.size(), sizeof chunk));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(name, "cannot be read");
    if (n == 0) break;
    into.insert(into.end(), chunk, chunk + n);
  }
  return {};
}

}  // namespace

CaptureFile::~CaptureFile() {
  if (map_ != nullptr) ::munmap(map_, bytes_.size());
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

Result<std::shared_ptr<const CaptureFile>> CaptureFile::mapped(int fd, uint64_t size) {
  bytes_ = {};
  if (size != 0) {  // an empty file cannot be mapped; its header's check says so
    void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) return system_error(name_, "cannot be mapped");
    map_ = at;
    bytes_ = {static_cast<const uint8_t*>(at), size};
    ::madvise(at, size, MADV_SEQUENTIAL);  // a hint; reading works without
  }
  if (auto done = read_header(); !done) return done.error();
  return std::shared_ptr<const CaptureFile>(shared_from_this());
}

void CaptureFile::give_back(size_t from, size_t to) const noexcept {
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  from = (from + page - 1) / page * page;
  to = to / page * page;
  if (map_ == nullptr || from >= to || to > bytes_.size()) return;
  ::madvise(static_cast<uint8_t*>(map_) + from, to - from, MADV_DONTNEED);  // of a file's pages nothing is lost
}

Result<void> CaptureFile::read_header() {
  auto format = parse_file_header(name_, bytes_);
  if (!format) return format.error();
  format_ = *format;
  return {};
}

Result<std::shared_ptr<const CaptureFile>> CaptureFile::open(const std::string& path, bool shared, uint8_t port) {
  std::shared_ptr<CaptureFile> file(new CaptureFile);
  file->name_ = path == "-" ? "standard input" : path;
  file->port_ = port;
  Closer fd(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return system_error(path, "cannot be opened");
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(file->name_, "cannot be examined");
  if (S_ISDIR(info.st_mode)) return Error{Code::kInvalid, path + ": is a directory, not a capture file"};
  if (::isatty(fd.get()) != 0) {
    return Error{Code::kInvalid, file->name_ + ": is a terminal; pipe a capture into it (tcpdump -w - | ...)"};
  }

  auto& head = file->head_;
  if (auto done = read_up_to(file->name_, fd.get(), kPcapHeaderBytes, head); !done) return done.error();
  const bool gzip = is_gzip({head.data(), head.size()});
  if (S_ISREG(info.st_mode) && !gzip) return file->mapped(fd.get(), static_cast<uint64_t>(info.st_size));
  uint32_t magic = 0;
  std::memcpy(&magic, head.data(), std::min(sizeof magic, head.size()));
  if (magic == kPcapngSection) {  // not for pcap: a pipe may hold its 24 bytes and no packet for hours
    if (auto done = read_up_to(file->name_, fd.get(), kPcapngHeaderBytes, head); !done) return done.error();
  }
  file->bytes_ = {head.data(), head.size()};
  if (!shared && !gzip) {
    if (auto done = file->read_header(); !done) return done.error();
    file->fd_ = fd.take();
    return std::shared_ptr<const CaptureFile>(file);
  }

  auto copy = spool(file->name_, fd.get(), file->bytes_);
  if (!copy) return copy.error();
  const Closer copy_fd(copy->fd);
  file->warning_ = copy->warning;
  return file->mapped(copy_fd.get(), copy->size_bytes);
}

Result<CaptureFiles> open_files(const std::vector<std::string>& paths, uint32_t workers) {
  CaptureFiles files;
  for (const std::string& path : paths) {
    const auto port = static_cast<uint8_t>(std::min<size_t>(files.size(), 255));
    auto file = CaptureFile::open(path, workers > 1, port);
    if (!file) return file.error();
    files.push_back(std::move(*file));
  }
  return files;
}

}  // namespace rs::capture
