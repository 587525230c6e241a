// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/spool.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace rs::capture {
namespace {

constexpr size_t kChunkBytes = 1 << 18;  // our choice: larger reads gained nothing

class TempFile {
 public:
  explicit TempFile(std::string name) : name_(std::move(name)) {
    const char* dir = std::getenv("TMPDIR");
    dir_ = dir != nullptr && *dir != '\0' ? dir : "/tmp";
    fd_ = ::open(dir_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd_ < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {  // file systems without O_TMPFILE
      std::string path = dir_ + "/resetscope-XXXXXX";
      fd_ = ::mkostemp(path.data(), O_CLOEXEC);
      if (fd_ >= 0) ::unlink(path.c_str());
    }
  }
  ~TempFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  [[nodiscard]] bool good() const { return fd_ >= 0; }
  [[nodiscard]] uint64_t size_bytes() const { return size_bytes_; }

  bool write(const uint8_t* data, size_t size) {
    while (size > 0) {
      const ssize_t n = ::write(fd_, data, size);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      data += n;
      size -= static_cast<size_t>(n);
      size_bytes_ += static_cast<uint64_t>(n);
    }
    return true;
  }
  int take() { return std::exchange(fd_, -1); }

  [[nodiscard]] Error failure() const {
    return {Code::kResource, name_ + ": cannot keep an unpacked copy in " + dir_ + " (" + std::to_string(size_bytes_) +
                                 " bytes so far): " + std::strerror(errno) + "; point TMPDIR to a place with room"};
  }

 private:
  std::string name_;
  std::string dir_;
  int fd_ = -1;
  uint64_t size_bytes_ = 0;
};

// The input as chunks: first what was read already, then the descriptor.
class Chunks {
 public:
  Chunks(int fd, Bytes head) : buffer_(std::max(kChunkBytes, head.size())), fd_(fd), head_(head) {}

  // Empty at the end; errno is set and failed() true after a read error.
  Bytes next() {
    if (!head_.empty()) return std::exchange(head_, {});
    ssize_t n = 0;
    do {
      n = ::read(fd_, buffer_.data(), buffer_.size());
    } while (n < 0 && errno == EINTR);
    failed_ = n < 0;
    return {buffer_.data(), n > 0 ? static_cast<size_t>(n) : 0};
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::vector<uint8_t> buffer_;
  int fd_;
  Bytes head_;
  bool failed_ = false;
};

// Unpacks one or more gzip members (RFC 1952) as they come.
class Gunzip {
 public:
  // 16: gzip framing (zlib.h, inflateInit2).
  Gunzip() : out_(kChunkBytes) { ready_ = inflateInit2(&z_, 15 + 16) == Z_OK; }
  ~Gunzip() {
    if (ready_) inflateEnd(&z_);
  }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  enum class Did : uint8_t { kAll, kDamaged, kNoRoom };
  Did feed(Bytes in, TempFile& to) {
    if (!ready_) return Did::kDamaged;
    z_.next_in = const_cast<Bytef*>(in.data());  // zlib reads only
    z_.avail_in = static_cast<uInt>(in.size());
    while (z_.avail_in > 0) {
      if (ended_ && inflateReset(&z_) != Z_OK) return Did::kDamaged;
      ended_ = false;
      do {
        z_.next_out = out_.data();
        z_.avail_out = static_cast<uInt>(out_.size());
        const int code = inflate(&z_, Z_NO_FLUSH);
        const size_t made = out_.size() - z_.avail_out;
        if (!to.write(out_.data(), made)) return Did::kNoRoom;
        ended_ = code == Z_STREAM_END;
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return Did::kDamaged;
        if (code == Z_BUF_ERROR) break;
      } while (!ended_ && (z_.avail_in > 0 || z_.avail_out == 0));
    }
    return Did::kAll;
  }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  z_stream z_{};
  std::vector<uint8_t> out_;
  bool ready_ = false;
  bool ended_ = false;
};

}  // namespace

Result<Spooled> spool(const std::string& name, int fd, Bytes head) {
  TempFile copy(name);
  if (!copy.good()) return copy.failure();
  Spooled result;
  Chunks chunks(fd, head);
  if (is_gzip(head)) {
    Gunzip gunzip;
    auto did = Gunzip::Did::kAll;
    for (Bytes chunk = chunks.next(); !chunk.empty() && did == Gunzip::Did::kAll; chunk = chunks.next()) {
      did = gunzip.feed(chunk, copy);
    }
    if (did == Gunzip::Did::kNoRoom) return copy.failure();
    if (did == Gunzip::Did::kDamaged || !gunzip.ended()) {
      result.warning = name + ": gzip data is " + (did == Gunzip::Did::kDamaged ? "damaged" : "cut") + " after " +
                       std::to_string(copy.size_bytes()) + " unpacked bytes; what follows is lost";
    }
  } else {
    for (Bytes chunk = chunks.next(); !chunk.empty(); chunk = chunks.next()) {
      if (!copy.write(chunk.data(), chunk.size())) return copy.failure();
    }
  }
  if (chunks.failed()) return Error{Code::kUnavailable, name + ": reading failed: " + std::strerror(errno)};
  result.size_bytes = copy.size_bytes();
  result.fd = copy.take();
  return result;
}

}  // namespace rs::capture
