// SPDX-License-Identifier: Apache-2.0
//
// One captured frame as every source hands it to the pipeline, and the burst they come in. A frame points into
// an mbuf or a mapped capture file; it is valid until the source's release().
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/base/types.h"

namespace rs::capture {

// First header of a frame. Values are ours; sources translate (pcap LINKTYPE_* numbers, see file_format.cc).
enum class LinkType : uint8_t {
  kEthernet = 0,
  kRawIp,         // LINKTYPE_RAW 101, IPV4 228, IPV6 229
  kLinuxCooked,   // LINKTYPE_LINUX_SLL 113
  kLinuxCooked2,  // LINKTYPE_LINUX_SLL2 276
  kNull,          // LINKTYPE_NULL 0 and LOOP 108: 4 bytes of address family
  kPpp,           // LINKTYPE_PPP 9, PPP_HDLC 50: PPP or Cisco HDLC, as the first byte tells
  kPppoe,         // LINKTYPE_PPP_ETHER 51
  kCiscoHdlc,     // LINKTYPE_C_HDLC 104
  kUnsupported,   // counted, not parsed
};

struct Frame {
  const uint8_t* data = nullptr;
  uint32_t captured_bytes = 0;
  uint32_t wire_bytes = 0;  // original length; more than captured_bytes when the capture was cut
  TimeNs time = 0;
  void* mbuf = nullptr;  // NIC sources only
  LinkType link = LinkType::kEthernet;
  uint8_t port = 0;         // index into the sensor's ports
  bool exact_time = false;  // stamped at arrival by a NIC or in a file; false: when its burst was taken
  uint8_t zero_ = 0;
  uint32_t zero2_ = 0;
};
static_assert(sizeof(Frame) == 40);

inline constexpr uint32_t kBurst = 32;  // DPDK's customary burst; our choice: larger bursts gained nothing

struct Burst {
  std::array<Frame, kBurst> frames;
  uint32_t count = 0;
  TimeNs now = 0;       // packet time after this burst; advances on quiet live ports too
  bool handed = false;  // came from another worker, see worker/handover.h
  // Captures: how far the input's time has come with each frame, and from where it started anew just before it (0: it
  // did not). See worker/stream_clock.h.
  std::array<TimeNs, kBurst> reached;
  std::array<TimeNs, kBurst> restarted;
};

}  // namespace rs::capture
