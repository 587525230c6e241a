// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/health_blob.h"

#include "control/store/sqlite/body.h"

namespace rs::store::sqlite {
namespace {

constexpr uint64_t kFormat = 1;
constexpr uint64_t kHealthFormat = 2;  // 2: losses; 1 is still read

}  // namespace

void encode_health(const model::Health& h, std::string& out) {
  out.clear();
  for (const uint64_t v : {kHealthFormat, h.time_ns, uint64_t{h.workers}, h.rx_pkts, h.rx_bytes, h.missed_pkts, h.flows,
                           h.flow_capacity, h.ring_dropped_events, h.lost_batches, h.lost_events})
    put_varint(out, v);
  put_text(out, h.version);
  put_varint(out, h.ports.size());
  for (const std::string& port : h.ports) put_text(out, port);
  put_varint(out, h.counters.size());
  for (const model::Counter& counter : h.counters) {
    put_text(out, counter.name);
    put_varint(out, counter.value);
  }
  put_varint(out, h.blind_seconds);
  put_varint(out, h.losses.size());
  for (const model::LossSecond& l : h.losses)
    for (const uint64_t v :
         {l.second, l.missed_pkts, l.handover_dropped_pkts, l.table_full_pkts, l.evicted_flows, l.ring_dropped_events})
      put_varint(out, v);
}

bool decode_health(std::string_view blob, model::Health& h) {
  h = {};
  BodyReader in(blob);
  const uint64_t format = in.varint();
  if (format < 1 || format > kHealthFormat) return false;
  h.time_ns = in.varint();
  h.workers = static_cast<uint32_t>(in.varint());
  for (uint64_t* field : {&h.rx_pkts, &h.rx_bytes, &h.missed_pkts, &h.flows, &h.flow_capacity, &h.ring_dropped_events,
                          &h.lost_batches, &h.lost_events})
    *field = in.varint();
  h.version = in.text();
  h.ports.resize(in.count(1));
  for (std::string& port : h.ports) port = in.text();
  h.counters.resize(in.count(2));
  for (model::Counter& counter : h.counters) {
    counter.name = in.text();
    counter.value = in.varint();
  }
  if (format >= 2) {
    h.blind_seconds = in.varint();
    h.losses.resize(in.count(6));
    for (model::LossSecond& l : h.losses)
      for (uint64_t* field : {&l.second, &l.missed_pkts, &l.handover_dropped_pkts, &l.table_full_pkts, &l.evicted_flows,
                              &l.ring_dropped_events})
        *field = in.varint();
  }
  if (!in.ok()) h = {};
  return in.ok();
}

void encode_causes(const std::vector<model::CauseCount>& by_cause, std::string& out) {
  out.clear();
  put_varint(out, kFormat);
  put_varint(out, by_cause.size());
  for (const model::CauseCount& one : by_cause) {
    put_varint(out, static_cast<uint64_t>(one.cause));
    put_varint(out, one.count);
  }
}

}  // namespace rs::store::sqlite
