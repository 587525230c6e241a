// SPDX-License-Identifier: Apache-2.0
#include "control/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/listen.h"

namespace rs::control {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  std::string path_ = testing::TempDir() + "config_test_" + std::to_string(getpid()) + ".yaml";
  void TearDown() override { std::filesystem::remove(path_); }

  Result<Config> read(const std::string& text) {
    std::ofstream(path_) << text;
    return load(path_);
  }
  std::string refusal(const std::string& text) {
    const auto config = read(text);
    EXPECT_FALSE(config) << text;
    return config ? "" : config.error().text;
  }
};

TEST_F(ConfigTest, SampleIsTheDefaultAndNamesEveryKey) {
  const auto config = read(sample());
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(*config, Config{});
  for (const Key& key : keys())
    EXPECT_THAT(sample(), HasSubstr(std::string(key.name.substr(key.name.find('.') + 1)) + ":"));
}

TEST_F(ConfigTest, SampleInDeployIsTheSample) {
  std::stringstream text;
  text << std::ifstream(RS_SOURCE_ROOT "/deploy/resetscope-control.yaml").rdbuf();
  EXPECT_EQ(text.str(), sample())
      << "write it anew: resetscope-control --print-config > deploy/resetscope-control.yaml";
}

TEST_F(ConfigTest, ReadsValues) {
  const auto config = read(
      "server:\n  listen: [\"127.0.0.1:50061\", \"unix:/tmp/x.sock\"]\nstore:\n  path: \":memory:\"\n  retention_days: "
      "7\nlog:\n  level: debug\n");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->listen.size(), 2u);
  EXPECT_EQ(config->store, ":memory:");
  EXPECT_EQ(config->retention_days, 7u);
  EXPECT_EQ(config->max_store_mib, Config{}.max_store_mib);
  EXPECT_EQ(*read(""), Config{});
  EXPECT_EQ(*read("store:\n"), Config{});
}

TEST_F(ConfigTest, RefusesWithLineAndReason) {
  EXPECT_THAT(refusal("store:\n  pth: x\n"),
              HasSubstr(path_ + ":2: unknown key \"store.pth\"; keys are: server.listen"));
  EXPECT_THAT(refusal("storage:\n  path: x\n"), HasSubstr(":1: unknown section \"storage\""));
  EXPECT_THAT(refusal("log:\n  level: loud\n"), HasSubstr(":2: log.level: \"loud\" is not debug, info, warn or error"));
  EXPECT_THAT(refusal("store:\n  retention_days: -1\n"), HasSubstr("a number from 0 to 36500"));
  EXPECT_THAT(refusal("store:\n  retention_days: [1]\n"), HasSubstr("needs one plain value"));
  EXPECT_THAT(refusal("store:\n  path: a\n  path: b\n"), HasSubstr(":3: \"store.path\" is given twice"));
  EXPECT_THAT(check(*read("server:\n  listen: 10.0.0.1:80\n")).error().text, HasSubstr("not on the loopback"));
  EXPECT_THAT(check(*read("tls:\n  ca: /x\n  cert: /y\n")).error().text, HasSubstr("belong together"));
  EXPECT_THAT(refusal("tls:\n  ca: x\n"), HasSubstr("is not an absolute path"));
  EXPECT_THAT(refusal("metrics:\n  listen: here\n"), HasSubstr("a port for 127.0.0.1"));
  EXPECT_THAT(refusal("alerts:\n  url: ftp://x\n"), HasSubstr("an http:// or https:// address"));
  EXPECT_THAT(refusal("access:\n  calls_per_s: many\n"), HasSubstr(":2: access.calls_per_s"));
  EXPECT_THAT(refusal("server:\n  listen: []\n"), HasSubstr("at least one address"));
  EXPECT_THAT(check(*read("web:\n  listen: 10.0.0.1:80\n")).error().text,
              HasSubstr("web.listen: \"10.0.0.1:80\" is not on the loopback"));
  EXPECT_TRUE(check(*read("web: {listen: 10.0.0.1:80}\ntls: {ca: /a, cert: /b, key: /c}\n")));
  EXPECT_TRUE(check(*read("web: {listen: \"[::1]:80\"}\n")));
  EXPECT_THAT(refusal("web:\n  session_hours: 0\n"), HasSubstr("a number from 1 to 720"));
  EXPECT_THAT(refusal("web:\n  tokens: here\n"), HasSubstr("is not an absolute path"));
  EXPECT_THAT(refusal("web:\n  listen: unix:/x.sock\n"), HasSubstr("browsers know no Unix sockets"));
  EXPECT_THAT(refusal("just text"), HasSubstr("expected sections"));
  EXPECT_THAT(refusal("a: [\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(load("/nonexistent/x.yaml").error().text, HasSubstr("No such file"));
  EXPECT_FALSE(load("/tmp"));
}

TEST_F(ConfigTest, OtherMachinesOnlyWithTls) {
  const auto config = read(
      "server:\n  listen: [\"0.0.0.0:50061\", \"[::]:50061\"]\ntls: {ca: /a, cert: /b, key: /c}\n"
      "access: {operators: [alice, bob], readers: \"*\"}\nmetrics: {listen: 9620}\n");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_TRUE(check(*config));
  EXPECT_EQ(config->access.operators, (std::vector<std::string>{"alice", "bob"}));
  EXPECT_EQ(config->access.readers, std::vector<std::string>{"*"});
  EXPECT_EQ(config->metrics_listen, "127.0.0.1:9620");
  Config plain;
  for (const char* away : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1"}) {
    plain.listen = {away};
    EXPECT_FALSE(check(plain)) << away;
  }
}

TEST(Listen, TakesLiteralAddressesAndSockets) {
  for (const char* good :
       {"unix:/run/x.sock", "127.0.0.1:1", "127.9.9.9:50061", "localhost:50061", "[::1]:50061", "127.0.0.1:0"}) {
    const auto address = parse_address(good);
    ASSERT_TRUE(address) << good;
    EXPECT_EQ(address->target(), good);
  }
  for (const char* bad : {"", "unix:", "unix:x.sock", "example.org:1", "10.0.0.1", "127.0.0.1",
                          "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:50061", ":50061"})
    EXPECT_FALSE(parse_address(bad)) << bad;
  EXPECT_FALSE(parse_address("unix:/" + std::string(200, 'x')));
}

TEST(Listen, MakesWayOnlyForDeadSockets) {
  const std::string path = testing::TempDir() + "listen_test_" + std::to_string(getpid()) + ".sock";
  const Address address{path, {}, 0};
  EXPECT_TRUE(make_way(address));  // nothing there
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  const auto alive = make_way(address);
  ASSERT_FALSE(alive);
  EXPECT_THAT(alive.error().text, HasSubstr("is listening there"));
  close(fd);
  EXPECT_TRUE(make_way(address));
  EXPECT_FALSE(std::filesystem::exists(path));
  std::ofstream(path) << "a file";
  EXPECT_THAT(make_way(address).error().text, HasSubstr("is no socket"));
  EXPECT_TRUE(std::filesystem::exists(path));
  std::filesystem::remove(path);
  EXPECT_THAT(make_way({"/nonexistent/x.sock", {}, 0}).error().text, HasSubstr("/nonexistent does not exist"));
}

}  // namespace
}  // namespace rs::control
