// SPDX-License-Identifier: Apache-2.0
//
// The live mirror ports as DPDK ethdevs: opened, started, asked for drops, closed by the control thread; their
// queues are polled by NicSource. Nothing can be sent: no send queue is set up (see ethdev.h).
//
// Both directions of a connection must meet on one worker. Queue q of every port belongs to worker q % workers, so
// each port must hash symmetrically:
// - NICs get the Toeplitz key 0x6d5a... over IP addresses and TCP ports. UDP ports are left out on purpose: the outer
//   source port of VXLAN or GENEVE differs by direction, the outer addresses do not.
// - AF_PACKET spreads frames over its sockets by the kernel's fanout hash, __skb_get_hash_symmetric(): the dissector's
//   addresses and ports, put in order before hashing, so direction does not matter; it looks into VLAN, GRE and
//   IP-in-IP. It does hash UDP ports, so a UDP tunnel's two directions may part. Under overload the driver's ROLLOVER
//   flag may move frames to a queue with room. IPv4 fragments arrive put together (FLAG_DEFRAG).
// - AF_XDP keeps whatever hash the NIC has.
// Whether a port really does is checked at opening (spread.h). Where one does not, has fewer queues than there are
// workers, or spreads flows otherwise than another port, workers hand packets over (parted(), worker/handover.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/capture/clock.h"
#include "dataplane/capture/counter.h"
#include "dataplane/capture/packet_sockets.h"
#include "dataplane/capture/port_plan.h"
#include "dataplane/capture/spread.h"
#include "dataplane/config/config.h"
#include "proto/result.h"

struct rte_mempool;

namespace rs::capture {

struct Port {
  std::string name;
  std::string driver;      // as DPDK names it
  std::string hotplugged;  // virtual device to remove at the end
  uint16_t id = 0;         // DPDK's
  uint16_t queues = 0;
  uint8_t index = 0;  // in capture.ports
  Spread spread;      // how it shares connections out to its queues
  int numa_node = -1;
  bool nic_time = false;  // frames may carry the NIC's timestamp, read through nic_clock
  bool started = false;
  uint32_t cut_bytes = 0;        // AF_PACKET: see Buffers
  uint32_t interface_index = 0;  // kernel interfaces
  Clock nic_clock;
  PacketSockets sockets;
  std::vector<rte_mempool*> pools;   // one a queue
  std::atomic<bool> gone = false;    // w: control, r: workers. No longer polled
  std::atomic<bool> link_up = true;  // w: control
  uint64_t socket_drops = 0;         // control thread
  Counter missed_pkts;               // w: control. Never received for want of room or buffers
  Counter error_pkts;                // w: control. Arrived damaged
};

class Ports {
 public:
  // EAL runs. All ports or none. `plans` from plan_ports().
  static Result<std::unique_ptr<Ports>> open(const config::Config& config, std::vector<PortPlan> plans);
  ~Ports();
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;

  [[nodiscard]] const std::vector<std::unique_ptr<Port>>& all() const { return ports_; }
  [[nodiscard]] uint32_t workers() const { return workers_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  // any thread: what a frame that came now would be stamped with
  [[nodiscard]] TimeNs now() const { return clock_.at(now_ticks()); }
  // Why the ports' queues do not bring all packets of a connection to one worker, so that hand-over is needed; empty
  // when they do.
  [[nodiscard]] std::string parted() const;

  // control thread, about once a second: link state, calibrates the clocks, reads drops. Returns news for the log,
  // e.g. that an interface went down or away.
  std::vector<std::string> refresh();
  // control thread: drops alone, cheap enough for ten times a second.
  void refresh_drops();
  // any thread
  [[nodiscard]] uint64_t missed_pkts() const;
  // What the operator should know of opening.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  // offset_in_mbuf of DPDK's timestamp field and its flag; meaningful when a port has nic_time.
  [[nodiscard]] int time_field() const { return time_field_; }
  [[nodiscard]] uint64_t time_flag() const { return time_flag_; }

 private:
  Ports() = default;
  Result<void> open_port(const config::Config& config, PortPlan& plan, size_t number);
  Result<void> attach(const config::Config& config, PortPlan& plan, size_t number, Port& port);
  Result<void> start(const config::Config& config, const PortPlan& plan, Port& port);
  Result<void> configure(const PortPlan& plan, Port& port, uint16_t send_queues, bool own_key);
  Result<void> configure_somehow(const PortPlan& plan, Port& port);
  void check_spread(const PortPlan& plan, Port& port);
  void start_nic_clock(Port& port);
  void warn_about_queues(const PortPlan& plan, const Port& port);

  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::string> warnings_;
  Clock clock_;
  uint32_t workers_ = 1;
  int time_field_ = -1;
  uint64_t time_flag_ = 0;
};

// 0x6d5a repeated; see symmetric_key().
std::vector<uint8_t> symmetric_rss_key(size_t bytes);

}  // namespace rs::capture
