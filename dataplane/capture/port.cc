// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/port.h"

#include <net/if.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "dataplane/capture/eal_log.h"
// last
#include "dataplane/capture/ethdev.h"

namespace rs::capture {
namespace {

using config::Driver;
using config::PortKind;

// Fragments after the first carry no ports and hash by address alone; see port.h for UDP.
constexpr uint64_t kHashTypes = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP;
constexpr uint32_t kJumboMtu = 9216;
constexpr unsigned kMbufCache = 256;  // DPDK's customary size

Error failed(const Port& port, const std::string& what, int code) {
  std::string text = port.name + ": " + what;
  if (code != 0) text.append(": ").append(rte_strerror(code < 0 ? -code : code));
  const std::string said = take_eal_warnings();
  if (!said.empty()) text += " (DPDK says: " + said + ")";
  const int reason = code < 0 ? -code : code;
  const Code kind = reason == ENOMEM                      ? Code::kResource
                    : reason == EPERM || reason == EACCES ? Code::kPermission
                                                          : Code::kUnavailable;
  return {kind, text};
}

// The device was unplugged; its queues must not be polled any more.
int on_removal(uint16_t, rte_eth_event_type, void* port, void*) {
  static_cast<Port*>(port)->gone.store(true, std::memory_order_relaxed);
  return 0;
}

Clock::Sample nic_sample(uint16_t id) {
  Clock::Sample sample = sample_now();
  (void)rte_eth_read_clock(id, &sample.ticks);
  return sample;
}

uint16_t queue_count(const PortPlan& plan, const rte_eth_dev_info& info) {
  // What these devices' arguments set up is all read: an unread queue's frames go unseen.
  const std::string driver = info.driver_name;
  if (plan.kind == PortKind::kVdev && (driver == "net_af_packet" || driver == "net_pcap"))
    return std::max<uint16_t>(info.max_rx_queues, 1);
  const bool spreads = plan.kind == PortKind::kInterface || (info.flow_type_rss_offloads & kHashTypes) != 0;
  return static_cast<uint16_t>(
      std::clamp<uint32_t>(spreads ? plan.queues : 1, 1, std::max<uint32_t>(info.max_rx_queues, 1)));
}

}  // namespace

std::vector<uint8_t> symmetric_rss_key(size_t bytes) {
  std::vector<uint8_t> key(bytes);
  for (size_t i = 0; i < bytes; ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  return key;
}

Result<std::unique_ptr<Ports>> Ports::open(const config::Config& config, std::vector<PortPlan> plans) {
  std::unique_ptr<Ports> ports(new Ports);
  ports->workers_ = config.capture.workers;
  ports->clock_.start(sample_now(), ticks_hz());
  for (size_t i = 0; i < plans.size(); ++i) {
    if (auto done = ports->open_port(config, plans[i], i); !done) return done.error();
  }
  return ports;
}

Result<void> Ports::open_port(const config::Config& config, PortPlan& plan, size_t number) {
  ports_.push_back(std::make_unique<Port>());
  Port& port = *ports_.back();
  port.name = plan.name;
  port.index = static_cast<uint8_t>(number);
  port.interface_index = plan.interface.index;
  (void)take_eal_warnings();
  if (auto done = attach(config, plan, number, port); !done) return done;
  port.cut_bytes = plan.buffers.cut_bytes;
  if (auto done = start(config, plan, port); !done) return done;

  if (plan.kind == PortKind::kInterface) {
    if (plan.driver == Driver::kAfPacket) port.sockets.find(plan.interface.index);
    if (plan.interface.loopback) port.sockets.ignore_outgoing();
    if (config.capture.promiscuous) {
      auto held = port.sockets.hold_promiscuous(plan.name, plan.interface.index);
      if (!held) warnings_.push_back(held.error().text);
    }
    port.link_up = plan.interface.carrier;
    if (!plan.interface.carrier) warnings_.push_back(plan.name + ": no link; check the cable or the mirror session");
  } else if (config.capture.promiscuous && rte_eth_promiscuous_enable(port.id) != 0) {
    warnings_.push_back(plan.name + ": the device refused promiscuous mode; frames to others may be missing");
  }
  warn_about_queues(plan, port);
  return {};
}

// Makes the device known to DPDK and finds its number.
Result<void> Ports::attach(const config::Config& config, PortPlan& plan, size_t number, Port& port) {
  if (plan.kind != PortKind::kPci) {
    int code = rte_eal_hotplug_add("vdev", plan.device.c_str(), plan.arguments.c_str());
    if (code != 0 && plan.driver == Driver::kAfXdp && config.capture.driver == Driver::kAuto) {
      warnings_.push_back(plan.name + ": AF_XDP did not open, AF_PACKET is used (DPDK says: " + take_eal_warnings() +
                          ")");
      use_driver(plan, Driver::kAfPacket, config.capture.workers, number);
      code = rte_eal_hotplug_add("vdev", plan.device.c_str(), plan.arguments.c_str());
    }
    if (code != 0) {
      const bool unknown = plan.kind == PortKind::kVdev;
      return failed(port,
                    unknown ? "DPDK could not create this device; check its name and arguments"
                            : "could not be opened through " + plan.device,
                    code);
    }
  }
  if (plan.kind != PortKind::kPci) port.hotplugged = plan.device;
  if (rte_eth_dev_get_port_by_name(plan.device.c_str(), &port.id) != 0) {
    return failed(port, "DPDK has no driver that made a port of it (is its PMD package installed?)", 0);
  }
  return {};
}

Result<void> Ports::start(const config::Config& config, const PortPlan& plan, Port& port) {
  rte_eth_dev_info info{};
  if (const int code = rte_eth_dev_info_get(port.id, &info); code != 0)
    return failed(port, "tells nothing of itself", code);
  port.driver = info.driver_name;
  port.queues = queue_count(plan, info);
  port.numa_node = plan.numa_node;
  for (uint16_t q = 0; q < port.queues; ++q) {
    // A pool a queue: AF_XDP hands the whole pool to the kernel, and queues do not contend for buffers.
    const std::string name = "rx" + std::to_string(port.id) + "_" + std::to_string(q);
    rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), plan.buffers.mbufs + plan.handed_mbufs, kMbufCache, 0,
                                                static_cast<uint16_t>(plan.buffers.room_bytes + RTE_PKTMBUF_HEADROOM),
                                                rte_eth_dev_socket_id(port.id));
    if (pool == nullptr) {
      Error error = failed(port, "no memory for its packet buffers", rte_errno);
      error.text +=
          config.capture.memory_mib != 0 ? "; raise capture.memory_mib" : "; fewer ports or workers need less";
      return error;
    }
    port.pools.push_back(pool);
  }

