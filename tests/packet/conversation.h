// SPDX-License-Identifier: Apache-2.0
//
// Both ends of one TCP connection as a tap between them sees it: sequence numbers, acknowledgements, timestamps,
// IP-IDs and clock are kept, so that a test says only what happens. For tests only.
//
//   Conversation c(at("10.0.0.1", 40000), at("10.0.0.2", 80));
//   c.handshake().client_sends("GET / HTTP/1.1\r\n\r\n").server_sends(2000).wait(5 * kSecond).server_rst();
//   for (const Packet& p : c.packets()) …
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/types.h"
#include "tests/packet/segment.h"

namespace rs::test {

// What one end's TCP/IP stack writes into its headers. The defaults are Linux's as seen one router away.
struct Stack {
  uint8_t ttl = 63;
  uint8_t tos = 0;
  uint16_t next_ipid = 0x4000;    // next segment's; one more each segment
  bool syn_ack_ipid_zero = true;  // Linux: the SYN-ACK carries ID 0
  bool timestamps = true;
  uint32_t ts_base = 100'000;  // timestamp clock at the conversation's start, in ms
  uint16_t mss = 1460;
  uint16_t window = 502;          // raw field after the handshake
  uint32_t flow_label = 0x12345;  // IPv6 only
};

enum class From : uint8_t { kClient = 0, kServer = 1 };
constexpr From other(From end) { return end == From::kClient ? From::kServer : From::kClient; }

// How an RST is made.
enum class Image : uint8_t {
  kActive,     // a live socket aborts: RST|ACK, next sequence number, options and IP-ID go on
  kStateless,  // no socket: answers the peer's last segment; window 0, no options, IP-ID 0, TOS copied
  kReject,     // netfilter reject: as kStateless but TOS and flow label 0
};

class Conversation {
 public:
  // The client's ISN is 1000, the server's 5000, unless set through end(). Time is the first packet's.
  Conversation(Address client, Address server, TimeNs start = 1'700'000'000 * kSecond) : start_(start), now_(start) {
    ends_[0].address = client;
    ends_[0].next_seq = 1000;
    ends_[1].address = server;
    ends_[1].next_seq = 5000;
    ends_[1].stack.next_ipid = 0x7000;
    ends_[1].stack.ts_base = 900'000;
  }

  Stack& stack(From end) { return ends_[index(end)].stack; }
  Conversation& isn(From end, uint32_t v) {
    ends_[index(end)].next_seq = v;
    return *this;
  }
  Conversation& rtt(DurationNs tap_to_client, DurationNs tap_to_server) {
    reply_delay_[0] = tap_to_client;
    reply_delay_[1] = tap_to_server;
    return *this;
  }
  Conversation& vlan(uint16_t id) {
    vlan_ = id;
    return *this;
  }

  Conversation& wait(DurationNs duration) {
    now_ += duration;
    return *this;
  }
  Conversation& set_time(TimeNs time) {
    now_ = time;
    return *this;
  }
  [[nodiscard]] TimeNs now() const { return now_; }
  [[nodiscard]] uint32_t next_seq(From end) const { return ends_[index(end)].next_seq; }

  Conversation& syn() { return add(From::kClient, segment(From::kClient, kSyn)); }
  Conversation& syn_ack() { return reply(From::kServer, kSyn | kAck); }
  Conversation& handshake() { return syn().syn_ack().ack(From::kClient); }

  // A bare acknowledgement of all the peer has sent, one round trip after the last packet.
  Conversation& ack(From end) { return reply(end, kAck); }

  // Data in full segments, each at the current time; then the peer's ACK unless told otherwise.
  Conversation& sends(From end, std::string_view data, bool acked = true) {
    const size_t room = segment_bytes(end);
    for (size_t offset = 0; offset < data.size(); offset += room) {
      const std::string_view part = data.substr(offset, room);
      const bool last = offset + part.size() == data.size();
      add(end, segment(end, static_cast<uint8_t>(last ? kPsh | kAck : kAck)).payload(part));
    }
    if (acked) ack(other(end));
    return *this;
  }
  Conversation& sends(From end, size_t bytes, bool acked = true) { return sends(end, std::string(bytes, 'x'), acked); }
  Conversation& client_sends(std::string_view data, bool acked = true) { return sends(From::kClient, data, acked); }
  Conversation& client_sends(size_t bytes, bool acked = true) { return sends(From::kClient, bytes, acked); }
  Conversation& server_sends(std::string_view data, bool acked = true) { return sends(From::kServer, data, acked); }
  Conversation& server_sends(size_t bytes, bool acked = true) { return sends(From::kServer, bytes, acked); }

  Conversation& fin(From end, bool acked = true) {
    add(end, segment(end, kFin | kAck));
    if (acked) ack(other(end));
    return *this;
  }
  Conversation& client_fin(bool acked = true) { return fin(From::kClient, acked); }
  Conversation& server_fin(bool acked = true) { return fin(From::kServer, acked); }

  // The RST `end` sends now. Stateless images answer the last packet of the peer.
  [[nodiscard]] Segment rst_segment(From end, Image image) const {
    const End& me = ends_[index(end)];
    if (image == Image::kActive) return segment(end, kRst | kAck);
    const Last& trigger = ends_[index(other(end))].last;
    Segment rst = bare(end).no_options().window(0).ipid(0).ttl(me.stack.ttl);
    if (image == Image::kStateless)
      rst.tos(trigger.tos).flow_label(me.stack.flow_label ^ 0x777);
    else
      rst.tos(0).flow_label(0);
    if ((trigger.flags & kAck) != 0) return rst.flags(kRst).seq(trigger.ack);
    return rst.flags(kRst | kAck).seq(0).ack(trigger.seq_end);
  }
  Conversation& rst(From end, Image image = Image::kActive) { return add(end, rst_segment(end, image)); }
  Conversation& client_rst(Image image = Image::kActive) { return rst(From::kClient, image); }
  Conversation& server_rst(Image image = Image::kActive) { return rst(From::kServer, image); }

