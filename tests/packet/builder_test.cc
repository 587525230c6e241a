// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/builder.h"

#include <gtest/gtest.h>

#include "dataplane/base/bytes.h"

namespace rs::test {
namespace {

const Address kClientV4 = at("10.0.0.1", 40000);
const Address kServerV4 = at("10.0.0.2", 80);

// Sum over pseudo header and segment: 0 when the checksum field is right.
uint16_t tcp_checksum_remainder(const Packet& packet, size_t ip_offset, bool v4) {
  const Bytes all(packet.bytes.data(), packet.bytes.size());
  const size_t header = v4 ? 20 : 40;
  const size_t address = v4 ? 4 : 16;
  const Bytes segment = all.sub(ip_offset + header);
  ByteWriter pseudo;
  const Bytes addresses = all.sub(ip_offset + header - 2 * address, 2 * address);
  pseudo.raw(addresses.data(), addresses.size());
  pseudo.u32(6);
  pseudo.u32(static_cast<uint32_t>(segment.size()));
  pseudo.raw(segment.data(), segment.size());
  return internet_checksum(pseudo.bytes().data(), pseudo.size());
}

TEST(Segment, FieldsStandWhereTheRfcsPutThem) {
  const Packet p = tcp(kClientV4, kServerV4)
                       .flags("S")
                       .seq(1000)
                       .ttl(61)
                       .ipid(7)
                       .tos(0x28)
                       .window(1024)
                       .mss(1460)
                       .ts(1, 0)
                       .build(42);
  const Bytes b(p.bytes.data(), p.bytes.size());
  EXPECT_EQ(p.time, 42U);
  EXPECT_EQ(p.wire_bytes, p.bytes.size());
  EXPECT_EQ(b.be16(12), 0x0800);
  EXPECT_EQ(b.u8(14), 0x45);
  EXPECT_EQ(b.u8(15), 0x28);
  EXPECT_EQ(b.be16(16), p.bytes.size() - 14);
  EXPECT_EQ(b.be16(18), 7);
  EXPECT_EQ(b.be16(20), 0x4000);
  EXPECT_EQ(b.u8(22), 61);
  EXPECT_EQ(b.u8(23), 6);
  EXPECT_EQ(b.be32(26), 0x0a000001U);
  EXPECT_EQ(b.be32(30), 0x0a000002U);
  EXPECT_EQ(b.be16(34), 40000);
  EXPECT_EQ(b.be16(36), 80);
  EXPECT_EQ(b.be32(38), 1000U);
  EXPECT_EQ(b.u8(46) >> 4, 9);  // 20 + MSS 4 + timestamps 10 + 2 NOP = 36
  EXPECT_EQ(b.u8(47), kSyn);
  EXPECT_EQ(b.be16(48), 1024);
  EXPECT_EQ(b.be32(54), 0x020405b4U);
}

TEST(Segment, ChecksumsAreRight) {
  const Packet v4 = tcp(kClientV4, kServerV4).flags("PA").seq(1).ack(2).payload("odd").build();
  EXPECT_EQ(internet_checksum(v4.bytes.data() + 14, 20), 0);
  EXPECT_EQ(tcp_checksum_remainder(v4, 14, true), 0);
  const Packet v6 =
      tcp(at("2001:db8::1", 1), at("2001:db8::2", 2)).flags("A").flow_label(0xabcde).payload_bytes(9).build();
  EXPECT_EQ(Bytes(v6.bytes.data(), v6.bytes.size()).be32(14), 0x600abcdeU);
  EXPECT_EQ(tcp_checksum_remainder(v6, 14, false), 0);
  const Packet bad = tcp(kClientV4, kServerV4).flags("A").bad_checksum().build();
  EXPECT_NE(tcp_checksum_remainder(bad, 14, true), 0);
}

TEST(Segment, VlanTagsAndCut) {
  const Packet p = tcp(kClientV4, kServerV4).vlan(100, 0x88a8).vlan(7).flags("S").cut(30).build();
  const Bytes b(p.bytes.data(), p.bytes.size());
  EXPECT_EQ(b.be16(12), 0x88a8);
  EXPECT_EQ(b.be16(14), 100);
  EXPECT_EQ(b.be16(16), 0x8100);
  EXPECT_EQ(b.be16(18), 7);
  EXPECT_EQ(b.be16(20), 0x0800);
  EXPECT_EQ(b.size(), 30U);
  EXPECT_EQ(p.wire_bytes, 14U + 8 + 20 + 20);
  const capture::Frame f = frame_of(p);
  EXPECT_EQ(f.captured_bytes, 30U);
  EXPECT_EQ(f.wire_bytes, p.wire_bytes);
}

struct Tcp {
  uint32_t seq, ack;
  uint8_t flags;
  uint16_t window, ipid;
};
Tcp read(const Packet& p) {
  const Bytes b(p.bytes.data(), p.bytes.size());
  return {b.be32(38), b.be32(42), b.u8(47), b.be16(48), b.be16(18)};
}

TEST(Conversation, KeepsSequenceNumbersOfBothEnds) {
  Conversation c(kClientV4, kServerV4, 0);
  c.handshake().client_sends(100).server_sends(3000).client_fin();
  const auto& p = c.packets();
  ASSERT_EQ(p.size(), 3U + 2 + 4 + 2);
  EXPECT_EQ(read(p[1]).ack, 1001U);
  EXPECT_EQ(read(p[1]).flags, kSyn | kAck);
  EXPECT_EQ(read(p[2]).ack, 5001U);
  EXPECT_EQ(read(p[4]).ack, 1101U);
  EXPECT_EQ(read(p[7]).seq, 5001U + 2 * 1448);
  EXPECT_EQ(read(p[8]).ack, 8001U);
  EXPECT_EQ(read(p[9]).flags, kFin | kAck);
  EXPECT_EQ(read(p[10]).ack, 1102U);
  EXPECT_EQ(p[1].time, kMs);
  EXPECT_EQ(p[2].time, 2 * kMs);
}

TEST(Conversation, ResetImages) {
  Conversation c(kClientV4, kServerV4, 0);
  c.stack(From::kClient).tos = 0x20;
  c.syn().server_rst(Image::kStateless);
  Tcp refused = read(c.packets().back());
  EXPECT_EQ(refused.flags, kRst | kAck);
  EXPECT_EQ(refused.seq, 0U);
  EXPECT_EQ(refused.ack, 1001U);
  EXPECT_EQ(refused.window, 0);
  EXPECT_EQ(refused.ipid, 0);
  EXPECT_EQ(c.packets().back().bytes[15], 0x20);
  c.server_rst(Image::kReject);
  EXPECT_EQ(c.packets().back().bytes[15], 0);

  Conversation d(kClientV4, kServerV4, 0);
  d.handshake().client_sends(10).server_rst();
  Tcp active = read(d.packets().back());
  EXPECT_EQ(active.flags, kRst | kAck);
  EXPECT_EQ(active.seq, 5001U);
  EXPECT_EQ(active.ack, 1011U);
  EXPECT_NE(active.window, 0);
  d.client_sends(10, false).server_rst(Image::kStateless);
  Tcp stateless = read(d.packets().back());
  EXPECT_EQ(stateless.flags, kRst);
  EXPECT_EQ(stateless.seq, 5001U);
}

TEST(Conversation, RetransmissionsAndProbesRepeatSequenceNumbers) {
  Conversation c(kClientV4, kServerV4, 0);
  c.syn().wait(kSecond).retransmit(From::kClient);
  EXPECT_EQ(read(c.packets()[1]).seq, 1000U);
  EXPECT_EQ(read(c.packets()[1]).flags, kSyn);
  c.syn_ack().ack(From::kClient).client_sends(50, false).retransmit(From::kClient);
  EXPECT_EQ(read(c.packets().back()).seq, 1001U);
  EXPECT_EQ(c.next_seq(From::kClient), 1051U);
  c.keepalive_probe(From::kClient);
  EXPECT_EQ(read(c.packets().back()).seq, 1050U);
}

TEST(Pcap, NanosecondFile) {
  Conversation c(kClientV4, kServerV4, 5 * kSecond + 7);
  c.syn();
  const std::vector<uint8_t> bytes = pcap_bytes(c.packets());
  uint32_t words[10];
  ASSERT_GE(bytes.size(), sizeof words);
  std::memcpy(words, bytes.data(), sizeof words);
  EXPECT_EQ(words[0], kPcapNanoMagic);
  EXPECT_EQ(words[6], 5U);
  EXPECT_EQ(words[7], 7U);
  EXPECT_EQ(words[8], c.packets()[0].bytes.size());
}

}  // namespace
}  // namespace rs::test
