// SPDX-License-Identifier: Apache-2.0
#include "control/cli/filter_flags.h"

#include <gtest/gtest.h>

namespace rs::cli {
namespace {

using Strings = std::vector<std::string>;

struct Given {
  FilterValues values;
  Given& add(std::string_view flag, Strings given, bool negated = false) {
    for (size_t i = 0; i < filter_flags().size(); ++i)
      if (filter_flags()[i].name == flag) (negated ? values.unwanted : values.wanted)[i] = std::move(given);
    return *this;
  }
  std::string text() const {
    auto text = filter_text(values);
    return text ? *text : "error: " + text.error().text;
  }
};

TEST(FilterText, NothingIsEverything) { EXPECT_EQ(Given().text(), ""); }

TEST(FilterText, OneValueManyValuesNetworks) {
  EXPECT_EQ(Given().add("cause", {"port_closed"}).text(), "cause = port_closed");
  EXPECT_EQ(Given().add("port", {"80", "443"}).text(), "port in (80, 443)");
  EXPECT_EQ(Given().add("client-ip", {"10.0.0.0/8"}).text(), "client_ip in 10.0.0.0/8");
  EXPECT_EQ(Given().add("ip", {"10.0.0.0/8", "192.0.2.1", "2001:db8::/32"}).text(),
            "(ip in 10.0.0.0/8 or ip in 2001:db8::/32 or ip = 192.0.2.1)");
  EXPECT_EQ(Given().add("site", {"fra1", "ams2"}).text(), "site in (\"fra1\", \"ams2\")");
  EXPECT_EQ(Given().add("owner", {"network team"}).text(), "owner = \"network team\"");
  EXPECT_EQ(Given().add("sensor", {"a \"b\""}).text(), "sensor = \"a \\\"b\\\"\"");
}

TEST(FilterText, FlagsAreJoinedAndTurnedRound) {
  Given g;
  g.add("server-ip", {"10.0.2.9"}).add("cause", {"port_scan", "health_check"}, true).add("origin", {"middlebox"});
  g.values.raw = "idle > 5m or count > 3";
  EXPECT_EQ(g.text(),
            "server_ip = 10.0.2.9 and origin = middlebox and not cause in (port_scan, health_check) and (idle > 5m or "
            "count > 3)");
  Given raw;
  raw.values.raw = "a = 1";
  EXPECT_EQ(raw.text(), "a = 1");
}

TEST(FilterText, BadValuesAreNamed) {
  EXPECT_EQ(Given().add("cause", {"port_close"}).text(),
            "error: --cause: \"port_close\" is not known; did you mean port_closed?");
  EXPECT_EQ(Given().add("client-ip", {"10.0.0.0/33"}).text().substr(0, 20), "error: --client-ip: ");
  EXPECT_NE(Given().add("port", {"70000"}).text().find("a port from 0 to 65535"), std::string::npos);
  EXPECT_NE(Given().add("stage", {"xyzzyplugh"}).text().find("one of: unknown, syn, syn_ack"), std::string::npos);
}

TEST(FilterText, NobodyCanSmuggleAnExpression) {
  EXPECT_TRUE(Given().add("ip", {"1.2.3.4) or (1"}).text().starts_with("error"));
  EXPECT_EQ(Given().add("sensor", {"x\" or cause = \"y"}).text(), "sensor = \"x\\\" or cause = \\\"y\"");
}

TEST(JoinNot, MakesANegatedFlag) {
  EXPECT_EQ(*join_not({"resets", "list", "--not", "--cause", "a"}), (Strings{"resets", "list", "--not-cause", "a"}));
  EXPECT_EQ(*join_not({"--not", "--cause=a", "--port", "1"}), (Strings{"--not-cause=a", "--port", "1"}));
  EXPECT_EQ(*join_not({"--", "--not", "x"}), (Strings{"--", "--not", "x"}));
}

TEST(JoinNot, StandsOnlyBeforeAFilterFlag) {
  for (const Strings& args :
       {Strings{"--not"}, Strings{"--not", "cause"}, Strings{"--not", "--all"}, Strings{"--not", "--not", "--cause"}}) {
    const auto joined = join_not(args);
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, Code::kInvalid);
  }
}

TEST(Address, Forms) {
  for (const char* good : {"10.0.0.1", "::1", "2001:db8::/32", "10.0.0.0/8", "0.0.0.0/0"})
    EXPECT_TRUE(is_address(good, true)) << good;
  for (const char* bad : {"", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.1/", "10.0.0.1/x", "[::1]", "host"})
    EXPECT_FALSE(is_address(bad, true)) << bad;
  EXPECT_FALSE(is_address("10.0.0.0/8", false));
}

}  // namespace
}  // namespace rs::cli
