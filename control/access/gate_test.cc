// SPDX-License-Identifier: Apache-2.0
#include "control/access/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace rs::access {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

Caller with(std::string name, std::vector<std::string> units = {}, std::vector<std::string> names = {}) {
  return {false, std::move(name), std::move(names), std::move(units), "ipv4:10.0.0.9:1", ""};
}

class GateTest : public testing::Test {
 protected:
  Audit audit_;
  Gate gate_{audit_};
  Gate::Clock::time_point now_ = Gate::Clock::time_point{} + 1h;

  bool may(const Caller& caller, Need need) { return static_cast<bool>(gate_.enter(caller, need, "Call", now_)); }
};

TEST_F(GateTest, RolesComeFromTheCertificateOrTheConfiguration) {
  const auto rights = [&](const Caller& caller) {
    std::string out;
    for (const Need need : {Need::kPublish, Need::kRead, Need::kWatch, Need::kOperate})
      out += may(caller, need) ? 'x' : '-';
    return out;
  };
  EXPECT_EQ(rights(with("a")), "----");
  EXPECT_EQ(rights(with("a", {"resetscope-sensor"})), "x---");
  EXPECT_EQ(rights(with("a", {"staff", "resetscope-reader"})), "-xx-");
  EXPECT_EQ(rights(with("a", {"resetscope-operator"})), "-xxx");
  EXPECT_EQ(rights(with("a", {"operator", "Resetscope-Operator", "resetscope-operator "})), "----");
  Caller local;
  local.local = true;
  EXPECT_EQ(rights(local), "xxxx");
  Caller nobody = with("a", {"resetscope-operator"});
  nobody.fault = "broken";
  EXPECT_EQ(rights(nobody), "----");

  gate_.set({{"fra1"}, {"*"}, {"alice", "ops.example"}});
  EXPECT_EQ(rights(with("fra1")), "xxx-");
  EXPECT_EQ(rights(with("bob")), "-xx-");
  EXPECT_EQ(rights(with("alice")), "-xxx");
  EXPECT_EQ(rights(with("host", {}, {"ops.example"})), "-xxx");
  gate_.set({});
  EXPECT_EQ(rights(with("alice")), "----");
}

TEST_F(GateTest, SaysWhatIsMissing) {
  const auto refused = gate_.enter(with("bob", {"resetscope-reader"}), Need::kOperate, "SetLogLevel");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
  EXPECT_EQ(refused.error().text, "certificate \"bob\" has role reader; SetLogLevel needs role operator");
  EXPECT_EQ(gate_.refused(Need::kOperate), 1u);
  const auto entries = audit_.newest(10);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_FALSE(entries[0].allowed);
  EXPECT_EQ(entries[0].who, "bob");
}

TEST_F(GateTest, ASensorWritesOnlyAsItself) {
  EXPECT_TRUE(gate_.claim(with("fra1"), "fra1"));
  EXPECT_TRUE(gate_.claim(with("host", {}, {"fra1"}), "fra1"));
  const auto refused = gate_.claim(with("fra1"), "fra2");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("certificate \"fra1\" is not that of sensor \"fra2\""));
  EXPECT_FALSE(gate_.claim(with("fra1"), "fra"));
  EXPECT_FALSE(gate_.claim(with("*"), "fra1"));
  EXPECT_EQ(audit_.newest(10).size(), 3u);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(gate_.claim(with("stubborn"), "fra1"));
  EXPECT_EQ(audit_.newest(100).size(), 3u + 10u);  // 1, 2, 4 ... 512
}

TEST_F(GateTest, CallsOfOneNameAreLimitedAndRecover) {
  gate_.set({{}, {"*"}, {}, 10, 2});
  const Caller eager = with("eager"), other = with("other");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(may(eager, Need::kRead)) << i;
  const auto limited = gate_.enter(eager, Need::kRead, "Top", now_);
  ASSERT_FALSE(limited);
  EXPECT_EQ(limited.error().code, Code::kResource);
  EXPECT_TRUE(may(other, Need::kRead));
  now_ += 100ms;
  EXPECT_TRUE(may(eager, Need::kRead));
  EXPECT_FALSE(may(eager, Need::kRead));
  now_ += 1h;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(may(eager, Need::kRead)) << i;
  EXPECT_FALSE(may(eager, Need::kRead));
  EXPECT_EQ(gate_.limited(), 3u);
}

TEST_F(GateTest, ANewLimitBeginsWithAFullBucket) {
  gate_.set({{}, {"*"}, {}, 0, 2});
  const Caller caller = with("caller");
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(may(caller, Need::kRead));
  gate_.set({{}, {"*"}, {}, 10, 2});
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(may(caller, Need::kRead)) << i;
  EXPECT_FALSE(may(caller, Need::kRead));
}

TEST_F(GateTest, WatchesAreCountedWhileTheyLast) {
  gate_.set({{}, {"*"}, {}, 0, 2});
  const Caller watcher = with("watcher");
  {
    auto one = gate_.enter(watcher, Need::kWatch, "WatchResets");
    auto two = gate_.enter(watcher, Need::kWatch, "WatchResets");
    ASSERT_TRUE(one && two);
    const auto three = gate_.enter(watcher, Need::kWatch, "WatchResets");
    ASSERT_FALSE(three);
    EXPECT_EQ(three.error().code, Code::kResource);
    EXPECT_TRUE(may(watcher, Need::kRead));
  }
  EXPECT_TRUE(gate_.enter(watcher, Need::kWatch, "WatchResets"));
}

TEST_F(GateTest, NamesAreBounded) {
  gate_.set({{}, {"*"}, {}, 10, 2});
  for (size_t i = 0; i < 3 * Gate::kMaxNames; ++i) {
    now_ += 1us;
    EXPECT_TRUE(may(with("n" + std::to_string(i)), Need::kRead));
  }
}

TEST(Audit, OneJsonObjectALineAndFollowsAMovedFile) {
  const std::string path = testing::TempDir() + "audit_test_" + std::to_string(getpid());
  Audit audit;
  ASSERT_TRUE(audit.open(path));
  audit.write({1'700'000'000'123'456'789, "ali\"ce\n", "ipv4:1.2.3.4:5", "set_log_level", "debug", true, "done"});
  audit.write({0, std::string("\xff\xfe"), "", "x", "", false, "no"});
  std::filesystem::rename(path, path + ".1");
  ASSERT_TRUE(audit.open(path));
  audit.write({0, "carol", "", "reload", "", true, "done"});
  const auto lines = [](const std::string& file) {
    std::vector<nlohmann::json> out;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
    return out;
  };
  const auto old = lines(path + ".1");
  ASSERT_EQ(old.size(), 2u);
  EXPECT_EQ(old[0]["who"], "ali\"ce\n");
  EXPECT_EQ(old[0]["time"], "2023-11-14T22:13:20.123456789Z");
  EXPECT_EQ(old[0]["allowed"], true);
  ASSERT_EQ(lines(path).size(), 1u);
  EXPECT_EQ(lines(path)[0]["who"], "carol");
  EXPECT_EQ(audit.newest(2).back().who, "carol");
  EXPECT_FALSE(audit.open("/nonexistent/audit.log"));
  for (size_t i = 0; i < 2 * Audit::kKept; ++i) audit.write({0, "x", "", "y", "", true, ""});
  EXPECT_EQ(audit.newest(100'000).size(), Audit::kKept);
  std::filesystem::remove(path);
  std::filesystem::remove(path + ".1");
}

}  // namespace
}  // namespace rs::access
