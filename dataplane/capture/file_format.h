// SPDX-License-Identifier: Apache-2.0
//
// The header of a capture file: which format, byte order, resolution and link type. pcap is
// draft-ietf-opsawg-pcap, pcapng draft-ietf-opsawg-pcapng; numbers are those of tcpdump.org/linktypes.html.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/capture/frame.h"
#include "proto/result.h"

namespace rs::capture {

inline constexpr size_t kPcapHeaderBytes = 24;
inline constexpr size_t kPcapngHeaderBytes = 28;  // smallest section header block
inline constexpr uint32_t kPcapngSection = 0x0a0d0d0a;
inline constexpr uint32_t kPcapngOrder = 0x1a2b3c4d;

struct FileFormat {
  bool pcapng = false;
  // The rest is pcap only; pcapng says it per section and interface.
  bool swapped = false;  // written on a machine of the other byte order
  LinkType link = LinkType::kUnsupported;
  uint32_t record_bytes = 16;   // record header; 24 with Kuznetzov's 0xa1b2cd34
  uint32_t ns_per_unit = 1000;  // of the timestamp's fraction
};

// From the file's first bytes (24 for pcap, 28 for pcapng; fewer when the file is shorter).
Result<FileFormat> parse_file_header(const std::string& name, Bytes head);

LinkType link_type_of(uint32_t linktype);

}  // namespace rs::capture
