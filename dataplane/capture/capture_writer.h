// SPDX-License-Identifier: Apache-2.0
//
// Builds pcap and pcapng bytes for tests, in either byte order, right or deliberately wrong.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace rs::capture::test {

class Bytestring {
 public:
  explicit Bytestring(bool swapped = false) : swapped_(swapped) {}
  Bytestring& u8(uint8_t v) {
    bytes_ += static_cast<char>(v);
    return *this;
  }
  Bytestring& u16(uint16_t v) {
    return swapped_ ? u8(static_cast<uint8_t>(v >> 8)).u8(static_cast<uint8_t>(v))
                    : u8(static_cast<uint8_t>(v)).u8(static_cast<uint8_t>(v >> 8));
  }
  Bytestring& u32(uint32_t v) {
    return swapped_ ? u16(static_cast<uint16_t>(v >> 16)).u16(static_cast<uint16_t>(v))
                    : u16(static_cast<uint16_t>(v)).u16(static_cast<uint16_t>(v >> 16));
  }
  Bytestring& u64(uint64_t v) {
    return swapped_ ? u32(static_cast<uint32_t>(v >> 32)).u32(static_cast<uint32_t>(v))
                    : u32(static_cast<uint32_t>(v)).u32(static_cast<uint32_t>(v >> 32));
  }
  Bytestring& text(const std::string& s) {
    bytes_ += s;
    return *this;
  }
  Bytestring& pad() {
    while (bytes_.size() % 4 != 0) bytes_ += '\0';
    return *this;
  }
  [[nodiscard]] const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
  bool swapped_;
};

struct PcapWriter {
  uint32_t magic = 0xa1b2c3d4;
  uint32_t linktype = 1;
  bool swapped = false;
  uint16_t major = 2;

  [[nodiscard]] std::string header() const {
    return Bytestring(swapped).u32(magic).u16(major).u16(4).u32(0).u32(0).u32(65535).u32(linktype).str();
  }
  [[nodiscard]] std::string packet(uint32_t seconds, uint32_t fraction, const std::string& data,
                                   uint32_t wire = 0) const {
    const auto size = static_cast<uint32_t>(data.size());
    Bytestring b(swapped);
    b.u32(seconds).u32(fraction).u32(size).u32(wire != 0 ? wire : size);
    if (magic == 0xa1b2cd34) b.u32(3).u16(0x0800).u8(0).u8(0);
    return b.text(data).str();
  }
};

struct PcapngWriter {
  bool swapped = false;

  [[nodiscard]] std::string block(uint32_t type, const std::string& body) const {
    const std::string padded = Bytestring().text(body).pad().str();
    const auto total = static_cast<uint32_t>(padded.size() + 12);
    return Bytestring(swapped).u32(type).u32(total).text(padded).u32(total).str();
  }
  [[nodiscard]] std::string section(uint16_t major = 1) const {
    return block(0x0a0d0d0a, Bytestring(swapped).u32(0x1a2b3c4d).u16(major).u16(0).u64(UINT64_MAX).str());
  }
  [[nodiscard]] std::string interface(uint16_t linktype, const std::string& options = "", uint32_t snap = 0) const {
    return block(1, Bytestring(swapped).u16(linktype).u16(0).u32(snap).text(options).str());
  }
  [[nodiscard]] std::string option(uint16_t code, const std::string& value) const {
    return Bytestring(swapped).u16(code).u16(static_cast<uint16_t>(value.size())).text(value).pad().str();
  }
  [[nodiscard]] std::string resolution(uint8_t value) const {
    return option(9, std::string(1, static_cast<char>(value)));
  }
  [[nodiscard]] std::string time_offset(int64_t seconds) const {
    return option(14, Bytestring(swapped).u64(static_cast<uint64_t>(seconds)).str());
  }
  [[nodiscard]] std::string packet(uint32_t interface, uint64_t ts, const std::string& data, uint32_t wire = 0) const {
    const auto size = static_cast<uint32_t>(data.size());
    return block(6, Bytestring(swapped)
                        .u32(interface)
                        .u32(static_cast<uint32_t>(ts >> 32))
                        .u32(static_cast<uint32_t>(ts))
                        .u32(size)
                        .u32(wire != 0 ? wire : size)
                        .text(data)
                        .str());
  }
  [[nodiscard]] std::string simple(const std::string& data, uint32_t wire = 0) const {
    return block(3, Bytestring(swapped).u32(wire != 0 ? wire : static_cast<uint32_t>(data.size())).text(data).str());
  }
  [[nodiscard]] std::string old_packet(uint16_t interface, uint64_t ts, const std::string& data) const {
    const auto size = static_cast<uint32_t>(data.size());
    return block(2, Bytestring(swapped)
                        .u16(interface)
                        .u16(0)
                        .u32(static_cast<uint32_t>(ts >> 32))
                        .u32(static_cast<uint32_t>(ts))
                        .u32(size)
                        .u32(size)
                        .text(data)
                        .str());
  }
};

// A file in /tmp with these bytes, gone with the object.
class TempFile {
 public:
  explicit TempFile(const std::string& bytes) {
    char name[] = "/tmp/rs_capture_XXXXXX";
    const int fd = ::mkstemp(name);
    path_ = name;
    good_ = fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
    ::close(fd);
  }
  ~TempFile() { ::unlink(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string path_;
  bool good_ = false;
};

}  // namespace rs::capture::test
