// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/server_name.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace rs::packet {
namespace {

using Octets = std::vector<uint8_t>;

Bytes view(const Octets& b) { return {b.data(), b.size()}; }
std::string text_of(const Bytes& b) { return {b.data(), b.data() + b.size()}; }

void u16(Octets& out, size_t v) {
  out.push_back(static_cast<uint8_t>(v >> 8));
  out.push_back(static_cast<uint8_t>(v));
}

// An extension with `size` bytes of filling.
Octets extension(size_t type, size_t size) {
  Octets out;
  u16(out, type);
  u16(out, size);
  out.insert(out.end(), size, 0xaa);
  return out;
}

Octets sni(const std::string& name, uint8_t type = 0) {
  Octets out;
  u16(out, 0);
  u16(out, name.size() + 5);
  u16(out, name.size() + 3);
  out.push_back(type);
  u16(out, name.size());
  out.insert(out.end(), name.begin(), name.end());
  return out;
}

Octets hello(const std::vector<Octets>& extensions, size_t session_id = 32) {
  Octets body = {3, 3};
  body.insert(body.end(), 32, 0x55);
  body.push_back(static_cast<uint8_t>(session_id));
  body.insert(body.end(), session_id, 0x66);
  u16(body, 4);
  body.insert(body.end(), {0x13, 1, 0x13, 2, 1, 0});
  Octets list;
  for (const Octets& e : extensions) list.insert(list.end(), e.begin(), e.end());
  u16(body, list.size());
  body.insert(body.end(), list.begin(), list.end());
  Octets out = {0x16, 3, 1};
  u16(out, body.size() + 4);
  out.push_back(1);
  out.push_back(0);
  u16(out, body.size());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

std::string name_in(const Octets& message) {
  TlsRest rest;
  return text_of(server_name(view(message), rest));
}
std::string name_in(const std::string& message) { return name_in(Octets(message.begin(), message.end())); }

TEST(ServerName, FromAClientHello) {
  EXPECT_EQ(name_in(hello({sni("shop.example.org")})), "shop.example.org");
  EXPECT_EQ(name_in(hello({extension(10, 8), extension(0x0a0a, 0), sni("a.b")}, 0)), "a.b");
  EXPECT_EQ(name_in(hello({extension(10, 8)})), "");
  EXPECT_EQ(name_in(hello({})), "");
}

TEST(ServerName, OnlyANameIsOne) {
  EXPECT_EQ(name_in(hello({sni("a\x1b[31m")})), "");
  EXPECT_EQ(name_in(hello({sni("")})), "");
  EXPECT_EQ(name_in(hello({sni("a b")})), "");
  EXPECT_EQ(name_in(hello({sni("shop", 1)})), "");
  EXPECT_EQ(name_in(hello({sni(std::string(253, 'a'))})), std::string(253, 'a'));
  EXPECT_EQ(name_in(hello({sni(std::string(254, 'a'))})), "");
}

TEST(ServerName, FromAnHttpRequest) {
  EXPECT_EQ(name_in("GET / HTTP/1.1\r\nHost: shop.example.org\r\nAccept: */*\r\n\r\n"), "shop.example.org");
  EXPECT_EQ(name_in("POST /x HTTP/1.1\r\nAccept: a\r\nhOsT:\tshop.example.org:8443 \r\n\r\n"), "shop.example.org");
  EXPECT_EQ(name_in("GET / HTTP/1.1\nHost: a.b\n\n"), "a.b");
  EXPECT_EQ(name_in("GET / HTTP/1.1\r\n\r\nHost: a.b\r\n"), "");  // behind the header
  EXPECT_EQ(name_in("GET / HTTP/1.1\r\nHost: shop.exam"), "");    // cut
  EXPECT_EQ(name_in("GET / HTTP/1.1\r\nHost: a.b:80x\r\n\r\n"), "");
  EXPECT_EQ(name_in("GET / HTTP/1.1\r\nXHost: a.b\r\n\r\n"), "");
  EXPECT_EQ(name_in("get / HTTP/1.1\r\nHost: a.b\r\n\r\n"), "");
  EXPECT_EQ(name_in("PING\r\nHost: a.b\r\n"), "");
}

TEST(ServerName, IsFoundInTheSecondSegment) {
  // A key share of 1,216 bytes (X25519MLKEM768) before the name, cut anywhere inside the share.
  const Octets whole = hello({extension(10, 8), extension(51, 1216), sni("shop.example.org"), extension(13, 20)});
  for (const size_t cut : {200U, 700U, 1200U}) {
    const Octets first(whole.begin(), whole.begin() + cut);
    const Octets second(whole.begin() + cut, whole.end());
    TlsRest rest;
    EXPECT_TRUE(server_name(view(first), rest).empty());
    EXPECT_NE(rest.left, 0) << cut;
    EXPECT_EQ(text_of(server_name_on(view(second), rest)), "shop.example.org") << cut;
    EXPECT_EQ(rest.left, 0);
  }
  // Three segments.
  TlsRest rest;
  EXPECT_TRUE(server_name(view(Octets(whole.begin(), whole.begin() + 300)), rest).empty());
  EXPECT_TRUE(server_name_on(view(Octets(whole.begin() + 300, whole.begin() + 600)), rest).empty());
  EXPECT_EQ(text_of(server_name_on(view(Octets(whole.begin() + 600, whole.end())), rest)), "shop.example.org");
}

TEST(ServerName, LyingLengthsEndTheSearch) {
  Octets whole = hello({extension(10, 8), sni("shop.example.org")});
  for (size_t at = 3; at < whole.size(); ++at) {
    for (const uint8_t v : {uint8_t{0x00}, uint8_t{0x7f}, uint8_t{0xff}}) {
      Octets bad = whole;
      bad[at] = v;
      TlsRest rest;
      const Bytes name = server_name(view(bad), rest);
      if (!name.empty()) {
        EXPECT_GE(name.data(), bad.data());
        EXPECT_LE(name.data() + name.size(), bad.data() + bad.size());
      }
    }
  }
  for (size_t n = 0; n < whole.size(); ++n) {
    const Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
    const std::string found = name_in(cut);
    EXPECT_TRUE(found.empty() || found == "shop.example.org") << n;
  }
}

TEST(ServerName, WorkIsBounded) {
  // 16,000 empty extensions in one giant segment: given up after a few dozen.
  std::vector<Octets> many(16'000, extension(77, 0));
  many.push_back(sni("late.example.org"));
  EXPECT_EQ(name_in(hello(many)), "");
}

}  // namespace
}  // namespace rs::packet
