// SPDX-License-Identifier: Apache-2.0
//
// What opening each live port will take, found out before EAL starts: that it exists and may be opened, which driver
// reads it, how many queues, which buffers. So that wrong names and missing rights are told in plain words, and EAL
// gets the right amount of memory. Control thread. Changes nothing on the machine.
//
// Buffers. A frame must fit one mbuf: whatever is longer is cut (AF_PACKET) or arrives in segments (NICs) of which
// the first is used, and counted as truncated. AF_PACKET rings have slots of one size, a power of two that holds the
// MTU with two VLAN tags, 2 to 16 KiB; frames the kernel merged (GRO, on lo or veth up to 64 KiB) are cut at that
// size. Nothing is lost by it: IP's length field still tells the true size, and the pipeline reads headers and the
// first payload bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/capture/interface.h"
#include "dataplane/config/config.h"
#include "dataplane/config/ports.h"
#include "proto/result.h"

namespace rs::capture {

struct Buffers {
  uint32_t room_bytes = 0;   // of an mbuf, without headroom
  uint32_t mbufs = 0;        // a queue
  uint16_t descriptors = 0;  // a queue
  // AF_PACKET only.
  uint32_t slot_bytes = 0;
  uint32_t slots = 0;
  uint32_t cut_bytes = 0;  // a frame this long was cut there, or would have fitted by a hair
};

struct PortPlan {
  std::string name;    // as configured
  std::string device;  // as EAL calls it
  std::string arguments;
  config::PortKind kind = config::PortKind::kInterface;
  config::Driver driver = config::Driver::kAuto;  // kernel interfaces: never kAuto
  Interface interface;                            // kernel interfaces
  std::string why;                                // of the driver's choice
  uint32_t queues = 1;                            // wanted; fewer when the port cannot
  int numa_node = -1;
  Buffers buffers;
  uint32_t handed_mbufs = 0;  // a queue, on top: what may wait in lanes to other workers and in their caches
};

Buffers af_packet_buffers(uint32_t mtu);
Buffers af_xdp_buffers();
Buffers nic_buffers();
Buffers vdev_buffers();

// Room in one lane from one worker to another, in frames; see worker/handover.h. Our choice: a taker that is away for a
// millisecond at a million packets a second loses none; every frame there is a buffer its port cannot use.
inline constexpr uint32_t kLaneFrames = 1024;

// EAL memory for all ports' buffers and what else lives there, in MiB.
uint32_t memory_mib(const std::vector<PortPlan>& plans);

// Sets driver, device, arguments and buffers of a kernel interface's plan.
void use_driver(PortPlan& plan, config::Driver driver, uint32_t workers, size_t number);

// One plan a live port; none when the configuration reads files.
Result<std::vector<PortPlan>> plan_ports(const config::Config& config);

}  // namespace rs::capture
