// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/port_plan.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace rs::capture {
namespace {

namespace fs = std::filesystem;

// Where the kernel puts an Ethernet frame in a TPACKET_V2 slot: TPACKET_ALIGN(TPACKET2_HDRLEN 52 + 16) - 14
// (tpacket_rcv in net/packet/af_packet.c).
constexpr uint32_t kFrameOffset = 66;
constexpr uint32_t kLinkOverhead = 14 + 2 * 4;  // Ethernet and two VLAN tags
constexpr uint32_t kMinSlotBytes = 2048;
constexpr uint32_t kMaxSlotBytes = 16384;  // holds 9 KiB jumbo frames
constexpr uint32_t kRingBytes = 16 << 20;  // our choice: 8 ms of 10 Gbit/s; DPDK maps as much again for sending
constexpr uint32_t kMaxInFlight = 1023;    // a burst in work and the lcore's cache of 256, which may hold 384

constexpr uint32_t kCacheMost = 384;  // what an lcore's cache of 256 may hold

constexpr uint32_t kMbufOverhead = 128 + 128 + 128;  // struct rte_mbuf, headroom, mempool header and padding
constexpr uint32_t kBaseMib = 48;                    // our choice: EAL, drivers, and rings between cores

bool bifurcated(std::string_view driver) { return driver == "mlx5_core" || driver == "mlx4_core" || driver == "mana"; }

Result<void> plan_pci(PortPlan& plan) {
  plan.device = plan.name.size() == 7 ? "0000:" + plan.name : plan.name;
  const fs::path dir = fs::path("/sys/bus/pci/devices") / plan.device;
  std::error_code error;
  if (!fs::exists(dir, error)) {
    return Error{Code::kNotFound, plan.name + ": no such PCI device (see: lspci -D | grep -i ethernet)"};
  }
  const std::string driver = fs::read_symlink(dir / "driver", error).filename().string();
  if (driver != "vfio-pci" && driver != "uio_pci_generic" && driver != "igb_uio" && !bifurcated(driver)) {
    return Error{Code::kUnavailable,
                 plan.name + ": bound to " + (driver.empty() ? "no driver" : "the kernel's " + driver) +
                     "; bind it to vfio-pci (its network interface disappears): dpdk-devbind.py -b vfio-pci " +
                     plan.device};
  }
  std::ifstream(dir / "numa_node") >> plan.numa_node;
  plan.buffers = nic_buffers();
  return {};
}

Result<void> plan_interface(PortPlan& plan, const config::Config& config, size_t number) {
  auto interface = examine_interface(plan.name);
  if (!interface) return interface.error();
  if (auto allowed = may_capture(plan.name); !allowed) return allowed;
  plan.interface = *interface;
  plan.numa_node = interface->numa_node;
  const config::Driver driver = choose_driver(plan.interface, config.capture.driver, config.capture.workers, &plan.why);
  use_driver(plan, driver, config.capture.workers, number);
  return {};
}

}  // namespace

Buffers af_packet_buffers(uint32_t mtu) {
  Buffers b;
  const uint64_t need = uint64_t{mtu} + kLinkOverhead + kFrameOffset;
  b.slot_bytes = std::bit_ceil(static_cast<uint32_t>(std::clamp<uint64_t>(need, kMinSlotBytes, kMaxSlotBytes)));
  b.slots = kRingBytes / b.slot_bytes;
  b.cut_bytes = b.slot_bytes - kFrameOffset;
  b.room_bytes = b.slot_bytes;  // the driver wants room for nearly a whole slot
  b.mbufs = kMaxInFlight;
  b.descriptors = 512;  // ignored by the driver
  return b;
}

Buffers af_xdp_buffers() {
  Buffers b;
  // The mbuf with all its headers is the kernel's chunk, which must not exceed a page.
  b.room_bytes = 4096 - kMbufOverhead - 256;
  b.descriptors = 2048;
  b.mbufs = 2 * 2048 + kMaxInFlight;  // the fill and receive rings, and what is in work
  return b;
}

Buffers nic_buffers() {
  Buffers b;
  b.room_bytes = 10240;  // 9 KiB jumbo frames in one mbuf; NICs count in units of up to 1 KiB
  b.descriptors = 4096;  // 275 us of 64-byte frames at 10 Gbit/s: outlasts a worker's longest stall
  b.mbufs = 4096 + kMaxInFlight;
  return b;
}

Buffers vdev_buffers() {
  Buffers b;
  b.room_bytes = 10240;
  b.descriptors = 512;
  b.mbufs = 512 + kMaxInFlight;
  return b;
}

uint32_t memory_mib(const std::vector<PortPlan>& plans) {
  uint64_t bytes = 0;
  for (const PortPlan& plan : plans) {
    bytes +=
        uint64_t{plan.queues} * (plan.buffers.mbufs + plan.handed_mbufs) * (plan.buffers.room_bytes + kMbufOverhead);
  }
  return static_cast<uint32_t>(bytes * 9 / 8 >> 20) + kBaseMib;
}

void use_driver(PortPlan& plan, config::Driver driver, uint32_t workers, size_t number) {
  plan.driver = driver;
  if (driver == config::Driver::kAfXdp) {
    plan.queues = plan.interface.xdp_queues;  // all: an unread queue's frames go unseen
    plan.buffers = af_xdp_buffers();
    plan.device = "net_af_xdp" + std::to_string(number);
    plan.arguments = "iface=" + plan.name + ",start_queue=0,queue_count=" + std::to_string(plan.queues);
    return;
  }
  plan.queues = workers;
  plan.buffers = af_packet_buffers(plan.interface.mtu);
  plan.device = "net_af_packet" + std::to_string(number);
  // 64 KiB blocks: a multiple of every slot size, small enough for the kernel to find in one piece.
  plan.arguments = "iface=" + plan.name + ",qpairs=" + std::to_string(plan.queues) +
                   ",blocksz=65536,framesz=" + std::to_string(plan.buffers.slot_bytes) +
                   ",framecnt=" + std::to_string(plan.buffers.slots);
}

Result<std::vector<PortPlan>> plan_ports(const config::Config& config) {
  std::vector<PortPlan> plans;
  for (const std::string& name : config.capture.ports) {
    PortPlan plan;
    plan.name = name;
    plan.kind = config::kind_of(name);
    plan.queues = config.capture.workers;
    Result<void> done;
    switch (plan.kind) {
      case config::PortKind::kFile:
        continue;
      case config::PortKind::kPci:
        done = plan_pci(plan);
        break;
      case config::PortKind::kInterface:
        done = plan_interface(plan, config, plans.size());
        break;
      case config::PortKind::kVdev: {
        const size_t comma = name.find(',');
        plan.device = name.substr(0, comma);
        if (comma != std::string::npos) plan.arguments = name.substr(comma + 1);
        plan.buffers = vdev_buffers();
        break;
      }
    }
    if (!done) return done.error();
    if (config.capture.handover != config::Handover::kOff)
      plan.handed_mbufs = (config.capture.workers - 1) * (kLaneFrames + kCacheMost);
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace rs::capture
