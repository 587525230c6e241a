// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/nic_source.h"

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_prefetch.h>

#include <algorithm>
#include <ctime>

#include "dataplane/capture/clock.h"
// last
#include "dataplane/capture/ethdev.h"

namespace rs::capture {

namespace {

// A quiet kernel interface is polled this often in a row, then every 50 us: its ring in the kernel holds thousands of
// packets, and the kernel needs the CPU to fill it. NICs are polled without rest: their rings hold microseconds.
constexpr uint32_t kPollsBeforeRest = 256;
constexpr long kRestNs = 50'000;

}  // namespace

NicSource::NicSource(Ports& ports, uint32_t worker) : ports_(ports), worker_(worker) {
  for (const auto& port : ports.all()) {
    for (uint16_t q = 0; q < port->queues; ++q) {
      if (q % ports.workers() == worker) queues_.push_back({port.get(), q});
    }
  }
  may_rest_ = std::all_of(queues_.begin(), queues_.end(), [](const Queue& q) { return q.port->interface_index != 0; });
}

bool NicSource::receive(Burst& burst) noexcept {
  burst.count = 0;
  if (stop_.load(std::memory_order_relaxed)) {
    burst.now = now_;
    return false;
  }
  std::array<rte_mbuf*, kBurst> mbufs;
  uint16_t count = 0;
  const Port* port = nullptr;
  for (size_t tries = queues_.size(); tries > 0 && count == 0; --tries) {
    const Queue& q = queues_[next_];
    if (++next_ == queues_.size()) next_ = 0;
    port = q.port;
    if (port->gone.load(std::memory_order_relaxed)) continue;
    count = rte_eth_rx_burst(port->id, q.queue, mbufs.data(), kBurst);
  }
  now_ = std::max(now_, ports_.clock().at(now_ticks()));
  burst.now = now_;
  if (count == 0) {
    rest();
    return true;
  }
  empty_polls_ = 0;

  uint64_t bytes = 0;
  uint64_t cut = 0;
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf* m = mbufs[i];
    Frame& f = burst.frames[i];
    f.data = rte_pktmbuf_mtod(m, const uint8_t*);
    rte_prefetch0(f.data);
    f.captured_bytes = m->data_len;
    f.wire_bytes = m->pkt_len;
    // AF_PACKET's driver keeps the original length to itself: a frame that fills its slot was longer.
    if (port->cut_bytes != 0 && m->data_len >= port->cut_bytes) f.wire_bytes = m->pkt_len + 1;
    f.time = now_;
    f.exact_time = false;
    if (port->nic_time && (m->ol_flags & ports_.time_flag()) != 0) {
      f.time = port->nic_clock.at(*RTE_MBUF_DYNFIELD(m, ports_.time_field(), rte_mbuf_timestamp_t*));
      f.exact_time = true;
    }
    f.mbuf = m;
    f.link = LinkType::kEthernet;
    f.port = port->index;
    bytes += f.wire_bytes;
    cut += f.captured_bytes < f.wire_bytes ? 1 : 0;
  }
  burst.count = count;
  rx_pkts_.add(count);
  rx_bytes_.add(bytes);
  if (cut != 0) truncated_.add(cut);
  return true;
}

void NicSource::rest() noexcept {
  if (!may_rest_ || ++empty_polls_ < kPollsBeforeRest) return;
  const timespec pause{.tv_sec = 0, .tv_nsec = kRestNs};
  nanosleep(&pause, nullptr);
}

void NicSource::release(Burst& burst) noexcept {
  std::array<rte_mbuf*, kBurst> mbufs;
  unsigned count = 0;
  for (uint32_t i = 0; i < burst.count; ++i) {
    mbufs[count] = static_cast<rte_mbuf*>(burst.frames[i].mbuf);
    count += mbufs[count] != nullptr ? 1 : 0;
  }
  rte_pktmbuf_free_bulk(mbufs.data(), count);
  burst.count = 0;
}

void NicSource::hold(void* mbuf, int16_t more) noexcept { rte_mbuf_refcnt_update(static_cast<rte_mbuf*>(mbuf), more); }

SourceCounts NicSource::counts() const {
  SourceCounts counts;
  counts.rx_pkts = rx_pkts_.get();
  counts.rx_bytes = rx_bytes_.get();
  counts.truncated_pkts = truncated_.get();
  counts.missed_pkts = worker_ == 0 ? ports_.missed_pkts() : 0;
  return counts;
}

}  // namespace rs::capture
