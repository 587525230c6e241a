// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_metrics.h"

namespace rs {
namespace {

using metrics::Page;

constexpr double kNs = 1e-9;

// Counters of the report beside the outcomes: name there, name here, what it is.
struct Told {
  const char* counter;
  const char* name;
  const char* help;
};
constexpr Told kTold[] = {
    {"handover_dropped", "handover_dropped_packets", "Packets dropped between two workers."},
    {"handed_over", "handed_over_packets", "Packets one worker gave to another."},
    {"connections", "connections", "Connections that began."},
    {"endings", "endings", "Endings with a verdict."},
    {"endings_folded", "endings_folded", "Endings counted in an event of another one."},
    {"events_whole", "events_whole", "Endings sent as an event of their own."},
    {"ring_dropped_endings", "ring_dropped_endings", "Endings lost because the ring to the export core was full."},
    {"retransmissions", "retransmissions", "Segments that had been seen before."},
    {"mirror_duplicates", "mirror_duplicate_packets", "Copies of a packet made by the mirror."},
    {"late_rsts", "late_resets", "RSTs for connections that had ended already."},
    {"evicted_closed", "evicted_closed_flows", "Closed connections given up for new ones."},
    {"evicted_unestablished", "evicted_unestablished_flows", "Unestablished connections given up for new ones."},
    {"expired_idle", "expired_flows", "Connections forgotten because they were silent for too long."},
    {"truncated", "truncated_packets", "Packets that were captured only in part."},
    {"bad_records", "bad_records", "Records of a capture file that cannot be read."},
    {"blind_seconds", "blind_seconds", "Seconds in which packets were lost."},
};

void fill_ports(const Parts& parts, Page& page) {
  if (parts.ports == nullptr) return;
  const auto each = [&](auto&& value) {
    for (const auto& port : parts.ports->all()) page.add(value(*port), {{"port", port->name}});
  };
  page.counter("resetscope_sensor_port_missed_packets_total",
               "Packets the port dropped since nobody took them in time (imissed), or for want of buffers (nombuf).");
  each([](const capture::Port& p) { return p.missed_pkts.get(); });
  page.counter("resetscope_sensor_port_errors_total", "Packets the port received damaged (ierrors).");
  each([](const capture::Port& p) { return p.error_pkts.get(); });
  page.gauge("resetscope_sensor_port_up", "1 while the port has a link.");
  each([](const capture::Port& p) { return uint64_t{p.link_up.load(std::memory_order_relaxed) ? 1u : 0u}; });
}

void fill_export(event::Exporter& exporter, Page& page) {
  const event::ExporterStats s = exporter.stats();
  page.counter("resetscope_sensor_events_total", "Events put into batches.").add(s.events);
  page.counter("resetscope_sensor_batches_total", "Batches made.").add(s.batches);
  page.counter("resetscope_sensor_batches_sent_total", "Batches sent, those sent again included.")
      .add(s.uplink.sent_batches);
  page.counter("resetscope_sensor_sent_bytes_total", "Bytes of batches sent.").add(s.uplink.sent_bytes);
  page.counter("resetscope_sensor_batches_acknowledged_total", "Batches the control plane has taken.")
      .add(s.uplink.acked_batches);
  page.counter("resetscope_sensor_batches_refused_total", "Batches the control plane refused; they are gone.")
      .add(s.uplink.refused_batches);
  page.counter("resetscope_sensor_lost_batches_total", "Batches dropped because the spool was full or damaged.")
      .add(s.spool.lost_batches);
  page.counter("resetscope_sensor_lost_events_total", "Events in them.").add(s.spool.lost_events);
  page.counter("resetscope_sensor_spool_errors_total", "Times the disk refused the spool.").add(s.spool.disk_errors);
  page.gauge("resetscope_sensor_waiting_batches", "Batches not acknowledged yet.").add(s.spool.waiting_batches);
  page.gauge("resetscope_sensor_spool_bytes", "Bytes of the spool on disk.").add(s.spool.disk_bytes);
  page.gauge("resetscope_sensor_control_connected", "1 while the control plane takes batches.")
      .add(uint64_t{s.uplink.connected ? 1u : 0u});
  page.counter("resetscope_sensor_streams_total", "Streams opened to the control plane.").add(s.uplink.streams);
}

}  // namespace

void fill_page(const Parts& parts, event::Exporter& exporter, Page& page) {
  metrics::add_process(page, "resetscope_sensor");
  const capture::SourceCounts source = received(parts);
  page.counter("resetscope_sensor_received_packets_total", "Packets taken in.").add(source.rx_pkts);
  page.counter("resetscope_sensor_received_bytes_total", "Bytes of these packets as captured.").add(source.rx_bytes);
  page.counter("resetscope_sensor_missed_packets_total", "Packets dropped before they could be taken in.")
      .add(source.missed_pkts);
  const Numbers all = counters(parts);
  page.counter("resetscope_sensor_packets_total", "Packets by what became of them: each in exactly one outcome.");
  for (size_t i = 0; i < all.size() && all[i].first != "handover_dropped"; ++i)
    page.add(all[i].second, {{"outcome", all[i].first}});
  for (const Told& told : kTold)
    for (const auto& [name, value] : all)
      if (name == told.counter)
        page.counter(std::string("resetscope_sensor_") + told.name + "_total", told.help).add(value);
  uint64_t flows = 0;
  uint64_t capacity = 0;
  page.gauge("resetscope_sensor_packet_timestamp_seconds", "Newest packet time of each worker.");
  for (size_t i = 0; i < parts.workers.size(); ++i) {
    const worker::Worker& w = *parts.workers[i];
    flows += w.counters.flows.load(std::memory_order_relaxed);
    capacity += w.setup.flow_capacity;
    const TimeNs now = w.counters.now.load(std::memory_order_relaxed);
    page.add(static_cast<double>(now) * kNs, {{"worker", std::to_string(i)}});
  }
  page.gauge("resetscope_sensor_flows", "Connections tracked now.").add(flows);
  page.gauge("resetscope_sensor_flow_capacity", "Connections that can be tracked at once.").add(capacity);
  fill_ports(parts, page);
  fill_export(exporter, page);
}

}  // namespace rs