  // One keepalive probe: no payload, one before the next sequence number (RFC 9293 3.8.4).
  Conversation& keepalive_probe(From end) { return add(end, segment(end, kAck).seq(ends_[index(end)].next_seq - 1)); }
  // The last segment that took sequence numbers, again.
  Conversation& retransmit(From end) {
    const End& me = ends_[index(end)];
    Segment again = segment(end, me.last_data_flags).seq(me.last_data_seq);
    if (me.last_data_bytes != 0) again.payload_bytes(me.last_data_bytes);
    if ((me.last_data_flags & kSyn) != 0) again = syn_options(end, again);
    return add(end, again);
  }

  // A segment of `end` with everything filled in, to be altered and passed to add().
  [[nodiscard]] Segment segment(From end, std::string_view letters) const { return segment(end, flag_bits(letters)); }
  [[nodiscard]] Segment segment(From end, uint8_t flags) const {
    const End& me = ends_[index(end)];
    Segment s = bare(end).flags(flags);
    if ((flags & kAck) != 0) s.ack(ends_[index(other(end))].next_seq);
    if ((flags & kSyn) != 0) {
      s.window(64240);
      if ((flags & kAck) != 0 && me.stack.syn_ack_ipid_zero) s.ipid(0);
      return syn_options(end, s);
    }
    if (me.stack.timestamps) s.ts(ts_value(end), me.ts_seen);
    return s;
  }

  // Takes a segment into the capture at the current time; the sender's state moves on when it brings new sequence
  // numbers. For a forged packet use inject().
  Conversation& add(From end, const Segment& s) {
    End& me = ends_[index(end)];
    Last& last = me.last;
    last = {s.flag_bits_set(), s.seq_value(), s.seq_value() + s.seq_length(), s.ack_value(), s.tos_value()};
    if (s.seq_length() != 0 && (s.flag_bits_set() & kRst) == 0) {
      me.last_data_flags = s.flag_bits_set();
      me.last_data_seq = s.seq_value();
      me.last_data_bytes = s.payload_size();
      if (static_cast<int32_t>(last.seq_end - me.next_seq) > 0) me.next_seq = last.seq_end;
    }
    ++me.stack.next_ipid;
    if (me.stack.timestamps) ends_[index(other(end))].ts_seen = ts_value(end);
    packets_.push_back(tagged(s).build(now_));
    return *this;
  }
  // A packet neither end's stack made: no state changes.
  Conversation& inject(const Segment& s) {
    packets_.push_back(tagged(s).build(now_));
    return *this;
  }

  // Payload of a full segment: the MSS less the timestamp option's 12 bytes (RFC 9293 3.7.1).
  [[nodiscard]] size_t segment_bytes(From end) const {
    const Stack& stack = ends_[index(end)].stack;
    return stack.mss - (stack.timestamps ? 12U : 0U);
  }

  [[nodiscard]] const std::vector<Packet>& packets() const { return packets_; }
  std::vector<Packet> take() { return std::move(packets_); }

 private:
  struct Last {
    uint8_t flags = 0;
    uint32_t seq = 0;
    uint32_t seq_end = 0;
    uint32_t ack = 0;
    uint8_t tos = 0;
  };
  struct End {
    Address address;
    Stack stack;
    uint32_t next_seq = 0;
    uint32_t ts_seen = 0;  // the peer's newest timestamp
    uint32_t last_data_seq = 0;
    size_t last_data_bytes = 0;
    uint8_t last_data_flags = 0;
    Last last;
  };

  static constexpr size_t index(From end) { return static_cast<size_t>(end); }

  [[nodiscard]] uint32_t ts_value(From end) const {
    return ends_[index(end)].stack.ts_base + static_cast<uint32_t>((now_ - start_) / kMs);
  }
  [[nodiscard]] Segment bare(From end) const {
    const End& me = ends_[index(end)];
    const auto mac_from = static_cast<uint8_t>(end == From::kClient ? 1 : 2);
    return tcp(me.address, ends_[index(other(end))].address)
        .seq(me.next_seq)
        .ttl(me.stack.ttl)
        .tos(me.stack.tos)
        .ipid(me.stack.next_ipid)
        .window(me.stack.window)
        .flow_label(me.stack.flow_label)
        .macs(mac_from, static_cast<uint8_t>(3 - mac_from));
  }
  [[nodiscard]] Segment syn_options(From end, Segment s) const {
    const Stack& stack = ends_[index(end)].stack;
    s.no_options().mss(stack.mss).sack_permitted();
    if (stack.timestamps) s.ts(ts_value(end), ends_[index(end)].ts_seen);
    return s.wscale(7);
  }
  Conversation& reply(From end, uint8_t flags) {
    now_ += reply_delay_[index(end)];
    return add(end, segment(end, flags));
  }
  [[nodiscard]] Segment tagged(Segment s) const {
    if (vlan_ != 0) s.vlan(vlan_);
    return s;
  }

  TimeNs start_;
  TimeNs now_;
  uint16_t vlan_ = 0;
  DurationNs reply_delay_[2] = {kMs, kMs};  // tap -> end -> tap
  End ends_[2];
  std::vector<Packet> packets_;
};

}  // namespace rs::test
