// SPDX-License-Identifier: Apache-2.0
//
// One packet made by hand: Ethernet, VLAN tags, IPv4 or IPv6, TCP with options, right checksums. For tests only.
//
//   Packet p = tcp(at("10.0.0.1", 40000), at("10.0.0.2", 80)).flags("S").seq(1000).mss(1460).build(time_ns);
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/base/types.h"
#include "dataplane/capture/frame.h"

namespace rs::test {

struct Packet {
  std::vector<uint8_t> bytes;
  TimeNs time = 0;
  uint32_t wire_bytes = 0;  // original length; more than bytes.size() when cut with cut()
};

// The view every packet source hands out; valid as long as the packet is.
inline capture::Frame frame_of(const Packet& packet, capture::LinkType link = capture::LinkType::kEthernet) {
  capture::Frame frame;
  frame.data = packet.bytes.data();
  frame.captured_bytes = static_cast<uint32_t>(packet.bytes.size());
  frame.wire_bytes = packet.wire_bytes;
  frame.time = packet.time;
  frame.exact_time = true;
  frame.link = link;
  return frame;
}

struct Address {
  IpAddr ip;
  uint16_t port = 0;
};

// "10.0.0.1" or "2001:db8::1". A text that is no address gives the zero address.
inline IpAddr ip(const char* text) {
  uint8_t raw[16] = {};
  if (inet_pton(AF_INET, text, raw) == 1) return IpAddr::v4(raw);
  if (inet_pton(AF_INET6, text, raw) == 1) return IpAddr::v6(raw);
  return {};
}
inline Address at(const char* text, uint16_t port) { return {ip(text), port}; }

inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kPsh = 0x08;
inline constexpr uint8_t kAck = 0x10;
inline constexpr uint8_t kUrg = 0x20;

// "SA" -> SYN|ACK. Letters F S R P A U, any order; others count for nothing.
constexpr uint8_t flag_bits(std::string_view letters) {
  constexpr std::string_view kLetters = "FSRPAU";  // bit 0 first
  uint8_t bits = 0;
  for (const char c : letters) {
    const size_t bit = kLetters.find(c);
    if (bit != std::string_view::npos) bits = static_cast<uint8_t>(bits | 1U << bit);
  }
  return bits;
}

// Big-endian appending, and the Internet checksum (RFC 1071).
class ByteWriter {
 public:
  void u8(unsigned v) { bytes_.push_back(static_cast<uint8_t>(v)); }
  void u16(unsigned v) {
    u8(v >> 8);
    u8(v & 0xff);
  }
  void u32(uint32_t v) {
    u16(v >> 16);
    u16(v & 0xffff);
  }
  void raw(const uint8_t* data, size_t size) { bytes_.insert(bytes_.end(), data, data + size); }
  void raw(const std::vector<uint8_t>& data) { raw(data.data(), data.size()); }
  void set_u16(size_t offset, unsigned v) {
    bytes_[offset] = static_cast<uint8_t>(v >> 8);
    bytes_[offset + 1] = static_cast<uint8_t>(v);
  }
  [[nodiscard]] size_t size() const { return bytes_.size(); }
  [[nodiscard]] const std::vector<uint8_t>& bytes() const { return bytes_; }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

inline uint16_t internet_checksum(const uint8_t* data, size_t size, uint32_t sum = 0) {
  for (size_t i = 0; i + 1 < size; i += 2) sum += (static_cast<uint32_t>(data[i]) << 8) | data[i + 1];
  if ((size & 1) != 0) sum += static_cast<uint32_t>(data[size - 1]) << 8;
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// A TCP segment in the making. Every setter returns the builder; build() may be called again and again.
class Segment {
 public:
  Segment(Address from, Address to) : from_(from), to_(to) {}

  // A setter a line: this reads as the table of fields it is.
  // clang-format off
  Segment& flags(std::string_view letters) { return flags(flag_bits(letters)); }
  Segment& flags(uint8_t bits) { flags_ = bits; return *this; }
  Segment& seq(uint32_t v) { seq_ = v; return *this; }
  Segment& ack(uint32_t v) { ack_ = v; return *this; }
  Segment& window(uint16_t raw) { window_ = raw; return *this; }
  Segment& urgent(uint16_t pointer) { urgent_ = pointer; return *this; }
  Segment& ttl(uint8_t v) { ttl_ = v; return *this; }  // or the IPv6 hop limit
  Segment& ipid(uint16_t v) { ipid_ = v; return *this; }  // IPv4 only
  Segment& df(bool v) { df_ = v; return *this; }  // IPv4 only
  Segment& tos(uint8_t v) { tos_ = v; return *this; }  // or the IPv6 traffic class
  Segment& flow_label(uint32_t v) { flow_label_ = v & 0xfffff; return *this; }  // IPv6 only
  Segment& vlan(uint16_t id, uint16_t tpid = 0x8100) { vlans_.emplace_back(tpid, id); return *this; }  // outer first
  // Last byte of each Ethernet address.
  Segment& macs(uint8_t from, uint8_t to) {
    mac_from_ = from;
    mac_to_ = to;
    return *this;
  }

  Segment& mss(uint16_t v) { return option(2, {static_cast<uint8_t>(v >> 8), static_cast<uint8_t>(v)}); }
  Segment& wscale(uint8_t shift) { return option(3, {shift}); }
  Segment& sack_permitted() { return option(4, {}); }
  Segment& ts(uint32_t value, uint32_t echo) {
    ByteWriter w;
    w.u32(value);
    w.u32(echo);
    return option(8, w.take());
  }
  // Any option: kind, length and the given body.
  Segment& option(uint8_t kind, const std::vector<uint8_t>& body) {
    options_.push_back(kind);
    options_.push_back(static_cast<uint8_t>(body.size() + 2));
    options_.insert(options_.end(), body.begin(), body.end());
    return *this;
  }
  Segment& no_options() { options_.clear(); return *this; }

  Segment& payload(std::string_view text) { payload_.assign(text.begin(), text.end()); return *this; }
  Segment& payload_bytes(size_t count) { payload_.assign(count, 'x'); return *this; }
  Segment& bad_checksum() { bad_checksum_ = true; return *this; }
  Segment& cut(uint32_t captured) { cut_ = captured; return *this; }  // snap length of the capture
  // clang-format on

  [[nodiscard]] uint8_t flag_bits_set() const { return flags_; }
  [[nodiscard]] uint32_t seq_value() const { return seq_; }
  [[nodiscard]] uint32_t ack_value() const { return ack_; }
  [[nodiscard]] uint8_t tos_value() const { return tos_; }
  [[nodiscard]] size_t payload_size() const { return payload_.size(); }
  // Sequence numbers this segment takes: payload, SYN, FIN.
  [[nodiscard]] uint32_t seq_length() const {
    return static_cast<uint32_t>(payload_.size()) + ((flags_ & kSyn) != 0 ? 1U : 0U) + ((flags_ & kFin) != 0 ? 1U : 0U);
  }

  [[nodiscard]] Packet build(TimeNs time = 0) const {
    const bool v4 = from_.ip.is_v4();
    ByteWriter w;
    for (const uint8_t last : {mac_to_, mac_from_}) {
      static constexpr uint8_t kLocalPrefix[5] = {0x02, 0, 0, 0, 0};  // locally administered, IEEE 802 8.2.2
      w.raw(kLocalPrefix, sizeof kLocalPrefix);
      w.u8(last);
    }
    for (const auto& [tpid, id] : vlans_) {
      w.u16(tpid);
      w.u16(id);
    }
    w.u16(v4 ? 0x0800U : 0x86ddU);
    const std::vector<uint8_t> tcp_bytes = tcp_segment(v4);
    if (v4)
      ipv4_header(w, tcp_bytes.size());
    else
      ipv6_header(w, tcp_bytes.size());
    w.raw(tcp_bytes);

    Packet packet;
    packet.time = time;
    packet.bytes = w.take();
    packet.wire_bytes = static_cast<uint32_t>(packet.bytes.size());
    if (cut_ < packet.bytes.size()) packet.bytes.resize(cut_);
    return packet;
  }

 private:
  void ipv4_header(ByteWriter& w, size_t tcp_size) const {
    const size_t start = w.size();
    w.u8(0x45);
    w.u8(tos_);
    w.u16(static_cast<unsigned>(20 + tcp_size));
    w.u16(ipid_);
    w.u16(df_ ? 0x4000U : 0U);
    w.u8(ttl_);
    w.u8(6);
    w.u16(0);
    w.raw(from_.ip.bytes.data() + 12, 4);
    w.raw(to_.ip.bytes.data() + 12, 4);
    w.set_u16(start + 10, internet_checksum(w.bytes().data() + start, 20));
  }

  void ipv6_header(ByteWriter& w, size_t tcp_size) const {
    w.u32(0x60000000U | static_cast<uint32_t>(tos_) << 20 | flow_label_);
    w.u16(static_cast<unsigned>(tcp_size));
    w.u8(6);
    w.u8(ttl_);
    w.raw(from_.ip.bytes.data(), 16);
    w.raw(to_.ip.bytes.data(), 16);
  }

  [[nodiscard]] std::vector<uint8_t> tcp_segment(bool v4) const {
    std::vector<uint8_t> options = options_;
    while (options.size() % 4 != 0) options.push_back(1);  // NOP
    ByteWriter w;
    w.u16(from_.port);
    w.u16(to_.port);
    w.u32(seq_);
    w.u32(ack_);
    w.u8(static_cast<unsigned>((20 + options.size()) / 4) << 4);
    w.u8(flags_);
    w.u16(window_);
    w.u16(0);
    w.u16(urgent_);
    w.raw(options);
    w.raw(payload_);

    ByteWriter pseudo;  // RFC 9293 3.1
    const size_t skip = v4 ? 12 : 0;
    pseudo.raw(from_.ip.bytes.data() + skip, 16 - skip);
    pseudo.raw(to_.ip.bytes.data() + skip, 16 - skip);
    pseudo.u32(6);
    pseudo.u32(static_cast<uint32_t>(w.size()));
    const uint32_t start = static_cast<uint16_t>(~internet_checksum(pseudo.bytes().data(), pseudo.size()));
    const uint16_t sum = internet_checksum(w.bytes().data(), w.size(), start);
    w.set_u16(16, bad_checksum_ ? static_cast<unsigned>(sum ^ 0x5555) : sum);
    return w.take();
  }

  Address from_;
  Address to_;
  uint32_t seq_ = 0;
  uint32_t ack_ = 0;
  uint32_t flow_label_ = 0;
  uint32_t cut_ = UINT32_MAX;
  uint16_t window_ = 64240;
  uint16_t urgent_ = 0;
  uint16_t ipid_ = 0;
  uint8_t flags_ = 0;
  uint8_t ttl_ = 64;
  uint8_t tos_ = 0;
  uint8_t mac_from_ = 1;
  uint8_t mac_to_ = 2;
  bool df_ = true;
  bool bad_checksum_ = false;
  std::vector<std::pair<uint16_t, uint16_t>> vlans_;
  std::vector<uint8_t> options_;
  std::vector<uint8_t> payload_;
};

inline Segment tcp(Address from, Address to) { return {from, to}; }

// Several conversations as one capture: by time, equal times in the order given.
inline std::vector<Packet> merge(std::vector<std::vector<Packet>> parts) {
  std::vector<Packet> all;
  for (auto& part : parts) {
    for (Packet& packet : part) all.push_back(std::move(packet));
  }
  std::stable_sort(all.begin(), all.end(), [](const Packet& a, const Packet& b) { return a.time < b.time; });
  return all;
}

}  // namespace rs::test
