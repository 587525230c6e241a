// SPDX-License-Identifier: Apache-2.0
//
// Every encapsulation: read through to the same inner packet, cut anywhere, with fields that lie, and too deep.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataplane/packet/layer.h"
#include "dataplane/packet/parse.h"
#include "tests/packet/builder.h"

namespace rs::packet {
namespace {

using test::at;
using test::be;
using test::Octets;

constexpr TimeNs kNow = 1'700'000'000 * kSecond;

struct Parsed {
  test::Packet packet;  // the view points into it
  Outcome outcome = Outcome::kNotTcp;
  PacketView view;
};

Parsed parsed(const Octets& bytes, capture::LinkType link = capture::LinkType::kEthernet) {
  Parsed out;
  out.packet.bytes = bytes;
  out.packet.wire_bytes = static_cast<uint32_t>(bytes.size());
  out.packet.time = kNow;
  out.outcome = parse_frame(test::frame_of(out.packet, link), out.view);
  return out;
}

test::Packet inner4() {
  return test::tcp(at("10.1.0.1", 40000), at("10.1.0.2", 443)).flags("PA").seq(77).ttl(64).payload("hello").build(kNow);
}
test::Packet inner6() {
  return test::tcp(at("fd00::1", 40000), at("fd00::2", 443)).flags("PA").seq(77).ttl(64).payload("hello").build(kNow);
}
Octets ip4() { return test::ip_packet(inner4()); }
Octets ip6() { return test::ip_packet(inner6()); }
Octets tail(const Octets& from, size_t skip) { return {from.begin() + static_cast<std::ptrdiff_t>(skip), from.end()}; }
Octets head(const Octets& from, size_t keep) {
  return {from.begin(), from.begin() + static_cast<std::ptrdiff_t>(keep)};
}
Octets on_ip(uint8_t protocol, const Octets& payload) { return test::frame(0x0800, test::ipv4(protocol, payload)); }
Octets on_udp(uint16_t port, const Octets& payload) { return on_ip(17, test::udp(port, payload)); }
Octets on_gre(uint16_t flags, uint16_t type, const Octets& fields, const Octets& payload) {
  return on_ip(47, test::gre(flags, type, fields, payload));
}

struct Case {
  std::string name;
  Octets bytes;
  Tunnel tunnel;
  uint32_t tag;
  uint8_t outer_ttl;
  bool v6 = false;
};

std::vector<Case> cases() {
  const Octets eth4 = inner4().bytes;
  const Octets eth6 = inner6().bytes;
  const Octets route = test::joined({be(0x0800, 2), be(0, 1), be(4, 1), {1, 2, 3, 4}, be(0, 4)});  // and the end
  return {
      {"vlan", test::frame(0x8100, test::vlan_tag(7, 0x0800, ip4())), Tunnel::kNone, 0, 0},
      {"qinq in 9100",
       test::frame(0x9100, test::vlan_tag(3, 0x88a8, test::vlan_tag(7, 0x8100, test::vlan_tag(8, 0x86dd, ip6())))),
       Tunnel::kNone, 0, 0, true},
      {"snap",
       test::frame(static_cast<uint16_t>(8 + ip4().size()),
                   test::joined({be(0xaaaa03, 3), be(0, 3), be(0x0800, 2), ip4()})),
       Tunnel::kNone, 0, 0},
      {"fabricpath", test::frame(0x8903, test::joined({be(0x0601, 2), eth4})), Tunnel::kNone, 0, 0},
      {"mpls 1", test::frame(0x8847, test::mpls(1, ip4())), Tunnel::kMpls, 0, 250},
      {"mpls 3, ipv6", test::frame(0x8847, test::mpls(3, ip6())), Tunnel::kMpls, 0, 250, true},
      {"pseudowire with control word", test::frame(0x8847, test::mpls(2, test::joined({be(5, 4), eth4}))),
       Tunnel::kMpls, 0, 250},
      {"pseudowire without", test::frame(0x8847, test::mpls(2, eth6)), Tunnel::kMpls, 0, 250, true},
      {"pseudowire of an address that begins with 4",
       test::frame(0x8847, test::mpls(2,
                                      [&] {
                                        Octets f = eth4;
                                        f[0] = 0x46;
                                        f[2] = 0xff;
                                        return f;
                                      }())),
       Tunnel::kMpls, 0, 250},
      {"mpls in ip", on_ip(137, test::mpls(1, ip4())), Tunnel::kMpls, 0, 250},
      {"pppoe", test::frame(0x8864, test::pppoe(test::ppp(0x0021, ip4()))), Tunnel::kPppoe, 0, 0},
      {"pppoe, ipv6, vlan", test::frame(0x8100, test::vlan_tag(7, 0x8864, test::pppoe(test::ppp(0x0057, ip6())))),
       Tunnel::kPppoe, 0, 0, true},
      {"pppoe, protocol in one byte", test::frame(0x8864, test::pppoe(test::joined({{0x21}, ip4()}))), Tunnel::kPppoe,
       0, 0},
      {"4in4", on_ip(4, ip4()), Tunnel::kIpInIp, 0, 61},
      {"6in4", on_ip(41, ip6()), Tunnel::kIpInIp, 0, 61, true},
      {"4in6", test::frame(0x86dd, test::ipv6(4, ip4())), Tunnel::kIpInIp, 0, 59},
      {"6in6", test::frame(0x86dd, test::ipv6(41, ip6())), Tunnel::kIpInIp, 0, 59, true},
      {"gre", on_gre(0, 0x0800, {}, ip4()), Tunnel::kGre, 0, 61},
      {"gre over ipv6", test::frame(0x86dd, test::ipv6(47, test::gre(0, 0x86dd, {}, ip6()))), Tunnel::kGre, 0, 59,
       true},
      {"gre, checksum", on_gre(0x8000, 0x0800, be(0, 4), ip4()), Tunnel::kGre, 0, 61},
      {"gre, key", on_gre(0x2000, 0x0800, be(0xdeadbeef, 4), ip4()), Tunnel::kGre, 0xdeadbeef, 61},
      {"gre, all", on_gre(0xb000, 0x86dd, test::joined({be(0, 4), be(9, 4), be(1, 4)}), ip6()), Tunnel::kGre, 9, 61,
       true},
      {"gre, source route", on_gre(0x4000, 0x0800, test::joined({be(0, 4), route}), ip4()), Tunnel::kGre, 0, 61},
      {"gre, mpls", on_gre(0, 0x8847, {}, test::mpls(1, ip4())), Tunnel::kMpls, 0, 250},
      {"pptp",
       on_gre(0x3081, 0x880b, test::joined({be(60, 2), be(5, 2), be(1, 4), be(1, 4)}),
              test::joined({be(0xff03, 2), test::ppp(0x0021, ip4())})),
       Tunnel::kGre, 0, 61},
      {"wccp", on_gre(0, 0x883e, be(0x01000000, 4), ip4()), Tunnel::kGre, 0, 61},
      {"wccp 1", on_gre(0, 0x883e, {}, ip4()), Tunnel::kGre, 0, 61},
      {"bridging", on_gre(0, 0x6558, {}, eth4), Tunnel::kNvgre, 0, 61},
      {"bridging, key", on_gre(0x2000, 0x6558, be(5, 4), eth4), Tunnel::kNvgre, 5, 61},
      {"nvgre", on_gre(0x2000, 0x6558, be(0x123456'ab, 4), eth6), Tunnel::kNvgre, 0x123456, 61, true},
      {"erspan 1", on_gre(0, 0x88be, {}, eth4), Tunnel::kErspan, 0, 61},
      {"erspan 2", on_gre(0x1000, 0x88be, be(1, 4), test::erspan2(eth4)), Tunnel::kErspan, 0, 61},
      {"erspan 3", on_gre(0x1000, 0x22eb, be(1, 4), test::erspan3(eth6)), Tunnel::kErspan, 0, 61, true},
      {"erspan 3, subheader", on_gre(0x1000, 0x22eb, be(1, 4), test::erspan3(eth4, 1, Octets(8, 0))), Tunnel::kErspan,
       0, 61},
      {"erspan 3, ip", on_gre(0x1000, 0x22eb, be(1, 4), test::erspan3(ip4(), 2 << 10)), Tunnel::kErspan, 0, 61},
      {"vxlan", on_udp(4789, test::vxlan(5001, eth4)), Tunnel::kVxlan, 5001, 61},
      {"vxlan, linux port, ipv6 outside",
       test::frame(0x86dd, test::ipv6(17, test::udp(8472, test::vxlan(0xffffff, eth6)))), Tunnel::kVxlan, 0xffffff, 59,
       true},
      {"vxlan, group policy", on_udp(4789, test::joined({be(0x88080123, 4), be(5001 << 8, 4), eth4})), Tunnel::kVxlan,
       5001, 61},
      {"vxlan-gpe, ip", on_udp(4790, test::vxlan_gpe(5, 1, ip4())), Tunnel::kVxlanGpe, 5, 61},
      {"vxlan-gpe, ethernet", on_udp(4790, test::vxlan_gpe(5, 3, eth6)), Tunnel::kVxlanGpe, 5, 61, true},
      {"vxlan-gpe, nsh", on_udp(4790, test::vxlan_gpe(5, 4, test::nsh(2, ip6()))), Tunnel::kVxlanGpe, 5, 61, true},
      {"geneve", on_udp(6081, test::geneve(7, 0x6558, eth4)), Tunnel::kGeneve, 7, 61},
      {"geneve, options", on_udp(6081, test::geneve(7, 0x0800, ip4(), Octets(60, 1))), Tunnel::kGeneve, 7, 61},
      {"gtp-u", on_udp(2152, test::gtpu(0x1001, ip4())), Tunnel::kGtpu, 0, 61},
      {"gtp-u, sequence", on_udp(2152, test::gtpu(0x1001, ip6(), 0, {}, true)), Tunnel::kGtpu, 0, 61, true},
      {"gtp-u, extensions", on_udp(2152, test::gtpu(0x1001, ip4(), 0x85, {1, 0, 9, 0xc0, 2, 0, 0, 0, 0, 0, 0, 0})),
       Tunnel::kGtpu, 0, 61},
      {"ah", on_ip(51, test::joined({be(6, 1), be(4, 1), Octets(22, 0), tail(ip4(), 20)})), Tunnel::kNone, 0, 0},
      {"vxlan in erspan in mpls",
       test::frame(0x8847, test::mpls(1, test::ipv4(47, test::gre(0x1000, 0x88be, be(1, 4),
                                                                  test::erspan2(on_udp(4789, test::vxlan(9, eth4))))))),
       Tunnel::kVxlan, 9, 61},
  };
}

TEST(Tunnels, AreReadThroughToTheInnerPacket) {
  for (const Case& c : cases()) {
    const Parsed p = parsed(c.bytes);
    ASSERT_EQ(p.outcome, Outcome::kTracked) << c.name;
    EXPECT_EQ(p.view.tunnel, c.tunnel) << c.name;
    EXPECT_EQ(p.view.network_tag, c.tag) << c.name;
    EXPECT_EQ(p.view.outer_ttl, c.outer_ttl) << c.name;
    EXPECT_EQ(p.view.ipv6, c.v6) << c.name;
    EXPECT_EQ(p.view.dst_port, 443) << c.name;
    EXPECT_EQ(p.view.seq, 77U) << c.name;
    EXPECT_EQ(p.view.payload_bytes, 5U) << c.name;
    EXPECT_EQ(p.view.payload.u8(0), 'h') << c.name;
    if (c.name == "ah") continue;
    EXPECT_EQ(p.view.src, c.v6 ? test::ip("fd00::1") : test::ip("10.1.0.1")) << c.name;
    EXPECT_EQ(p.view.ttl, 64) << c.name;
  }
}

TEST(Tunnels, TheOuterEndsAreKept) {
  IpAddr from;
  IpAddr to;
  const Parsed plain = parsed(inner4().bytes);
  EXPECT_FALSE(plain.view.outer_ends(from, to));
  const Parsed v4 = parsed(on_udp(4789, test::vxlan(1, inner6().bytes)));
  ASSERT_TRUE(v4.view.outer_ends(from, to));
  EXPECT_EQ(from, test::ip("192.0.2.1"));
  EXPECT_EQ(to, test::ip("192.0.2.2"));
  const Octets six = test::frame(0x86dd, test::ipv6(4, ip4()));
  const Parsed v6 = parsed(six);
  ASSERT_TRUE(v6.view.outer_ends(from, to));
  EXPECT_EQ(to, test::ip("2001:db8:ff00::2"));
}

TEST(Tunnels, EveryCutIsAnOutcomeAndNeverARead) {
  for (const Case& c : cases()) {
    for (size_t n = 0; n < c.bytes.size(); ++n) {
      // A heap copy of exactly n bytes: the address sanitizer sees any read past it.
      const Octets cut(c.bytes.begin(), c.bytes.begin() + static_cast<std::ptrdiff_t>(n));
      const Parsed p = parsed(cut);
      if (n + 5 < c.bytes.size()) {  // the payload may be cut, nothing before
        EXPECT_NE(p.outcome, Outcome::kTracked) << c.name << " at " << n;
      } else {
        EXPECT_EQ(p.outcome, Outcome::kTracked) << c.name << " at " << n;
      }
    }
  }
}

TEST(Tunnels, AnyByteMayLie) {
  for (const Case& c : cases()) {
    for (size_t i = 0; i < c.bytes.size(); ++i) {
      for (const unsigned lie : {0x00U, 0x01U, 0x0fU, 0x40U, 0x7fU, 0xf0U, 0xffU}) {
        Octets bytes = c.bytes;
        bytes[i] = static_cast<uint8_t>(lie);
        const Parsed p = parsed(bytes);
        ASSERT_LT(static_cast<size_t>(p.outcome), kOutcomeCount) << c.name << " at " << i;
        if (p.outcome != Outcome::kTracked || p.view.payload.empty()) continue;
        EXPECT_GE(p.view.payload.data(), p.packet.bytes.data());
        EXPECT_LE(p.view.payload.data() + p.view.payload.size(), p.packet.bytes.data() + p.packet.bytes.size());
      }
    }
  }
}

TEST(Tunnels, APortNumberAloneIsNoTunnel) {
  const Octets eth = inner4().bytes;
  const Octets group_sender = [&] {
    Octets f = eth;
    f[6] |= 1;
    return f;
  }();
  const std::vector<std::pair<uint16_t, Octets>> plain = {
      {53, test::vxlan(5, eth)},                                                        // another port
      {4789, test::joined({be(0, 4), be(5 << 8, 4), eth})},                             // no valid id
      {4789, test::joined({be(0x08000001, 4), be(5 << 8, 4), eth})},                    // reserved bits
      {4789, test::joined({be(0x08000000, 4), be(5 << 8 | 1, 4), eth})},                // reserved byte
      {4789, test::vxlan(5, group_sender)},                                             // no sender
      {4789, test::vxlan(5, test::frame(0x0800, ip6()))},                               // the type lies
      {4789, test::vxlan(5, Octets(6, 0))},                                             // too little
      {4790, test::vxlan_gpe(5, 9, ip4())},                                             // unknown payload
      {4790, test::joined({be(0x0d000001, 4), be(5 << 8, 4), ip4()})},                  // the tunnel's own
      {4790, test::vxlan_gpe(5, 1, Octets(40, 0x11))},                                  // no IP
      {6081, test::joined({be(0x40006558, 4), be(7 << 8, 4), eth})},                    // version 1
      {6081, test::joined({be(0x00806558, 4), be(7 << 8, 4), eth})},                    // control
      {6081, test::geneve(7, 0x1234, eth)},                                             // unknown payload
      {6081, test::joined({be(0x3f006558, 4), be(7 << 8, 4), eth})},                    // options beyond the end
      {2152, test::joined({be(0x3001, 2), be(ip4().size(), 2), be(1, 4), ip4()})},      // an echo request
      {2152, test::joined({be(0x20ff, 2), be(ip4().size(), 2), be(1, 4), ip4()})},      // GTP'
      {2152, test::joined({be(0x30ff, 2), be(ip4().size() + 1, 2), be(1, 4), ip4()})},  // the length lies
      {2152, test::gtpu(1, Octets(60, 0))},                                             // no IP
  };
  for (size_t i = 0; i < plain.size(); ++i)
    EXPECT_EQ(parsed(on_udp(plain[i].first, plain[i].second)).outcome, Outcome::kNotTcp) << i;
}

TEST(Tunnels, ReasonsAreTold) {
  EXPECT_EQ(parsed(on_ip(50, ip4())).outcome, Outcome::kEncrypted);
  EXPECT_EQ(parsed(test::frame(0x8864, test::pppoe(test::ppp(0x00fd, ip4())))).outcome, Outcome::kEncrypted);
  EXPECT_EQ(parsed(test::frame(0x8864, test::pppoe(test::ppp(0xc021, ip4())))).outcome, Outcome::kNotIp);
  EXPECT_EQ(parsed(test::frame(0x8863, ip4())).outcome, Outcome::kNotIp);
  EXPECT_EQ(parsed(test::frame(0x8864, test::joined({be(0x21, 1), Octets(40, 0)}))).outcome, Outcome::kBadTunnel);
  EXPECT_EQ(parsed(on_gre(2, 0x0800, {}, ip4())).outcome, Outcome::kBadTunnel);
  EXPECT_EQ(parsed(on_gre(0x1000, 0x88be, be(1, 4), Octets(60, 0))).outcome, Outcome::kBadTunnel);
  EXPECT_EQ(parsed(on_gre(0, 0, {}, ip4())).outcome, Outcome::kNotIp);  // keepalive
  EXPECT_EQ(parsed(on_udp(4789, test::vxlan(5, test::frame(0x0806, Octets(28, 0))))).outcome, Outcome::kNotIp);  // ARP
  EXPECT_EQ(parsed(on_udp(4789, test::vxlan(5, on_udp(53, Octets(20, 0))))).outcome, Outcome::kNotTcp);
  EXPECT_EQ(parsed(test::frame(0x8847, test::mpls(1, test::joined({be(0x10000021, 4), ip4()})))).outcome,
            Outcome::kNotIp);  // the pseudowire's own channel
  EXPECT_EQ(parsed(on_udp(2152, test::gtpu(1, ip4(), 0x85, {0, 0, 0, 0}))).outcome, Outcome::kBadTunnel);
  EXPECT_EQ(parsed(on_gre(0x4000, 0x0800, test::joined({be(0, 4), be(0x08000004, 4)}), {})).outcome,
            Outcome::kBadTunnel);  // a route without an end
}

TEST(Tunnels, NestingIsBounded) {
  Octets packet = ip4();
  for (int i = 0; i < kMaxTunnels; ++i) packet = test::ipv4(4, packet);
  EXPECT_EQ(parsed(test::frame(0x0800, packet)).outcome, Outcome::kTracked);
  EXPECT_EQ(parsed(test::frame(0x0800, test::ipv4(4, packet))).outcome, Outcome::kTooManyTunnels);
  EXPECT_EQ(parsed(test::frame(0x8847, test::mpls(200, ip4()))).outcome, Outcome::kTooManyHeaders);
  Octets extensions;
  for (int i = 0; i < 100; ++i) extensions = test::joined({extensions, {1, 0, 0, 0x85}});
  EXPECT_EQ(parsed(on_udp(2152, test::gtpu(1, ip4(), 0x85, extensions))).outcome, Outcome::kTooManyHeaders);
  Octets nested = ip4();
  for (int i = 0; i < 60; ++i) nested = test::frame(0x6558, nested);
  EXPECT_EQ(parsed(nested).outcome, Outcome::kTooManyHeaders);
}

TEST(Tunnels, OneNetworkInTwoIsTwo) {
  const auto tag = [](uint32_t outer, uint32_t inner) {
    const Octets bytes = on_udp(4789, test::vxlan(outer, on_udp(4789, test::vxlan(inner, inner4().bytes))));
    return parsed(bytes).view.network_tag;
  };
  EXPECT_NE(tag(1, 5), tag(2, 5));
  EXPECT_NE(tag(1, 5), tag(1, 6));
  EXPECT_EQ(tag(0, 5), 5U);  // no network named outside
}

TEST(Tunnels, TheFirstFragmentCarriesTheHeaders) {
  const Octets carrier = test::udp(4789, test::vxlan(5, inner4().bytes));
  EXPECT_EQ(parsed(test::frame(0x0800, test::ipv4(17, carrier, 61, 0x2000))).outcome, Outcome::kTracked);
  EXPECT_EQ(parsed(test::frame(0x0800, test::ipv4(17, carrier, 61, 0x0010))).outcome, Outcome::kLaterFragment);
  const Octets tcp = tail(ip6(), 40);
  const Octets first = test::fragment_header(6, 1, tcp);
  const Octets later = test::fragment_header(6, 8, tcp);
  EXPECT_EQ(parsed(test::frame(0x86dd, test::ipv6(44, first))).outcome, Outcome::kTracked);
  EXPECT_EQ(parsed(test::frame(0x86dd, test::ipv6(44, later))).outcome, Outcome::kLaterFragment);
  EXPECT_EQ(parsed(test::frame(0x86dd, test::ipv6(0, test::extension(44, later)))).outcome, Outcome::kLaterFragment);
  // Outer fragment of an inner first one, and the other way round.
  EXPECT_EQ(parsed(on_ip(41, test::ipv6(44, later))).outcome, Outcome::kLaterFragment);
}

TEST(Extensions, ChainsAreFollowed) {
  const Octets tcp = tail(ip6(), 40);
  const Octets ah = test::joined({be(60, 1), be(4, 1), Octets(22, 0)});
  const Octets chain = test::extension(135, test::extension(51, test::joined({ah, test::extension(6, tcp, 3)})), 1);
  const Parsed p = parsed(test::frame(0x86dd, test::ipv6(0, chain)));
  ASSERT_EQ(p.outcome, Outcome::kTracked);
  EXPECT_EQ(p.view.payload_bytes, 5U);
  const Octets last = test::extension(59, Octets(40, 0));
  EXPECT_EQ(parsed(test::frame(0x86dd, test::ipv6(60, last))).outcome, Outcome::kNotTcp);
  const Octets lying = test::joined({be(6, 1), be(255, 1), tcp});
  EXPECT_EQ(parsed(test::frame(0x86dd, test::ipv6(0, lying))).outcome, Outcome::kBadIpv6);
}

TEST(Extensions, ARoutedPacketBelongsToItsLastStop) {
  const Octets tcp = tail(ip6(), 40);
  const IpAddr last = test::ip("2001:db8:7::7");
  const Octets stop(last.bytes.begin(), last.bytes.end());
  const Octets other(16, 0x20);
  const auto routed = [&](uint8_t type, uint8_t segments_left, const Octets& list) {
    const Octets routing =
        test::joined({be(6, 1), be(list.size() / 8, 1), be(type, 1), be(segments_left, 1), be(0, 4), list, tcp});
    return parsed(test::frame(0x86dd, test::ipv6(43, routing))).view.dst;
  };
  const IpAddr next = test::ip("2001:db8:ff00::2");
  EXPECT_EQ(routed(4, 1, test::joined({stop, other})), last);  // segment routing: the list is reversed
  EXPECT_EQ(routed(4, 0, test::joined({stop, other})), next);  // arrived
  EXPECT_EQ(routed(0, 2, test::joined({other, stop})), last);
  EXPECT_EQ(routed(2, 1, stop), last);
  EXPECT_EQ(routed(99, 1, stop), next);  // unknown
}

TEST(IcmpQuotes, InTunnelsAndOfBothVersions) {
  const Octets quote4 = head(ip4(), 28);
  const Octets error4 = test::ipv4(1, test::icmp_error(3, 3, quote4), 33);
  Parsed p = parsed(on_udp(4789, test::vxlan(5, test::frame(0x0800, error4))));
  ASSERT_EQ(p.outcome, Outcome::kIcmpQuote);
  EXPECT_EQ(p.view.network_tag, 5U);
  EXPECT_EQ(p.view.src, test::ip("10.1.0.1"));
  EXPECT_EQ(p.view.icmp_src, test::ip("192.0.2.1"));
  EXPECT_EQ(p.view.ttl, 64);
  EXPECT_EQ(p.view.seq, 77U);

  const Octets quote6 = head(ip6(), 48);
  p = parsed(test::frame(0x86dd, test::ipv6(58, test::icmp_error(1, 4, quote6))));
  ASSERT_EQ(p.outcome, Outcome::kIcmpQuote);
  EXPECT_TRUE(p.view.ipv6);
  EXPECT_EQ(p.view.dst_port, 443);
  EXPECT_EQ(p.view.icmp_code, 4);
  EXPECT_EQ(p.view.icmp_src, test::ip("2001:db8:ff00::1"));

  // A quoted packet with an extension header, and one that is a later fragment.
  const Octets tcp = head(tail(ip6(), 40), 8);
  p = parsed(test::frame(0x86dd, test::ipv6(58, test::icmp_error(3, 0, test::ipv6(60, test::extension(6, tcp))))));
  ASSERT_EQ(p.outcome, Outcome::kIcmpQuote);
  EXPECT_EQ(p.view.seq, 77U);
  p = parsed(
      test::frame(0x86dd, test::ipv6(58, test::icmp_error(1, 0, test::ipv6(44, test::fragment_header(6, 8, tcp))))));
  EXPECT_EQ(p.outcome, Outcome::kNotTcp);
  EXPECT_EQ(parsed(on_ip(1, test::icmp_error(8, 0, quote4))).outcome, Outcome::kNotTcp);  // echo
  EXPECT_EQ(parsed(on_ip(58, test::icmp_error(1, 4, quote6))).outcome, Outcome::kNotTcp);
  const Octets short_quote = head(ip4(), 26);
  EXPECT_EQ(parsed(on_ip(1, test::icmp_error(3, 3, short_quote))).outcome, Outcome::kShortTcp);
}

TEST(LinkTypes, SerialLines) {
  using capture::LinkType;
  EXPECT_EQ(parsed(test::ppp(0x0021, ip4()), LinkType::kPpp).outcome, Outcome::kTracked);
  EXPECT_EQ(parsed(test::joined({be(0xff03, 2), test::ppp(0x0057, ip6())}), LinkType::kPpp).outcome, Outcome::kTracked);
  EXPECT_EQ(parsed(test::joined({be(0xff03, 2), test::ppp(0x0281, test::mpls(1, ip4()))}), LinkType::kPpp).outcome,
            Outcome::kTracked);
  const Octets hdlc = test::joined({be(0x0f00, 2), be(0x0800, 2), ip4()});
  EXPECT_EQ(parsed(hdlc, LinkType::kPpp).outcome, Outcome::kTracked);
  EXPECT_EQ(parsed(hdlc, LinkType::kCiscoHdlc).outcome, Outcome::kTracked);
  EXPECT_EQ(parsed(test::pppoe(test::ppp(0x0021, ip4())), LinkType::kPppoe).outcome, Outcome::kTracked);
  EXPECT_EQ(parsed(test::joined({Octets(14, 0), be(4, 2), be(0xaaaa03, 3), be(0, 3), be(0x0800, 2), ip4()}),
                   LinkType::kLinuxCooked)
                .outcome,
            Outcome::kTracked);
  EXPECT_EQ(parsed(test::joined({Octets(14, 0), be(0x8100, 2), be(7, 2), be(0x86dd, 2), ip6()}), LinkType::kLinuxCooked)
                .outcome,
            Outcome::kTracked);
  for (const LinkType link : {LinkType::kPpp, LinkType::kPppoe, LinkType::kCiscoHdlc, LinkType::kNull, LinkType::kRawIp,
                              LinkType::kLinuxCooked, LinkType::kLinuxCooked2})
    EXPECT_NE(parsed({}, link).outcome, Outcome::kTracked);
}

}  // namespace
}  // namespace rs::packet
