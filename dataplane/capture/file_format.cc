// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/file_format.h"

#include <cstdio>
#include <cstring>
#include <string_view>

namespace rs::capture {
namespace {

constexpr uint32_t kMicro = 0xa1b2c3d4;
constexpr uint32_t kNano = 0xa1b23c4d;
constexpr uint32_t kKuznetzov = 0xa1b2cd34;  // microseconds, 8 more bytes a record (old Linux libpcap patch)

std::string hex32(uint32_t v) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", v);
  return text;
}

// What to do about files that people hand in by mistake.
std::string_view advice(Bytes head) {
  struct Known {
    std::string_view magic;
    std::string_view text;
  };
  static constexpr Known kKnown[] = {
      {{"\x28\xb5\x2f\xfd", 4}, "; this is zstd: unpack it with zstd -d"},
      {{"\xfd"
        "7zXZ",
        5},
       "; this is xz: unpack it with xz -d"},
      {{"BZh", 3}, "; this is bzip2: unpack it with bzip2 -d"},
      {{"\x04\x22\x4d\x18", 4}, "; this is lz4: unpack it with lz4 -d"},
      {{"PK\x03\x04", 4}, "; this is a zip archive: unpack it"},
      {{"snoop\0\0\0", 8}, "; this is snoop: convert it with editcap -F pcapng"},
      {{"GMBU", 4}, "; this is Network Monitor: convert it with editcap -F pcapng"},
  };
  for (const Known& k : kKnown) {
    if (head.has(0, k.magic.size()) && std::memcmp(head.data(), k.magic.data(), k.magic.size()) == 0) return k.text;
  }
  return "";
}

Error cut(const std::string& name, const char* format, size_t have, size_t need) {
  return {Code::kCorrupt, name + ": cut within its " + format + " header: " + std::to_string(have) + " of " +
                              std::to_string(need) + " bytes"};
}

Result<FileFormat> parse_pcapng(const std::string& name, Bytes head) {
  uint32_t order = 0;
  if (!head.has(0, kPcapngHeaderBytes) || !head.read(8, order)) return cut(name, "pcapng", head.size(), 28);
  FileFormat format;
  format.pcapng = true;
  format.swapped = order == __builtin_bswap32(kPcapngOrder);
  if (order != kPcapngOrder && !format.swapped) {
    return Error{Code::kCorrupt, name + ": damaged pcapng header: byte-order magic " + hex32(order)};
  }
  uint16_t major = 0;
  (void)head.read(12, major);
  if (format.swapped) major = __builtin_bswap16(major);
  if (major != 1) {
    return Error{Code::kInvalid, name + ": pcapng version " + std::to_string(major) + " is not supported; expected 1"};
  }
  return format;
}

}  // namespace

LinkType link_type_of(uint32_t linktype) {
  switch (linktype) {
    case 1:
      return LinkType::kEthernet;
    case 12:   // DLT_RAW as some systems write it to files
    case 14:   // the same on OpenBSD
    case 101:  // RAW
    case 228:  // IPV4
    case 229:  // IPV6
      return LinkType::kRawIp;
    case 113:
      return LinkType::kLinuxCooked;
    case 276:
      return LinkType::kLinuxCooked2;
    case 0:    // NULL
    case 108:  // LOOP
      return LinkType::kNull;
    case 9:   // PPP
    case 50:  // PPP_HDLC
      return LinkType::kPpp;
    case 51:  // PPP_ETHER
      return LinkType::kPppoe;
    case 104:  // C_HDLC
      return LinkType::kCiscoHdlc;
    default:
      return LinkType::kUnsupported;
  }
}

Result<FileFormat> parse_file_header(const std::string& name, Bytes head) {
  if (head.empty()) return Error{Code::kCorrupt, name + ": empty file, no capture header"};
  uint32_t magic = 0;
  if (!head.read(0, magic)) return cut(name, "capture", head.size(), kPcapHeaderBytes);
  if (magic == kPcapngSection) return parse_pcapng(name, head);

  FileFormat format;
  const uint32_t other = __builtin_bswap32(magic);
  format.swapped = other == kMicro || other == kNano || other == kKuznetzov;
  const uint32_t native = format.swapped ? other : magic;
  if (native == kNano) {
    format.ns_per_unit = 1;
  } else if (native == kKuznetzov) {
    format.record_bytes = 24;
  } else if (native != kMicro) {
    return Error{Code::kInvalid, name + ": not a capture file: bad magic " + hex32(other) +
                                     "; expected pcap or pcapng" + std::string(advice(head))};
  }
  uint16_t major = 0;
  uint32_t linktype = 0;
  if (!head.read(4, major) || !head.read(20, linktype)) return cut(name, "pcap", head.size(), kPcapHeaderBytes);
  if (format.swapped) {
    major = __builtin_bswap16(major);
    linktype = __builtin_bswap32(linktype);
  }
  if (major != 2) {
    return Error{Code::kInvalid, name + ": pcap version " + std::to_string(major) + " is not supported; expected 2"};
  }
  // The upper bits tell of frame check sequences, which IP's own length leaves out.
  format.link = link_type_of(linktype & 0xffff);
  return format;
}

}  // namespace rs::capture