  if (auto done = configure_somehow(plan, port); !done) return done;
  port.started = true;
  check_spread(plan, port);
  rte_eth_dev_callback_register(port.id, RTE_ETH_EVENT_INTR_RMV, on_removal, &port);
  if (port.nic_time) start_nic_clock(port);
  return {};
}

// No send queue at all. A driver that insists gets what it insists on (net_af_xdp: as many as receive queues); nothing
// in this program can reach them. A device that does not take our hash key keeps its own: the check will tell.
Result<void> Ports::configure_somehow(const PortPlan& plan, Port& port) {
  Result<void> first;
  for (const bool own_key : {true, false}) {
    for (const uint16_t send_queues : {uint16_t{0}, uint16_t{1}, port.queues}) {
      auto done = configure(plan, port, send_queues, own_key);
      if (done) {
        if (send_queues != 0) {
          warnings_.push_back(port.name + ": " + port.driver + " does not start without send queues; it has " +
                              std::to_string(send_queues) + ", never used");
        }
        return {};
      }
      if (own_key && send_queues == 0) first = done;
    }
    if (port.queues == 1 || plan.kind == PortKind::kInterface) break;  // no key was given
  }
  return first;
}

// See spread.h. AF_XDP keeps the hash of the NIC below it, which interface.cc has looked at.
void Ports::check_spread(const PortPlan& plan, Port& port) {
  port.spread = known_spread(port.driver, port.queues);
  if (!port.spread.why.empty()) return;
  if (plan.kind == PortKind::kInterface) {
    port.spread = {plan.interface.symmetric_rss, 0,
                   plan.interface.symmetric_rss
                       ? "the NIC's hash key is symmetric"
                       : "the NIC's hash key is not symmetric (ethtool -X " + port.name + " hkey 6d:5a:6d:5a:...)"};
    return;
  }
  const auto rss = read_rss(port.id);
  port.spread = rss ? check_rss(*rss, workers_) : Spread{false, 0, rss.error().text};
}

