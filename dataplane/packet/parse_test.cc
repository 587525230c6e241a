// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/parse.h"

#include <gtest/gtest.h>

#include "tests/packet/builder.h"
#include "tests/packet/view.h"

namespace rs::packet {
namespace {

using test::at;
using test::frame_of;
using test::Packet;
using test::tcp;

constexpr TimeNs kNow = 1'700'000'000 * kSecond;

Outcome parse_bytes(const std::vector<uint8_t>& bytes, PacketView& view,
                    capture::LinkType link = capture::LinkType::kEthernet) {
  Packet p;
  p.bytes = bytes;
  p.time = kNow;
  p.wire_bytes = static_cast<uint32_t>(bytes.size());
  return parse_frame(frame_of(p, link), view);
}

TEST(Parse, Ipv4FieldsComeOutAsTheyWentIn) {
  const Packet p = tcp(at("10.0.0.1", 40000), at("10.0.0.2", 443))
                       .flags("PA")
                       .seq(7)
                       .ack(9)
                       .ttl(57)
                       .tos(0x48)
                       .ipid(0x1234)
                       .window(501)
                       .ts(11, 12)
                       .payload("hello")
                       .build(kNow);
  PacketView v;
  ASSERT_EQ(parse_frame(frame_of(p), v), Outcome::kTracked);
  EXPECT_EQ(v.src, test::ip("10.0.0.1"));
  EXPECT_EQ(v.dst_port, 443);
  EXPECT_EQ(v.seq, 7U);
  EXPECT_EQ(v.ack, 9U);
  EXPECT_EQ(v.ttl, 57);
  EXPECT_EQ(v.tos, 0x48);
  EXPECT_EQ(v.ip_id, 0x1234);
  EXPECT_TRUE(v.df);
  EXPECT_EQ(v.tsval, 11U);
  EXPECT_EQ(v.tsecr, 12U);
  EXPECT_EQ(v.payload_bytes, 5U);
  EXPECT_EQ(v.seq_end(), 12U);
  EXPECT_EQ(v.time, kNow);
}

// Views are used again and again: what a packet does not have must not be the one's before it.
TEST(Parse, NothingIsLeftOfThePacketBefore) {
  const auto bare = [] {
    return tcp(at("10.0.0.3", 40001), at("10.0.0.4", 80)).flags("A").seq(1).ack(2).ipid(3).window(4).build(kNow);
  };
  PacketView used;
  const Packet full =
      tcp(at("10.0.0.1", 40000), at("10.0.0.2", 443)).flags("S").seq(7).mss(1460).ts(11, 12).build(kNow);
  ASSERT_EQ(parse_frame(frame_of(full), used), Outcome::kTracked);
  const Packet p = bare();
  ASSERT_EQ(parse_frame(frame_of(p), used), Outcome::kTracked);
  PacketView fresh;
  ASSERT_EQ(parse_frame(frame_of(p), fresh), Outcome::kTracked);
  EXPECT_EQ(used.opts, fresh.opts);
  EXPECT_EQ(used.tsval, fresh.tsval);
  EXPECT_EQ(used.tsecr, fresh.tsecr);
  EXPECT_EQ(used.mss, fresh.mss);
  EXPECT_EQ(used.window_scale, fresh.window_scale);
}

// plain.h is parse_any() once more, for the commonest frames: any byte changed, any cut, both must say the same.
TEST(Parse, TheShortWaySaysWhatTheLongOneSays) {
  const Packet bare = tcp(at("10.0.0.1", 1), at("10.0.0.2", 2)).flags("A").seq(5).ack(6).build(kNow);
  const Packet stamped = tcp(at("10.0.0.3", 40000), at("10.0.0.2", 80)).flags("PA").ts(3, 4).payload("abc").build(kNow);
  const Packet options = tcp(at("10.0.0.3", 40000), at("10.0.0.2", 80)).flags("S").mss(1460).wscale(7).build(kNow);
  uint32_t tracked = 0;
  const auto both = [&tracked](const std::vector<uint8_t>& bytes) {
    PacketView shorter;
    PacketView longer;
    shorter.outer_ttl = 9;  // of another packet
    shorter.mss = 9;
    shorter.flow_label = 9;
    const Outcome outcome = parse_bytes(bytes, shorter);
    Packet p;
    p.bytes = bytes;
    p.time = kNow;
    p.wire_bytes = static_cast<uint32_t>(bytes.size());
    ASSERT_EQ(parse_any(frame_of(p), longer), outcome);
    if (outcome != Outcome::kTracked) return;
    ++tracked;
    // Payloads lie in two copies of the bytes: only their places within them can be the same.
    EXPECT_EQ(shorter.payload.size(), longer.payload.size());
    shorter.payload = longer.payload = {};
    shorter.outer = longer.outer = {};
    EXPECT_TRUE(test::same(shorter, longer));
  };
  for (const Packet* p : {&bare, &stamped, &options}) {
    for (size_t n = 0; n <= p->bytes.size(); ++n)
      both({p->bytes.begin(), p->bytes.begin() + static_cast<std::ptrdiff_t>(n)});
    for (size_t i = 0; i < p->bytes.size(); ++i) {
      for (unsigned value = 0; value < 256; ++value) {
        std::vector<uint8_t> changed = p->bytes;
        changed[i] = static_cast<uint8_t>(value);
        both(changed);
      }
    }
  }
  EXPECT_GT(tracked, 10'000U);
}

TEST(Parse, Ipv6AndVlanStack) {
  const Packet p = tcp(at("2001:db8::1", 40000), at("2001:db8::2", 443))
                       .flags("S")
                       .seq(1)
                       .flow_label(0x54321)
                       .vlan(5, 0x88a8)
                       .vlan(7)
                       .mss(1440)
                       .wscale(9)
                       .build(kNow);
  PacketView v;
  ASSERT_EQ(parse_frame(frame_of(p), v), Outcome::kTracked);
  EXPECT_TRUE(v.ipv6);
  EXPECT_EQ(v.flow_label, 0x54321U);
  EXPECT_EQ(v.mss, 1440);
  EXPECT_EQ(v.window_scale, 9);
  EXPECT_EQ(v.opts, kOptMss | kOptWindowScale);
}

TEST(Parse, PaddingIsNotPayload) {
  Packet p = tcp(at("10.0.0.1", 1), at("10.0.0.2", 2)).flags("A").build(kNow);
  p.bytes.resize(64);  // Ethernet pads to 60 without FCS
  PacketView v;
  ASSERT_EQ(parse_frame(frame_of(p), v), Outcome::kTracked);
  EXPECT_EQ(v.payload_bytes, 0U);
}

TEST(Parse, EveryCutIsAnOutcomeAndNeverARead) {
  const Packet p = tcp(at("10.0.0.1", 1), at("10.0.0.2", 2)).flags("PA").vlan(3).ts(1, 2).payload("abc").build(kNow);
  for (size_t n = 0; n < p.bytes.size(); ++n) {
    // A heap copy of exactly n bytes: the address sanitizer sees any read past it.
    const std::vector<uint8_t> cut(p.bytes.begin(), p.bytes.begin() + static_cast<std::ptrdiff_t>(n));
    PacketView v;
    const Outcome o = parse_bytes(cut, v);
    if (n < 18 + 20 + 20) {
      EXPECT_NE(o, Outcome::kTracked) << n;
    } else {
      EXPECT_EQ(o, Outcome::kTracked) << n;  // the whole fixed header is there
    }
  }
}

TEST(Parse, LyingLengthsAreRefused) {
  Packet p = tcp(at("10.0.0.1", 1), at("10.0.0.2", 2)).flags("A").build(kNow);
  PacketView v;
  auto bytes = p.bytes;
  bytes[14] = 0x44;  // header length 16
  EXPECT_EQ(parse_bytes(bytes, v), Outcome::kBadIpv4);
  bytes = p.bytes;
  bytes[14 + 20 + 12] = 0x40;  // data offset 16
  EXPECT_EQ(parse_bytes(bytes, v), Outcome::kBadTcp);
  bytes = p.bytes;
  bytes[14 + 20 + 12] = 0xf0;  // data offset beyond the segment
  EXPECT_EQ(parse_bytes(bytes, v), Outcome::kBadTcp);
  bytes = p.bytes;
  bytes[14 + 6] = 0x00;
  bytes[14 + 7] = 0x01;  // fragment offset 8
  EXPECT_EQ(parse_bytes(bytes, v), Outcome::kLaterFragment);
}

TEST(Parse, EndlessVlanAndExtensionHeadersAreBounded) {
  std::vector<uint8_t> vlans(12, 0);
  for (int i = 0; i < 40; ++i) vlans.insert(vlans.end(), {0x81, 0x00, 0x00, 0x01});
  PacketView v;
  EXPECT_EQ(parse_bytes(vlans, v), Outcome::kTooManyHeaders);

  std::vector<uint8_t> v6(14 + 40, 0);
  v6[12] = 0x86;
  v6[13] = 0xdd;
  v6[14] = 0x60;
  v6[14 + 4] = 0x01;  // payload length 256
  v6[14 + 6] = 0;     // hop-by-hop, each naming another
  v6.resize(14 + 40 + 256, 0);
  EXPECT_EQ(parse_bytes(v6, v), Outcome::kTooManyHeaders);
}

TEST(Parse, MalformedOptionsAreMarkedAndTheSegmentKept) {
  Packet p = tcp(at("10.0.0.1", 1), at("10.0.0.2", 2)).flags("S").mss(1460).build(kNow);
  p.bytes[14 + 20 + 20 + 1] = 0;  // option length 0
  PacketView v;
  ASSERT_EQ(parse_frame(frame_of(p), v), Outcome::kTracked);
  EXPECT_NE(v.opts & kOptMalformed, 0);
}

// A capture that cuts the options off shows no SYN without options.
TEST(Parse, OptionsThatAreCutOffAreMarked) {
  const Packet p = tcp(at("10.0.0.1", 1), at("10.0.0.2", 2)).flags("S").mss(1460).ts(1, 2).wscale(7).build(kNow);
  for (size_t n = 14 + 20 + 20; n <= p.bytes.size(); ++n) {
    const std::vector<uint8_t> cut(p.bytes.begin(), p.bytes.begin() + static_cast<std::ptrdiff_t>(n));
    PacketView v;
    ASSERT_EQ(parse_bytes(cut, v), Outcome::kTracked) << n;
    EXPECT_EQ((v.opts & kOptMalformed) != 0, n < p.bytes.size()) << n;
  }
}

TEST(Parse, IcmpQuoteGivesTheQuotedConnection) {
  const Packet syn = tcp(at("10.0.0.1", 40000), at("10.0.0.2", 80)).flags("S").seq(77).build(kNow);
  std::vector<uint8_t> icmp(syn.bytes.begin(), syn.bytes.begin() + 14);
  std::vector<uint8_t> ip = {0x45, 0, 0, 0, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 9, 9, 10, 0, 0, 1};
  std::vector<uint8_t> body = {3, 13, 0, 0, 0, 0, 0, 0};
  body.insert(body.end(), syn.bytes.begin() + 14, syn.bytes.begin() + 14 + 28);
  ip[3] = static_cast<uint8_t>(20 + body.size());
  icmp.insert(icmp.end(), ip.begin(), ip.end());
  icmp.insert(icmp.end(), body.begin(), body.end());
  PacketView v;
  ASSERT_EQ(parse_bytes(icmp, v), Outcome::kIcmpQuote);
  EXPECT_EQ(v.icmp_code, 13);
  EXPECT_EQ(v.icmp_src, test::ip("10.0.9.9"));
  EXPECT_EQ(v.src, test::ip("10.0.0.1"));
  EXPECT_EQ(v.dst_port, 80);
  EXPECT_EQ(v.seq, 77U);
}

TEST(Parse, OtherLinkTypes) {
  const Packet p = tcp(at("10.0.0.1", 1), at("10.0.0.2", 2)).flags("A").seq(5).build(kNow);
  const std::vector<uint8_t> raw(p.bytes.begin() + 14, p.bytes.end());
  PacketView v;
  EXPECT_EQ(parse_bytes(raw, v, capture::LinkType::kRawIp), Outcome::kTracked);
  std::vector<uint8_t> cooked(14, 0);
  cooked.insert(cooked.end(), {0x08, 0x00});
  cooked.insert(cooked.end(), raw.begin(), raw.end());
  EXPECT_EQ(parse_bytes(cooked, v, capture::LinkType::kLinuxCooked), Outcome::kTracked);
  std::vector<uint8_t> null = {2, 0, 0, 0};
  null.insert(null.end(), raw.begin(), raw.end());
  EXPECT_EQ(parse_bytes(null, v, capture::LinkType::kNull), Outcome::kTracked);
  EXPECT_EQ(parse_bytes(raw, v, capture::LinkType::kUnsupported), Outcome::kUnsupportedLink);
  EXPECT_EQ(v.seq, 5U);
}

}  // namespace
}  // namespace rs::packet
