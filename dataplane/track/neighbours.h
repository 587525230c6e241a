// SPDX-License-Identifier: Apache-2.0
//
// What else happened around an ending: to other connections of the same server, the same client, the same device.
// Some causes do not show in one connection's packets: a killed process, a scan, a health check, a proxy that passes a
// reset on. One per worker, worker thread only; small tables of fixed size, an older entry gives way to a newer one.
//
// Learned from SYN, FIN and RST alone, from their own fields and never from a flow's state, and asked for a time: on
// captures every worker is shown these packets in the same order, and so knows the same, whoever keeps the flows. On
// live ports a worker knows of its own share only, and what needs numbers shows later or not at all; the control plane
// joins what several workers and sensors saw.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/base/types.h"
#include "dataplane/packet/view.h"

namespace rs::track {

// What a connection's neighbours tell, 0 where nothing does.
struct Around {
  uint32_t regular_ms = 0;       // the client comes to this endpoint at equal intervals
  uint32_t relayed_us = 0;       // so long before this RST its sender was reset on another connection
  uint8_t ended_together = 0;    // connections opened at other times that the endpoint ended in the same moment
  uint8_t opened_apart = 0;      // … of these, those opened in another moment altogether
  uint8_t servers_together = 0;  // other hosts in whose names the same device sent a RST in the same moment
  uint8_t ports_tried = 0;       // by this client lately and in vain: ports of this host, or hosts at this port
  uint8_t ports_served = 0;      // … and endpoints that served it meanwhile, whoever they are
  uint8_t callers = 0;           // other clients that called the endpoint within a second of this one
  uint8_t served_others = 0;     // connections that the endpoint accepted meanwhile
  uint8_t served_before = 0;     // … and of this client, shortly before, without ending them by a RST
  bool half_deaf = false;        // clients go on here to whom no server was seen to answer: that way is not mirrored
  bool elsewhere = false;        // the RST's sender had opened a connection from this port to somebody else
};

// So many clients at one door whose handshakes hang are a flood, and no accident of the path. Our choice.
inline constexpr uint8_t kFlood = 8;

// Whose neighbours are asked for.
struct Asked {
  uint64_t flow = 0;  // hash of the connection's key, unkeyed
  IpAddr client;
  IpAddr server;
  uint16_t client_port = 0;
  uint16_t server_port = 0;
  TimeNs first = 0;  // the connection's first packet
  TimeNs time = 0;   // its ending
  bool by_rst = false;
  bool by_client = false;  // the RST's claimed sender
  uint8_t rst_ttl = 0;
  uint32_t rtt_us = 0;  // tap <-> that sender, 0 unknown
};

class Neighbours {
 public:
  Neighbours();

  // A SYN, FIN or RST of the connection with that hash.
  void note(const packet::PacketView& v, uint64_t flow);
  [[nodiscard]] Around around(const Asked& asked) const;
  // So long before this RST its sender was itself reset, in its other role; 0 not. Asked when the RST comes.
  [[nodiscard]] uint32_t relayed_us(const Asked& asked) const;
  // Connections of an endpoint that it accepted, from different clients, and that nobody ended.
  [[nodiscard]] uint32_t unfinished(const IpAddr& server, uint16_t port) const;

 private:
  // Times in 8 us, so that 32 bits hold nine hours.
  using Tick = uint32_t;
  static constexpr Tick tick(TimeNs t) { return static_cast<Tick>(t >> 13) | 1U; }
  static constexpr int32_t apart(Tick a, Tick b) { return static_cast<int32_t>(a - b); }
  // Either way round; the farthest apart there is has no positive counterpart in 32 bits.
  static constexpr int32_t between(Tick a, Tick b) {
    const int64_t d = apart(a, b);
    return static_cast<int32_t>(d < 0 ? std::min<int64_t>(-d, INT32_MAX) : d);
  }

  // The latest connections of a server's endpoint.
  static constexpr size_t kKept = 16;
  struct alignas(64) Endpoint {
    std::array<uint32_t, kKept> flow{};
    std::array<Tick, kKept> opened{};      // its SYN; 0 long ago
    std::array<Tick, kKept> ended{};       // the endpoint's own FIN or RST; 0 none
    std::array<uint32_t, kKept> client{};  // hash of the client's address
    IpAddr host;
    uint64_t used = 0;
    uint16_t port = 0;
    uint16_t accepted = 0;   // a bit a connection: SYN-ACK seen
    uint16_t was_reset = 0;  // … ended by the endpoint's RST
    uint8_t next = 0;
  };
  static constexpr uint32_t kSets = 256;
  static constexpr uint32_t kWays = 4;

  // Where a client met refusals or broke off itself, and from the first of these on also where it was served.
  struct alignas(64) Caller {
    std::array<uint32_t, kKept> host{};
    std::array<Tick, kKept> time{};
    std::array<uint32_t, kKept> unasked{};  // the client's sequence number as long as it has sent no data
    std::array<uint16_t, kKept> port{};
    uint16_t refused = 0;  // a bit each: the other end refused
    uint16_t served = 0;   // … or accepted, and nobody broke off
    uint8_t next = 0;
    IpAddr client;
  };
  static constexpr uint32_t kCallers = 1024;

  // When a host was reset.
  struct alignas(64) Struck {
    static constexpr size_t kTimes = 6;
    std::array<uint32_t, kTimes> flow{};
    std::array<Tick, kTimes> time{};
    uint32_t host = 0;
    uint8_t as_server = 0;  // a bit each, by the ports
    uint8_t next = 0;
  };
  static constexpr uint32_t kStruck = 1024;

  // Where a port of a client had its latest connection.
  struct Opened {
    uint32_t from = 0;
    uint32_t server = 0;
    Tick time = 0;
  };
  static constexpr uint32_t kOpened = 16'384;

  // RSTs without ACK and window, which a device answers with that lost its state; by the TTL they come with.
  struct alignas(64) Cuts {
    std::array<uint32_t, kKept> host{};
    std::array<Tick, kKept> time{};
    uint16_t by_server = 0;  // a bit each, by the ports
    uint8_t next = 0;
  };
  static constexpr uint32_t kCuts = 64;

  static uint32_t hash(const IpAddr& ip, uint32_t with = 0);
  [[nodiscard]] const Endpoint* find(const IpAddr& host, uint16_t port) const;
  Endpoint& place(const IpAddr& host, uint16_t port);
  static size_t where(const Endpoint& e, uint32_t flow);
  static size_t begin(Endpoint& e, uint32_t flow, Tick opened, uint32_t client);
  void ended(const packet::PacketView& v, uint32_t flow);
  // What came of a client's attempt.
  enum class Met : uint8_t { kRefusal, kHungUp, kService };
  void met(const IpAddr& client, const IpAddr& host, uint16_t port, Tick now, Met what, uint32_t client_seq);
  void struck(const packet::PacketView& v, uint32_t flow);
  void cut(const packet::PacketView& v, Tick now);
  [[nodiscard]] uint8_t together(const Asked& asked, uint32_t host) const;

  void heard(const packet::PacketView& v, uint32_t flow);

  void of_endpoint(const Asked& asked, Around& out) const;
  void of_caller(const Asked& asked, Around& out) const;

  uint64_t clock_ = 0;
  uint32_t answered_ = 0;    // connections that their clients closed, with the SYN-ACK seen
  uint32_t unanswered_ = 0;  // … and without
  std::vector<Endpoint> endpoints_;
  std::vector<Caller> callers_;
  std::vector<Struck> struck_;
  std::vector<Opened> opened_;
  std::array<Cuts, kCuts> cuts_{};
};

}  // namespace rs::track