Result<void> Ports::configure(const PortPlan& plan, Port& port, uint16_t send_queues, bool own_key) {
  rte_eth_dev_info info{};
  if (const int code = rte_eth_dev_info_get(port.id, &info); code != 0)
    return failed(port, "tells nothing of itself", code);
  rte_eth_conf conf{};
  std::vector<uint8_t> key = symmetric_rss_key(info.hash_key_size == 0 ? 40 : info.hash_key_size);
  if (port.queues > 1 && plan.kind != PortKind::kInterface) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    if (own_key) {
      conf.rx_adv_conf.rss_conf.rss_key = key.data();
      conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<uint8_t>(key.size());
    }
    conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & kHashTypes;
  }
  if (plan.kind == PortKind::kPci) {
    conf.rxmode.mtu = std::clamp<uint32_t>(kJumboMtu, info.min_mtu, info.max_mtu);
    // A NIC's stamps are of use only when its clock can be read, to know what they mean.
    uint64_t ticks = 0;
    port.nic_time = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0 &&
                    rte_eth_read_clock(port.id, &ticks) == 0 &&
                    rte_mbuf_dyn_rx_timestamp_register(&time_field_, &time_flag_) == 0;
    if (port.nic_time) conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
  }
  if (const int code = rte_eth_dev_configure(port.id, port.queues, send_queues, &conf); code != 0) {
    return failed(port, "refused " + std::to_string(port.queues) + " queues", code);
  }
  uint16_t descriptors = plan.buffers.descriptors;
  uint16_t send_descriptors = 64;
  (void)rte_eth_dev_adjust_nb_rx_tx_desc(port.id, &descriptors, &send_descriptors);
  const int socket = rte_eth_dev_socket_id(port.id);
  rte_eth_rxconf rx = info.default_rxconf;
  rx.rx_drop_en = 1;  // a full queue must not stop the others
  rx.offloads = conf.rxmode.offloads;
  for (uint16_t q = 0; q < port.queues; ++q) {
    const int code = rte_eth_rx_queue_setup(port.id, q, descriptors, static_cast<unsigned>(socket), &rx, port.pools[q]);
    if (code != 0) return failed(port, "queue " + std::to_string(q) + " was refused", code);
  }
  for (uint16_t q = 0; q < send_queues; ++q) {
    const int code = rte_eth_tx_queue_setup(port.id, q, send_descriptors, static_cast<unsigned>(socket), nullptr);
    if (code != 0) return failed(port, "its unused send queue was refused", code);
  }
  if (const int code = rte_eth_dev_start(port.id); code != 0) return failed(port, "did not start", code);
  return {};
}

void Ports::start_nic_clock(Port& port) {
  // Its rate is unknown: measure it once here, then with every refresh().
  const Clock::Sample a = nic_sample(port.id);
  const timespec nap{0, 20'000'000};
  ::nanosleep(&nap, nullptr);
  const Clock::Sample b = nic_sample(port.id);
  if (b.ticks <= a.ticks) {
    port.nic_time = false;
    return;
  }
  port.nic_clock.start(
      a, static_cast<double>(b.ticks - a.ticks) * 1e9 / static_cast<double>(b.monotonic_ns - a.monotonic_ns));
  port.nic_clock.calibrate(b);
}

