// SPDX-License-Identifier: Apache-2.0
#include "dataplane/track/heads.h"

#include <gtest/gtest.h>

#include <string>

namespace rs::track {
namespace {

class Heads : public ::testing::Test {
 protected:
  static Bytes view(const std::string& s) {
    const void* data = s.data();
    return {static_cast<const uint8_t*>(data), s.size()};
  }
  void keep(const std::string& s) { keep_message(head_, length_, view(s)); }
  void look(const std::string& s, bool first = true) { look_for_name(head_, length_, view(s), first); }
  [[nodiscard]] std::string message() const {
    const Bytes b = message_of(head_, length_);
    return {b.data(), b.data() + b.size()};
  }
  [[nodiscard]] std::string name() const { return std::string(name_of(head_, length_)); }

  HeadBytes head_{};
  uint8_t length_ = 0;
};

TEST_F(Heads, AMessageIsItsFirst64BytesHoweverCut) {
  keep("abc");
  keep(std::string(100, 'x'));
  EXPECT_EQ(message(), "abc" + std::string(61, 'x'));
  keep("more");
  EXPECT_EQ(message().size(), 64U);
  begin_message(length_);
  keep("new");
  EXPECT_EQ(message(), "new");
  EXPECT_EQ(name(), "");
}

TEST_F(Heads, TheNameOutlivesTheMessage) {
  const std::string request = "GET / HTTP/1.1\r\nHost: Shop.Example.ORG\r\n\r\n";
  keep(request);
  look(request);
  EXPECT_EQ(name(), "shop.example.org");
  EXPECT_EQ(message(), request.substr(0, kShortHead));
  for (int i = 0; i < 3; ++i) {
    begin_message(length_);
    keep("POST /another HTTP/1.1\r\n");
    keep("more");
    EXPECT_EQ(message(), "POST /another HT");
    EXPECT_EQ(name(), "shop.example.org");
  }
}

TEST_F(Heads, ALongNameKeepsItsEnd) {
  const std::string host = std::string(60, 'a') + ".example.org";
  look("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  EXPECT_EQ(name(), "*" + host.substr(host.size() - (kNameRoom - 1)));
  EXPECT_EQ(name().size(), kNameRoom);
}

TEST_F(Heads, NoNameTakesNoRoom) {
  look("GET / HTTP/1.1\r\n\r\n");
  keep(std::string(100, 'x'));
  EXPECT_EQ(message().size(), 64U);
  look("nothing is pending", false);
  EXPECT_EQ(message(), std::string(64, 'x'));
}

TEST_F(Heads, APendingSearchIsNoName) {
  std::string hello = std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(32, 'r');
  hello +=
      std::string("\0\0\2\x13\1\1\0\2\0\0\x33\1\0", 13);  // no session id, one suite, extensions: 512, key share: 256
  keep(hello);
  look(hello);
  EXPECT_EQ(length_ & kNameKept, kNameKept);
  EXPECT_EQ(head_[kShortHead], kNamePending);
  EXPECT_EQ(name(), "");
  look(std::string(256, 'k') + std::string("\0\0\0\x08\0\x06\0\0\3a.b", 12), false);
  EXPECT_EQ(name(), "a.b");
}

}  // namespace
}  // namespace rs::track
