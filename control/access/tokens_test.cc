// SPDX-License-Identifier: Apache-2.0
#include "control/access/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "proto/tls.h"
#include "proto/tls_secret.h"

namespace rs::access {
namespace {

using testing::HasSubstr;

constexpr int64_t kNow = 1'800'000'000;  // 2027-01-15

std::string line(const std::string& name, const std::string& secret, const std::string& rest = "") {
  return name + " reader " + tls::sha256_hex(secret) + " " + rest + "\n";
}

std::string refusal(const std::string& text) {
  const auto tokens = parse_tokens("file", text);
  EXPECT_FALSE(tokens) << text;
  return tokens ? "" : tokens.error().text;
}

// FIPS 180-4's example.
TEST(Secret, DigestsAndRandomNames) {
  EXPECT_EQ(tls::sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(tls::random_hex(16).size(), 32u);
  EXPECT_NE(tls::random_hex(16), tls::random_hex(16));
}

TEST(Tokens, ReadsLines) {
  const auto tokens = parse_tokens("file", "# who may look\n\n" + line("alice", "a") + "bob operator " +
                                               tls::sha256_hex("b") + "\t2027-06-30  # until the audit\r\n");
  ASSERT_TRUE(tokens) << tokens.error().text;
  ASSERT_EQ(tokens->size(), 2u);
  const Token& bob = (*tokens)[0].name == "bob" ? (*tokens)[0] : (*tokens)[1];
  EXPECT_EQ(bob.role, Role::kOperator);
  EXPECT_EQ(bob.until, 1'814'400'000);  // 2027-07-01T00:00:00Z
  EXPECT_EQ(parse_tokens("file", "")->size(), 0u);
}

TEST(Tokens, RefusesWithLineAndReason) {
  EXPECT_THAT(refusal("\nalice reader\n"), HasSubstr("file:2: expected NAME ROLE SHA256"));
  EXPECT_THAT(refusal("alice sensor " + std::string(64, 'a')), HasSubstr("\"sensor\" is not reader or operator"));
  EXPECT_THAT(refusal("alice reader secret"), HasSubstr("not the token itself"));
  EXPECT_THAT(refusal("alice reader " + std::string(64, 'g')), HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(refusal(line("alice", "a", "2027-02-30")), HasSubstr("no day"));
  EXPECT_THAT(refusal(line("alice", "a", "tomorrow")), HasSubstr("no day"));
  EXPECT_THAT(refusal(line("alice", "a", "2027-02-03 more")), HasSubstr("expected NAME"));
  EXPECT_THAT(refusal(line(std::string(65, 'a'), "a")), HasSubstr("at most 64"));
  EXPECT_THAT(refusal(line("a\x01", "a")), HasSubstr("printable"));
  EXPECT_THAT(refusal(line("alice", "a") + line("bob", "a")), HasSubstr("have the same token"));
}

TEST(Tokens, AreFoundByDigestUntilTheirEnd) {
  const std::string path = testing::TempDir() + "tokens_test_" + std::to_string(getpid());
  const auto write = [&](const std::string& text) {
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  };
  const auto name_of = [](Tokens& tokens, const std::string& secret, int64_t now = kNow) {
    const auto found = tokens.find(tls::sha256_hex(secret), now);
    return found ? found->name : "";
  };
  Tokens tokens;
  EXPECT_FALSE(tokens.open(path));
  write(line("alice", "a") + line("bob", "b", "2027-01-15"));
  ASSERT_TRUE(tokens.open(path));
  EXPECT_EQ(name_of(tokens, "a"), "alice");
  EXPECT_EQ(name_of(tokens, "b"), "bob");
  EXPECT_EQ(name_of(tokens, "b", kNow + 86'400), "");
  EXPECT_EQ(name_of(tokens, "c"), "");
  EXPECT_EQ(name_of(tokens, tls::sha256_hex("a")), "");  // the file's text is no token

  const auto pause = std::chrono::seconds(tls::kReloadSeconds) + std::chrono::milliseconds(50);
  write("nonsense\n");
  std::this_thread::sleep_for(pause);
  EXPECT_EQ(name_of(tokens, "a"), "alice");
  write(line("carol", "c"));
  std::this_thread::sleep_for(pause);
  EXPECT_EQ(name_of(tokens, "a"), "");
  EXPECT_EQ(name_of(tokens, "c"), "carol");
  std::filesystem::remove(path);
  std::this_thread::sleep_for(pause);
  EXPECT_EQ(name_of(tokens, "c"), "");
}

}  // namespace
}  // namespace rs::access