void Ports::warn_about_queues(const PortPlan& plan, const Port& port) {
  if (plan.driver == Driver::kAfXdp && port.queues < plan.interface.rx_queues) {
    warnings_.push_back(port.name + ": AF_XDP reads " + std::to_string(port.queues) + " of its " +
                        std::to_string(plan.interface.rx_queues) +
                        " queues, frames in the others are not seen; set capture.driver to af_packet");
  }
}

std::string Ports::parted() const {
  if (workers_ == 1) return {};  // every queue is its own
  for (const auto& port : ports_) {
    if (!port->spread.symmetric) return port->name + ": " + port->spread.why;
    if (port->queues < workers_) {
      return port->name + ": " + std::to_string(port->queues) + (port->queues == 1 ? " queue for " : " queues for ") +
             std::to_string(workers_) + " workers";
    }
  }
  for (const auto& port : ports_) {
    const Port& first = *ports_.front();
    if (port != ports_.front() && (port->spread.mapping == 0 || port->spread.mapping != first.spread.mapping))
      return first.name + " and " + port->name + " share connections out differently";
  }
  return {};
}

void Ports::refresh_drops() {
  for (const auto& port : ports_) {
    if (port->gone.load(std::memory_order_relaxed)) continue;
    port->socket_drops += port->sockets.take_drops();
    rte_eth_stats stats{};
    if (rte_eth_stats_get(port->id, &stats) != 0) continue;
    port->missed_pkts.set(stats.imissed + stats.rx_nombuf + port->socket_drops);
    port->error_pkts.set(stats.ierrors);
  }
}

std::vector<std::string> Ports::refresh() {
  std::vector<std::string> news;
  clock_.calibrate(sample_now());
  refresh_drops();
  for (const auto& port : ports_) {
    if (port->gone.load(std::memory_order_relaxed)) continue;
    if (port->nic_time) port->nic_clock.calibrate(nic_sample(port->id));
    bool up = true;
    if (port->interface_index != 0) {
      if (::if_nametoindex(port->name.c_str()) != port->interface_index) {
        port->gone.store(true, std::memory_order_relaxed);
      } else {
        auto now = examine_interface(port->name);
        up = now && now->carrier;
      }
    } else {
      rte_eth_link link{};
      up = rte_eth_link_get_nowait(port->id, &link) != 0 || link.link_status == RTE_ETH_LINK_UP;
    }
    if (port->gone.load(std::memory_order_relaxed)) {
      news.push_back(port->name + ": the port is gone; nothing more is received from it until the sensor is restarted");
      port->link_up.store(false, std::memory_order_relaxed);
    } else if (up != port->link_up.exchange(up, std::memory_order_relaxed)) {
      news.push_back(port->name + (up ? ": link is up" : ": link is down; nothing is received until it is back"));
    }
  }
  return news;
}

uint64_t Ports::missed_pkts() const {
  uint64_t sum = 0;
  for (const auto& port : ports_) sum += port->missed_pkts.get();
  return sum;
}

Ports::~Ports() {
  for (const auto& port : ports_) {
    port->sockets = PacketSockets();
    if (port->started) {
      rte_eth_dev_callback_unregister(port->id, RTE_ETH_EVENT_INTR_RMV, on_removal, port.get());
      rte_eth_dev_stop(port->id);
    }
    if (!port->driver.empty()) rte_eth_dev_close(port->id);
    if (!port->hotplugged.empty()) rte_eal_hotplug_remove("vdev", port->hotplugged.c_str());
    for (rte_mempool* pool : port->pools) rte_mempool_free(pool);
  }
}

}  // namespace rs::capture
