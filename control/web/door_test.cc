// SPDX-License-Identifier: Apache-2.0
#include "control/web/door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "proto/tls_secret.h"

namespace rs::web {
namespace {

using testing::HasSubstr;

constexpr int64_t kNow = 1'800'000'000;
constexpr int64_t kHour = 3600;

class DoorTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(path_) << "alice reader " << tls::sha256_hex("open sesame") << "\n"
                         << "bob operator " << tls::sha256_hex("b") << " 2027-01-15\n";
    ASSERT_TRUE(tokens_.open(path_));
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::string name(const Knock& knock, int64_t now = kNow) {
    const auto caller = door_.who(knock, now);
    return caller ? caller->name : caller.error().text;
  }
  // The Cookie header that a browser sends after this Set-Cookie.
  static std::string sent(const std::string& cookie) { return "theme=dark; " + cookie.substr(0, cookie.find(';')); }

  std::string path_ = testing::TempDir() + "door_test_" + std::to_string(getpid());
  access::Audit audit_;
  access::Gate gate_{audit_};
  access::Tokens tokens_;
  Door door_{gate_, &tokens_, 2 * kHour};
  Knock knock_{true, "192.0.2.1", {}, "", ""};
};

TEST_F(DoorTest, PlaintextIsThisMachine) {
  const auto caller = door_.who({}, kNow);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->local);
  EXPECT_THAT(name(knock_), HasSubstr("nobody is signed in"));
}

TEST_F(DoorTest, CertificatesCountWhileTheyAreGood) {
  knock_.shown = {true, "", {"carol", {}, {"resetscope-reader"}, 0, kNow}};
  EXPECT_EQ(name(knock_), "carol");
  EXPECT_TRUE(gate_.enter(*door_.who(knock_, kNow), access::Need::kRead, "Top"));
  EXPECT_FALSE(gate_.enter(*door_.who(knock_, kNow), access::Need::kOperate, "Reload"));
  EXPECT_THAT(name(knock_, kNow + 1), HasSubstr("\"carol\" proves nothing here: it has expired"));
  knock_.shown.fault = "it is not signed by the CA";
  EXPECT_THAT(name(knock_), HasSubstr("not signed by the CA"));
}

TEST_F(DoorTest, TokensInTheHeader) {
  knock_.authorization = "bearer open sesame";
  const auto alice = door_.who(knock_, kNow);
  ASSERT_TRUE(alice) << alice.error().text;
  EXPECT_EQ(alice->name, "alice");
  EXPECT_FALSE(alice->local);
  const auto refused = gate_.enter(*alice, access::Need::kOperate, "Reload");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "token \"alice\" has role reader; Reload needs role operator");
  knock_.authorization = "Bearer b";
  EXPECT_EQ(name(knock_), "bob");
  EXPECT_THAT(name(knock_, kNow + 24 * kHour), HasSubstr("its time is over"));
  for (const char* bad : {"Bearer ", "Bearer", "Basic b", "b", "Bearer  b", "Bearer B"}) {
    knock_.authorization = bad;
    // A good certificate beside a bad token does not count: the script that sends it shall learn of it.
    knock_.shown = {true, "", {"carol", {}, {}, 0, kNow}};
    EXPECT_FALSE(door_.who(knock_, kNow)) << bad;
  }
}

TEST_F(DoorTest, SignInLastsItsTimeAndIsForgotten) {
  EXPECT_FALSE(door_.sign_in(knock_, "close sesame", kNow));
  EXPECT_FALSE(door_.sign_in(knock_, "", kNow));
  EXPECT_FALSE(door_.sign_in(knock_, std::string(100'000, 'a'), kNow));
  const auto cookie = door_.sign_in(knock_, "open sesame", kNow);
  ASSERT_TRUE(cookie) << cookie.error().text;
  for (const char* part :
       {"__Host-resetscope=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Max-Age=7200"})
    EXPECT_THAT(*cookie, HasSubstr(part));
  EXPECT_EQ(cookie->find("Domain"), std::string::npos);
  Knock later = knock_;
  later.cookie = sent(*cookie);
  EXPECT_EQ(name(later), "alice");
  EXPECT_EQ(door_.session_end(later, kNow), kNow + 2 * kHour);
  EXPECT_EQ(name(later, kNow + 2 * kHour - 1), "alice");
  EXPECT_THAT(name(later, kNow + 2 * kHour), HasSubstr("the sign-in is over"));

  const auto again = door_.sign_in(knock_, "open sesame", kNow);
  later.cookie = sent(*again);
  EXPECT_EQ(name(later), "alice");
  EXPECT_THAT(door_.sign_out(later, kNow), HasSubstr("Max-Age=0"));
  EXPECT_THAT(name(later), HasSubstr("the sign-in is over"));

  std::vector<std::string> actions;
  for (const auto& entry : audit_.newest(100))
    actions.push_back(entry.who + " " + entry.action + (entry.allowed ? "" : " refused"));
  EXPECT_EQ(actions, (std::vector<std::string>{"nobody SignIn refused", "nobody SignIn refused", "alice SignIn",
                                               "alice SignIn", "alice SignOut"}));
}

TEST_F(DoorTest, ASignInEndsWithItsToken) {
  const auto cookie = door_.sign_in(knock_, "b", kNow);
  ASSERT_TRUE(cookie);
  Door longer(gate_, &tokens_, 48 * kHour);
  const auto lasting = longer.sign_in(knock_, "b", kNow);
  knock_.cookie = sent(*lasting);
  EXPECT_TRUE(longer.who(knock_, kNow));
  EXPECT_FALSE(longer.who(knock_, kNow + 24 * kHour));
}

TEST_F(DoorTest, AStaleCookieDoesNotShutOutACertificate) {
  knock_.cookie = "__Host-resetscope=0123";
  EXPECT_THAT(name(knock_), HasSubstr("the sign-in is over"));
  knock_.shown = {true, "", {"carol", {}, {}, 0, kNow}};
  EXPECT_EQ(name(knock_), "carol");
  for (const char* other : {"x__Host-resetscope=1", "", "__Host-resetscope", "__Host-resetscope="}) {
    Knock knock{true, "", {}, "", other};
    EXPECT_THAT(name(knock), HasSubstr("nobody is signed in")) << other;
  }
}

TEST_F(DoorTest, SessionsAreBounded) {
  const auto first = door_.sign_in(knock_, "open sesame", kNow);
  for (size_t i = 1; i < Door::kMostSessions; ++i) ASSERT_TRUE(door_.sign_in(knock_, "open sesame", kNow + 1));
  Knock early = knock_;
  early.cookie = sent(*first);
  EXPECT_EQ(name(early), "alice");
  const auto last = door_.sign_in(knock_, "open sesame", kNow + 1);
  EXPECT_THAT(name(early), HasSubstr("the sign-in is over"));
  knock_.cookie = sent(*last);
  EXPECT_EQ(name(knock_), "alice");
}

}  // namespace
}  // namespace rs::web
