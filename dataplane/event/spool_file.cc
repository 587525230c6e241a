// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/spool_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "dataplane/event/crc32c.h"

namespace rs::event {
namespace {

constexpr char kMagic[8] = {'R', 'S', 'S', 'P', 'O', 'O', 'L', '1'};
constexpr uint32_t kRecordMagic = 0x31425352;  // "RSB1"
constexpr uint64_t kDone = 0x454e4f44;         // "DONE"

struct FileHead {
  char magic[8];
  uint64_t reserved;
};
static_assert(sizeof(FileHead) == SpoolFile::kFileHeadBytes);

struct RecordHead {
  uint32_t magic;
  uint32_t head_crc;  // of all from `length` up to `state`
  uint32_t length;    // payload bytes
  uint32_t payload_crc;
  uint64_t boot;
  uint64_t sequence;
  uint64_t events;
  uint64_t endings;
  uint64_t state;  // kDone once acknowledged, else 0
};
static_assert(sizeof(RecordHead) == SpoolFile::kRecordHeadBytes && offsetof(RecordHead, state) == 48);

uint32_t head_crc(const RecordHead& head) {
  constexpr size_t kFrom = offsetof(RecordHead, length);
  return crc32c(reinterpret_cast<const uint8_t*>(&head) + kFrom, offsetof(RecordHead, state) - kFrom);
}

Error failure(const std::string& what, const std::string& path, int error) {
  Code code = Code::kInternal;
  std::string hint;
  if (error == ENOSPC || error == EDQUOT) {
    code = Code::kResource;
    hint = "; free space there or set a smaller spool size";
  } else if (error == EACCES || error == EPERM || error == EROFS) {
    code = Code::kPermission;
    hint = "; the spool directory must be writable by the sensor's user";
  } else if (error == ENOENT) {
    code = Code::kNotFound;
  }
  return {code, what + " " + path + ": " + std::strerror(error) + hint};
}

// Reads exactly `size` bytes; 0 on success, else errno (EIO when the file ends first).
int read_all(int fd, void* to, size_t size, uint64_t offset) {
  auto* p = static_cast<uint8_t*>(to);
  while (size > 0) {
    const ssize_t n = pread(fd, p, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return EIO;
    p += n;
    size -= static_cast<size_t>(n);
    offset += static_cast<uint64_t>(n);
  }
  return 0;
}

int write_all(int fd, const void* from, size_t size, uint64_t offset) {
  const auto* p = static_cast<const uint8_t*>(from);
  while (size > 0) {
    const ssize_t n = pwrite(fd, p, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENOSPC;
    p += n;
    size -= static_cast<size_t>(n);
    offset += static_cast<uint64_t>(n);
  }
  return 0;
}

bool plausible(const RecordHead& record, uint64_t room) {
  return record.magic == kRecordMagic && record.head_crc == head_crc(record) &&
         record.length <= SpoolFile::kMostPayloadBytes && record.length <= room;
}

// Where after `from` the next record head that holds together begins; `size` when there is none. Only for files that
// are damaged in the middle.
uint64_t next_head(int fd, uint64_t from, uint64_t size) {
  std::vector<uint8_t> rest(size - from);
  if (read_all(fd, rest.data(), rest.size(), from) != 0) return size;
  for (size_t i = 1; i + sizeof(RecordHead) <= rest.size(); ++i) {
    RecordHead record{};
    std::memcpy(&record, rest.data() + i, sizeof(record));
    if (plausible(record, rest.size() - i - sizeof(record))) return from + i;
  }
  return size;
}

// A new name is durable only when its directory is.
int sync_directory(const std::string& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error;
}

}  // namespace

SpoolFile::~SpoolFile() { close(fd_); }

Result<std::unique_ptr<SpoolFile>> SpoolFile::create(const std::string& dir, const std::string& name) {
  const std::string path = dir + "/" + name;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0) return failure("cannot create spool file", path, errno);
  std::unique_ptr<SpoolFile> file(new SpoolFile(path, fd, kFileHeadBytes));
  FileHead head{};
  std::memcpy(head.magic, kMagic, sizeof(kMagic));
  int error = write_all(fd, &head, sizeof(head), 0);
  if (error == 0 && fdatasync(fd) != 0) error = errno;
  if (error == 0) error = sync_directory(dir);
  if (error != 0) {
    file->unlink();
    return failure("cannot write spool file", path, error);
  }
  return file;
}

Result<std::unique_ptr<SpoolFile>> SpoolFile::recover(const std::string& dir, const std::string& name,
                                                      const std::function<void(const Found&)>& found, Scan& scan) {
  const std::string path = dir + "/" + name;
  const int fd = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return failure("cannot open spool file", path, errno);
  std::unique_ptr<SpoolFile> file(new SpoolFile(path, fd, 0));
  struct stat status {};
  if (fstat(fd, &status) != 0) return failure("cannot examine spool file", path, errno);
  if (!S_ISREG(status.st_mode)) return Error{Code::kCorrupt, path + " is not a regular file"};
  const auto size = static_cast<uint64_t>(status.st_size);

  FileHead head{};
  if (size < sizeof(head)) {
    // Killed while creating it: only the beginning of a head may be there.
    char start[sizeof(head)] = {};
    if (const int error = read_all(fd, start, size, 0)) return failure("cannot read spool file", path, error);
    std::memcpy(head.magic, kMagic, sizeof(kMagic));
    if (std::memcmp(start, &head, size) != 0) return Error{Code::kCorrupt, path + " is not a spool file"};
    file->unlink();
    return Error{Code::kNotFound, path + " was empty"};
  }
  if (const int error = read_all(fd, &head, sizeof(head), 0)) return failure("cannot read spool file", path, error);
  if (std::memcmp(head.magic, kMagic, sizeof(kMagic)) != 0) {
    return Error{Code::kCorrupt, path + " is not a spool file"};
  }

  uint64_t offset = sizeof(head);
  std::vector<uint8_t> payload;
  while (offset + sizeof(RecordHead) <= size) {
    RecordHead record{};
    if (const int error = read_all(fd, &record, sizeof(record), offset)) {
      return failure("cannot read spool file", path, error);
    }
    if (!plausible(record, size - offset - sizeof(record))) {
      const uint64_t next = next_head(fd, offset, size);
      if (next == size) break;
      ++scan.damaged;  // at least one; how many events is not known
      offset = next;
      continue;
    }
    payload.resize(record.length);
    if (const int error = read_all(fd, payload.data(), payload.size(), offset + sizeof(record))) {
      return failure("cannot read spool file", path, error);
    }
    if (crc32c(payload.data(), payload.size()) == record.payload_crc) {
      found({{record.boot, record.sequence, record.events, record.endings},
             offset,
             record.length,
             record.state == kDone});
    } else if (offset + sizeof(record) + record.length == size) {
      break;  // the last record: written up to its length, but not all of its blocks
    } else if (record.state != kDone) {
      ++scan.damaged;
      scan.damaged_events += record.events;
    }
    offset += sizeof(record) + record.length;
  }
  if (offset < size) {
    if (ftruncate(fd, static_cast<off_t>(offset)) != 0) return failure("cannot cut spool file", path, errno);
    scan.cut_bytes += size - offset;
  }
  file->size_ = offset;
  return file;
}

Result<uint64_t> SpoolFile::append(const RecordInfo& info, const uint8_t* data, size_t size) {
  RecordHead head{};
  head.magic = kRecordMagic;
  head.length = static_cast<uint32_t>(size);
  head.payload_crc = crc32c(data, size);
  head.boot = info.boot;
  head.sequence = info.sequence;
  head.events = info.events;
  head.endings = info.endings;
  head.head_crc = head_crc(head);
  int error = write_all(fd_, &head, sizeof(head), size_);
  if (error == 0) error = write_all(fd_, data, size, size_ + sizeof(head));
  if (error == 0 && fdatasync(fd_) != 0) error = errno;
  if (error != 0) {
    // What stays behind if this fails too is a torn tail, or a batch sent twice: neither does harm.
    if (ftruncate(fd_, static_cast<off_t>(size_)) != 0) return failure("cannot write and cut spool file", path_, error);
    return failure("cannot write spool file", path_, error);
  }
  const uint64_t offset = size_;
  size_ += sizeof(head) + size;
  return offset;
}

Result<std::vector<uint8_t>> SpoolFile::read(uint64_t offset) const {
  RecordHead head{};
  if (const int error = read_all(fd_, &head, sizeof(head), offset)) {
    return failure("cannot read spool file", path_, error);
  }
  if (head.magic != kRecordMagic || head.head_crc != head_crc(head) || head.length > kMostPayloadBytes) {
    return Error{Code::kCorrupt, path_ + " has changed under the sensor"};
  }
  std::vector<uint8_t> payload(head.length);
  if (const int error = read_all(fd_, payload.data(), payload.size(), offset + sizeof(head))) {
    return failure("cannot read spool file", path_, error);
  }
  if (crc32c(payload.data(), payload.size()) != head.payload_crc) {
    return Error{Code::kCorrupt, path_ + " is damaged"};
  }
  return payload;
}

void SpoolFile::mark_done(uint64_t offset) {
  const uint64_t done = kDone;
  (void)write_all(fd_, &done, sizeof(done), offset + offsetof(RecordHead, state));
}

void SpoolFile::unlink() { ::unlink(path_.c_str()); }

}  // namespace rs::event
