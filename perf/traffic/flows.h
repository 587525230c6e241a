// SPDX-License-Identifier: Apache-2.0
//
// Many live TCP connections and the next packet of any of them, for the in-memory benches. Addresses follow from a
// connection's number; what must be remembered is 28 bytes a connection. The same calls give the same packets.
//
// A connection: handshake, a 200-byte request, its acknowledgement; then what the bench asks for. No timestamps option,
// so that an acknowledgement is the 64-byte packet of the trade (54 bytes of headers, padding, checksum).
#pragma once

#include <cstdint>
#include <vector>

#include "perf/traffic/frame.h"

namespace rs::perf {

inline constexpr uint32_t kServers = 1000;
inline constexpr uint32_t kFloodTarget = 0xac10ffff;  // 172.16.255.255: none of the servers
inline constexpr uint16_t kServerPort = 443;
inline constexpr size_t kRequest = 200;
// Packets of open(), in order.
inline constexpr uint32_t kOpeningSteps = 5;

class Flows {
 public:
  // `salt` keeps the connections of several Flows apart.
  explicit Flows(uint32_t count, uint32_t salt = 0);

  [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(state_.size()); }

  // Step 0 to 4: SYN, SYN-ACK, ACK, request, its acknowledgement. Step 0 begins the connection anew.
  Segment open(uint32_t flow, uint32_t step);
  // 64 bytes on the wire: the listener's acknowledgement of all there is, or, when `ack` is false or there is nothing
  // to acknowledge, six more bytes from the end that spoke last. Every packet says something new: none looks like a
  // copy.
  Segment small(uint32_t flow, bool ack);
  // A message of `bytes` from the end that did not speak last, so that its head is new; acknowledges all.
  Segment message(uint32_t flow, size_t bytes);
  // The server's live socket aborts.
  Segment server_rst(uint32_t flow);

  // Packets sent by the client (0) and the server (1), and their payload, since step 0.
  [[nodiscard]] uint32_t pkts(uint32_t flow, int end) const { return state_[flow].pkts[end]; }
  [[nodiscard]] uint32_t bytes(uint32_t flow, int end) const { return state_[flow].seq[end] - isn(flow, end) - 1; }
  [[nodiscard]] bool server_spoke_last(uint32_t flow) const { return state_[flow].last_spoke == 1; }
  [[nodiscard]] uint32_t client_ip(uint32_t flow) const;
  [[nodiscard]] uint16_t client_port(uint32_t flow) const;
  // The connection of a client's address, the inverse of the two above.
  [[nodiscard]] uint32_t flow_of(uint32_t client_ip, uint16_t client_port) const;

 private:
  struct State {
    uint32_t seq[2] = {};
    uint32_t acked[2] = {};
    uint32_t pkts[2] = {};
    uint16_t incarnation = 0;
    uint8_t last_spoke = 0;
  };

  [[nodiscard]] uint32_t isn(uint32_t flow, int end) const;
  Segment from(uint32_t flow, int end, uint8_t flags, size_t payload);

  uint32_t salt_;
  std::vector<State> state_;
  Payload request_{"GET /index.html HTTP/1.1\r\nHost: shop.example\r\n\r\n"};
  Payload response_{"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"};
};

// One SYN of a flood: a new address and port each time, to kFloodTarget.
Segment flood_syn(uint64_t number);

}  // namespace rs::perf
