// SPDX-License-Identifier: Apache-2.0
#include "perf/traffic/flows.h"

namespace rs::perf {
namespace {

using packet::kAck;
using packet::kPsh;
using packet::kRst;
using packet::kSyn;

// MSS, SACK permitted, window scale would not fit 64 bytes: MSS alone and padding.
constexpr std::array<uint8_t, 4> kMss = {2, 4, 0x05, 0xb4};
constexpr uint32_t kPortsPerClient = 16'384;
constexpr uint16_t kFirstPort = 32'768;

constexpr uint32_t scatter(uint64_t x) {
  x *= 0x9e3779b97f4a7c15;
  x ^= x >> 29;
  return static_cast<uint32_t>((x * 0xbf58476d1ce4e5b9) >> 32);
}

}  // namespace

Flows::Flows(uint32_t count, uint32_t salt) : salt_(salt), state_(count) {}

uint32_t Flows::client_ip(uint32_t flow) const { return 0x0a000001U + (salt_ << 16) + flow / kPortsPerClient; }
uint16_t Flows::client_port(uint32_t flow) const { return static_cast<uint16_t>(kFirstPort + flow % kPortsPerClient); }
uint32_t Flows::flow_of(uint32_t client_ip, uint16_t client_port) const {
  return (client_ip - 0x0a000001U - (salt_ << 16)) * kPortsPerClient + (client_port - kFirstPort);
}

uint32_t Flows::isn(uint32_t flow, int end) const {
  return scatter(uint64_t{state_[flow].incarnation} << 40 | uint64_t{flow} << 1 | static_cast<uint32_t>(end));
}

Segment Flows::from(uint32_t flow, int end, uint8_t flags, size_t payload) {
  State& s = state_[flow];
  Segment g;
  const uint32_t server = 0xac100000U + flow % kServers;
  g.src_ip = end == 0 ? client_ip(flow) : server;
  g.dst_ip = end == 0 ? server : client_ip(flow);
  g.src_port = end == 0 ? client_port(flow) : kServerPort;
  g.dst_port = end == 0 ? kServerPort : client_port(flow);
  g.seq = s.seq[end];
  g.ack = (flags & kAck) != 0 ? s.seq[1 - end] : 0;
  g.flags = flags;
  g.ttl = end == 0 ? 57 : 63;
  g.ip_id = static_cast<uint16_t>(flow + s.pkts[end]);
  g.payload = end == 0 ? &request_ : &response_;
  g.payload_bytes = payload;
  if ((flags & kSyn) != 0) {
    g.window = 64'240;
    g.options = kMss.data();
    g.option_bytes = kMss.size();
  }
  if ((flags & kAck) != 0) s.acked[end] = g.ack;
  s.seq[end] += static_cast<uint32_t>(payload) + ((flags & kSyn) != 0 ? 1U : 0U);
  ++s.pkts[end];
  if (payload != 0) s.last_spoke = static_cast<uint8_t>(end);
  return g;
}

Segment Flows::open(uint32_t flow, uint32_t step) {
  State& s = state_[flow];
  switch (step) {
    case 0:
      ++s.incarnation;
      s.seq[0] = isn(flow, 0);
      s.seq[1] = isn(flow, 1);
      s.pkts[0] = s.pkts[1] = 0;
      return from(flow, 0, kSyn, 0);
    case 1:
      return from(flow, 1, kSyn | kAck, 0);
    case 2:
      return from(flow, 0, kAck, 0);
    case 3:
      return from(flow, 0, kPsh | kAck, kRequest);
    default:
      return from(flow, 1, kAck, 0);
  }
}

Segment Flows::small(uint32_t flow, bool ack) {
  const State& s = state_[flow];
  const int speaker = s.last_spoke;
  const int listener = 1 - speaker;
  if (ack && s.acked[listener] != s.seq[speaker]) return from(flow, listener, kAck, 0);
  return from(flow, speaker, kPsh | kAck, 6);
}

Segment Flows::message(uint32_t flow, size_t bytes) {
  return from(flow, 1 - state_[flow].last_spoke, kPsh | kAck, bytes);
}

Segment Flows::server_rst(uint32_t flow) { return from(flow, 1, kRst | kAck, 0); }

Segment flood_syn(uint64_t number) {
  const uint32_t noise = scatter(number);
  Segment g;
  g.src_ip = 0x2d000000U + (noise >> 8);  // 45.0.0.0/8
  g.src_port = static_cast<uint16_t>(1024 + (number >> 1) % 60'000);
  g.dst_ip = kFloodTarget;
  g.dst_port = 80;
  g.seq = scatter(number + 1);
  g.flags = kSyn;
  g.ttl = static_cast<uint8_t>(40 + noise % 20);
  g.ip_id = static_cast<uint16_t>(noise);
  g.window = 64'240;
  g.options = kMss.data();
  g.option_bytes = kMss.size();
  return g;
}

}  // namespace rs::perf
