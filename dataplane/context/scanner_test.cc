// SPDX-License-Identifier: Apache-2.0
#include "dataplane/context/scanner.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace rs::context {
namespace {

const Scanner& scanner() {
  static const std::unique_ptr<Scanner> made = [] {
    auto set = load_patterns("");
    auto database = Database::build(std::move(*set), "");
    auto scanner = Scanner::create(std::move(*database));
    return std::move(*scanner);
  }();
  return *made;
}

std::string text_of(const Meaning& m) { return m.seen ? m.text.data() : ""; }

void put(track::Ending& e, size_t side, std::string_view text) {
  std::memcpy(e.heads.bytes[side].data(), text.data(), text.size());
  e.dir[side].head_len = static_cast<uint8_t>(text.size());
}

track::Ending ending() {
  track::Ending e;  // the client is End::kLo
  put(e, 0, "GET / HTTP/1.1\r\n");
  put(e, 1, "HTTP/1.1 503 Service Unavailable\r\n");
  e.rsts = 1;
  e.rst[0].from = flow::End::kHi;
  return e;
}

TEST(Scanner, EachEndsMessageIsReadAsThatEnds) {
  const Context c = scanner().scan(ending());
  EXPECT_EQ(text_of(c.of(Place::kClient)), "http.request");
  EXPECT_EQ(text_of(c.of(Place::kServer)), "http.status=503");
  EXPECT_EQ(c.of(Place::kServer).cls, Class::kOverload);
  EXPECT_EQ(c.of(Place::kServer).value, 503U);
  EXPECT_FALSE(c.of(Place::kRst).seen);
  track::Ending turned = ending();
  turned.hot.marks |= flow::kClientIsHi;
  const Context t = scanner().scan(turned);
  EXPECT_FALSE(t.of(Place::kClient).seen);
  EXPECT_FALSE(t.of(Place::kServer).seen);
}

TEST(Scanner, TheRstsOwnTextIsRead) {
  track::Ending e = ending();
  constexpr std::string_view kText = "BIG-IP: [0x2664c65:2574] No flow found for ACK";
  std::memcpy(e.rst_text.data(), kText.data(), kText.size());
  e.rst_text_len = kText.size();
  EXPECT_EQ(text_of(scanner().scan(e).of(Place::kRst)), "f5.rstcause=no_flow");
}

TEST(Scanner, AWindowCodeNeedsABareRstWithAWindowOfItsOwn) {
  track::Ending e = ending();
  e.dir[1].window = 502;
  e.rst[0].window = 9300;
  EXPECT_EQ(text_of(scanner().scan(e).window), "netscaler.reset=idle");
  EXPECT_EQ(scanner().scan(e).window.cls, Class::kIdleTimeout);
  e.rst[0].window = 9299;
  EXPECT_FALSE(scanner().scan(e).window.seen);
  e.rst[0].window = e.dir[1].window = 9300;
  EXPECT_FALSE(scanner().scan(e).window.seen);
  e.dir[1].window = 502;
  e.rst[0].opts = 0x10;
  EXPECT_FALSE(scanner().scan(e).window.seen);
}

TEST(Scanner, ALetterValueThatIsNoSqlstateIsNotReported) {
  const std::string bad("E\0\0\0\x20SFATAL\0C57p01\0Msecret", 25);
  const void* data = bad.data();
  EXPECT_FALSE(scanner().read(Place::kServer, Bytes(static_cast<const uint8_t*>(data), bad.size())).seen);
}

TEST(Scanner, AMessageCutBeforeItsValueMeansNothing) {
  const uint8_t alert[] = {0x15, 3, 3, 0, 2, 2, 48};
  EXPECT_TRUE(scanner().read(Place::kClient, Bytes(alert, 7)).seen);
  EXPECT_FALSE(scanner().read(Place::kClient, Bytes(alert, 6)).seen);
}

TEST(Scanner, AnyBytesGiveAPrintableMeaningOrNone) {
  std::mt19937 random(1);
  const auto& patterns = scanner().database().set().patterns;
  for (int round = 0; round < 20'000; ++round) {
    // Half of them begin like a message we know.
    std::string text;
    const Pattern& p = patterns[random() % patterns.size()];
    if (round % 2 == 0) text = p.examples[0].bytes.substr(0, random() % (p.examples[0].bytes.size() + 1));
    while (text.size() < 64) text += static_cast<char>(random());
    for (const Place place : {Place::kClient, Place::kServer, Place::kRst}) {
      const void* data = text.data();
      const Meaning m = scanner().read(place, Bytes(static_cast<const uint8_t*>(data), 64));
      if (!m.seen) continue;
      EXPECT_LT(std::strlen(m.text.data()), kTextBytes);
      for (const char* c = m.text.data(); *c != '\0'; ++c) EXPECT_TRUE(*c > 0x20 && *c < 0x7f);
    }
  }
}

TEST(Scanner, WithoutAScannerOnlyTheNameIsKnown) {
  track::Ending e = ending();
  const std::string hello = "POST / HTTP/1.1\r\nHost: Shop.Example.org:8080\r\n\r\n";
  const void* data = hello.data();
  const Bytes bytes(static_cast<const uint8_t*>(data), hello.size());
  auto length = static_cast<uint8_t>(e.dir[0].head_len);
  track::look_for_name(e.heads.bytes[0], length, bytes, true);
  e.dir[0].head_len = length;
  const Context c = scan(nullptr, e);
  EXPECT_STREQ(c.server_name.data(), "shop.example.org");
  EXPECT_FALSE(c.of(Place::kServer).seen);
  // The message is still there, shorter.
  EXPECT_EQ(text_of(scan(&scanner(), e).of(Place::kClient)), "http.request");
}

}  // namespace
}  // namespace rs::context
