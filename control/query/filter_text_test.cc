// SPDX-License-Identifier: Apache-2.0
#include "control/query/filter_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "control/query/name_filter.h"

namespace rs::query {
namespace {

using testing::HasSubstr;

model::Event event() {
  model::Event e;
  e.client = *model::parse_endpoint("192.168.1.5:40000");
  e.server = *model::parse_endpoint("10.0.0.1:443");
  e.cause = Cause::kPortClosed;
  e.stage = Stage::kSyn;
  e.severity = Severity::kProblem;
  e.confidence = 0.95;
  e.idle_ns = 90'000'000'000;
  e.sensor = "fra1";
  e.server_name = "shop.example.org";
  e.flags = static_cast<uint16_t>(Flag::kMidstream);
  return e;
}

bool holds(std::string_view text) {
  const auto filter = parse_filter(text);
  EXPECT_TRUE(filter) << text << ": " << (filter ? "" : filter.error().text);
  return filter && model::matches(*filter, event());
}

std::string refusal(std::string_view text) {
  const auto filter = parse_filter(text);
  EXPECT_FALSE(filter) << text;
  return filter ? "" : filter.error().text;
}

TEST(FilterText, EmptyIsEverything) {
  EXPECT_EQ(parse_filter("")->kind, model::Filter::Kind::kAll);
  EXPECT_EQ(parse_filter(" \t\n")->kind, model::Filter::Kind::kAll);
}

TEST(FilterText, Tests) {
  for (const char* yes : {"cause=port_closed and server_ip in 10.0.0.0/8 and not stage=syn_ack",
                          "cause in (port_closed, syn_blackhole)",
                          "CAUSE = Port_Closed AND Severity >= Notice",
                          "ip = 10.0.0.1",
                          "ip = 192.168.0.0/16",
                          "port = 443",
                          "server_ip not in (10.1.0.0/16, ::/0)",
                          "idle > 60",
                          "idle >= 1.5m",
                          "idle = 90s",
                          "confidence >= 0.95",
                          "sensor = fra1",
                          "sensor in ('fra1', \"ams2\")",
                          "server_name = 'shop.example.org'",
                          "midstream",
                          "not one_sided",
                          "midstream = yes and one_sided = no",
                          "count >= 1",
                          "tag = 0",
                          "family = refusal",
                          "claimed_sender != client",
                          "tag = 7 or tag = 0",
                          "confidence <= 0.95 and confidence = 0.95",
                          "! tag = 7 && (port == 443 || port = 80)",
                          "not not midstream",
                          "ip in ::/0 or ip in 0.0.0.0/0"})
    EXPECT_TRUE(holds(yes)) << yes;
  for (const char* no : {"cause != port_closed", "ip != 10.0.0.1", "not (midstream or tag = 1)", "server_ip in ::/0",
                         "sensor = FRA1", "idle < 90", "tag = 0 and tag = 1 or tag = 2", "severity > problem"})
    EXPECT_FALSE(holds(no)) << no;
}

TEST(FilterText, AndBindsTighterThanOr) {
  EXPECT_TRUE(holds("tag = 0 or tag = 1 and tag = 2"));
  EXPECT_FALSE(holds("(tag = 0 or tag = 1) and tag = 2"));
}

TEST(FilterText, ErrorsSayWhereAndWhatToDo) {
  EXPECT_EQ(refusal("casue = port_closed"), "filter, column 1: unknown field \"casue\"; did you mean cause?");
  EXPECT_THAT(refusal("tag = 1 and bogus_thing = 2"),
              HasSubstr("column 13: unknown field \"bogus_thing\"; known are: client_ip, server_ip"));
  EXPECT_THAT(refusal("cause = port_close"),
              HasSubstr("column 9: unknown cause \"port_close\"; did you mean port_closed"));
  EXPECT_THAT(refusal("cause = zzz"), HasSubstr("known are: unknown, port_closed"));
  EXPECT_THAT(refusal("cause < port_closed"), HasSubstr("column 7: cause has no order"));
  EXPECT_THAT(refusal("server_ip = 10.0.0.0/33"), HasSubstr("column 13: \"10.0.0.0/33\" is no address"));
  EXPECT_THAT(refusal("port = 65536"), HasSubstr("0 to 65535"));
  EXPECT_THAT(refusal("confidence > 1.5"), HasSubstr("0 to 1"));
  EXPECT_THAT(refusal("idle > 5 parsecs"), HasSubstr("column 10: expected \"and\""));
  EXPECT_THAT(refusal("idle > 5x"), HasSubstr("no duration"));
  EXPECT_THAT(refusal("(tag = 1"), HasSubstr("column 1: this ( is never closed"));
  EXPECT_THAT(refusal("tag = 1)"), HasSubstr("column 8: this ) has no ("));
  EXPECT_THAT(refusal("tag in ()"), HasSubstr("list is empty"));
  EXPECT_THAT(refusal("tag in (1, 2"), HasSubstr("column 8: this ( is never closed"));
  EXPECT_THAT(refusal("tag in 1"), HasSubstr("expected ( and a list"));
  EXPECT_THAT(refusal("tag"), HasSubstr("expected an operator after tag"));
  EXPECT_THAT(refusal("tag ="), HasSubstr("expected a value for tag"));
  EXPECT_THAT(refusal("tag = 1 and"), HasSubstr("column 12: expected a field here"));
  EXPECT_THAT(refusal("sensor = \"fra"), HasSubstr("column 10: this quote is never closed"));
  EXPECT_THAT(refusal("sensor = fra*"), HasSubstr("column 13: unexpected character \"*\""));
  EXPECT_THAT(refusal("sensor = 'ä' and x"), HasSubstr("column 18: unknown field"));
  EXPECT_THAT(refusal("tag not = 1"), HasSubstr("expected \"in\" after \"not\""));
  EXPECT_THAT(refusal("midstream = maybe"), HasSubstr("neither true nor false"));
}

TEST(FilterText, AbsurdFiltersAreRefusedNotFatal) {
  EXPECT_THAT(refusal(std::string(100'000, '(')), HasSubstr("bytes"));
  EXPECT_THAT(refusal(std::string(8000, '(')), HasSubstr("nested deeper"));
  EXPECT_THAT(refusal(std::string(8000, '!') + "midstream"), HasSubstr("nested deeper"));
  std::string many = "tag in (0";
  for (int i = 0; i < 2000; ++i) many += ",1";
  EXPECT_THAT(refusal(many + ")"), HasSubstr("more than 1024 values"));
  EXPECT_THAT(refusal(std::string("tag = 1\0", 8)), HasSubstr("unexpected character"));
  EXPECT_THAT(refusal("count = 99999999999999999999999"), HasSubstr("no number"));
  EXPECT_THAT(refusal("idle > inf"), HasSubstr("no duration"));
  EXPECT_THAT(refusal("confidence = nan"), HasSubstr("no share"));
  EXPECT_THAT(refusal("tag = -1"), HasSubstr("no number"));
  EXPECT_THAT(refusal(std::string(500, 'x') + " = 1"), HasSubstr("..."));
}

// Networks within networks, the same one twice, ports and none, both families.
model::Names names() {
  const auto entry = [](const char* cidr, uint16_t port, const char* site, const char* service,
                        model::Role role = model::Role::kNone) {
    return model::NameEntry{*model::parse_prefix(cidr), port, site, service, "", role};
  };
  return {{entry("10.0.0.0/8", 0, "fra1", ""), entry("10.1.0.0/16", 0, "ams2", ""), entry("10.1.2.0/24", 0, "fra1", ""),
           entry("10.1.2.3", 443, "lab", "payments db"), entry("10.1.2.3", 0, "", "web", model::Role::kServer),
           entry("10.0.0.1", 443, "", "shop"), entry("10.0.0.1", 443, "", "front"), entry("10.0.0.1", 0, "", "a"),
           entry("10.0.0.1", 0, "", "b"), entry("::/0", 0, "six", ""), entry("2001:db8::/32", 80, "lab", ""),
           entry("2001:db8::/64", 0, "fra1", "web"), entry("192.168.1.5", 0, "home", "", model::Role::kClient)},
          {}};
}

TEST(FilterText, NamesAreThoseOfTheNamesFile) {
  const model::Names known = names();
  const auto holds = [&](const char* text) {
    const auto filter = parse_filter(text, known);
    EXPECT_TRUE(filter) << text << ": " << (filter ? "" : filter.error().text);
    return filter && model::matches(*filter, event());  // 192.168.1.5 -> 10.0.0.1:443
  };
  for (const char* yes : {"site = fra1", "SITE in (ams2, 'fra1')", "site not in (ams2)", "service = front",
                          "client_site = home and client_role = client", "role = \"\"", "client_service = ''",
                          "site != ams2 and service != shop"})
    EXPECT_TRUE(holds(yes)) << yes;
  for (const char* no : {"site = ams2", "service in (a, b, shop)", "client_site = fra1", "role = server", "site = ''"})
    EXPECT_FALSE(holds(no)) << no;
}

TEST(FilterText, NamesMeanWhatLookingUpEachAddressMeans) {
  const model::Names known = names();
  const char* const addresses[] = {"10.0.0.1",    "10.0.0.2",     "10.1.0.1",    "10.1.2.3",        "10.1.2.4",
                                   "11.0.0.1",    "192.168.1.5",  "2001:db8::1", "2001:db8:0:1::1", "2001:db9::1",
                                   "10.255.0.10", "10.1.255.255", "::1"};
  for (const NameField& field : name_fields()) {
    std::vector<std::string> values = {""};
    for (const std::string_view value : known_values(field, known)) values.emplace_back(value);
    ASSERT_GE(values.size(), field.name.ends_with("owner") ? 1u : 3u) << field.name;
    for (const std::string& value : values) {
      const auto filter = parse_filter(std::string(field.name) + " = '" + value + "'", known);
      ASSERT_TRUE(filter) << filter.error().text;
      for (const char* address : addresses)
        for (const uint16_t port : std::to_array<uint16_t>({80, 443, 444})) {
          model::Event e = event();
          const auto ip = model::parse_ip(address);
          ASSERT_TRUE(ip) << address;
          (field.client ? e.client : e.server) = {*ip, port};
          const model::Named named = known.find(field.client ? e.client : e.server);
          const model::NameEntry found{
              {}, 0, std::string(named.site), std::string(named.service), std::string(named.owner), named.role};
          EXPECT_EQ(model::matches(*filter, e), field.value(found) == value)
              << field.name << " = '" << value << "' for " << address << " port " << port;
        }
    }
  }
}

TEST(FilterText, UnknownNamesAreRefusedWithThePlace) {
  const model::Names known = names();
  const auto refusal = [&](const char* text) {
    const auto filter = parse_filter(text, known);
    EXPECT_FALSE(filter) << text;
    return filter ? "" : filter.error().text;
  };
  EXPECT_EQ(refusal("tag = 0 and site = fra2"),
            "filter, column 20: the names file has no site \"fra2\"; did you mean fra1?");
  EXPECT_THAT(refusal("site in (fra1, xyzzyplugh)"), HasSubstr("column 16: the names file has no site"));
  EXPECT_THAT(refusal("site = xyzzyplugh"), HasSubstr("known are: ams2, fra1, home, lab, six"));
  EXPECT_THAT(refusal("owner = me"), HasSubstr("no owner \"me\", nor any other"));
  EXPECT_THAT(refusal("site < fra1"), HasSubstr("column 6: site has no order"));
  EXPECT_THAT(refusal("site"), HasSubstr("expected an operator after site"));
  EXPECT_THAT(refusal("site in fra1"), HasSubstr("expected ( and a list"));
  EXPECT_THAT(refusal("site in (fra1"), HasSubstr("column 9: this ( is never closed"));
  EXPECT_THAT(refusal("site ="), HasSubstr("expected a value for site"));
  EXPECT_THAT(refusal("sitee = fra1"), HasSubstr("did you mean site"));

  std::vector<model::NameEntry> many;
  for (uint32_t i = 0; i < 2000; ++i)
    many.push_back({{model::from_v4(0x0a000000u + 2 * i), 128}, 0, "everywhere", "", "", model::Role::kNone});
  const auto filter = parse_filter("tag = 0 or site = everywhere", {many, {}});
  ASSERT_FALSE(filter);
  EXPECT_THAT(filter.error().text, HasSubstr("column 12: in the names file this is more than 1024 networks"));
}

// What all addresses have less what other entries take away, also where that leaves none.
TEST(FilterText, NamesThatMoreSpecificOnesHideHoldForNothing) {
  const model::Names known({{*model::parse_prefix("10.0.0.0/31"), 0, "hidden", "", "", model::Role::kNone},
                            {*model::parse_prefix("10.0.0.0"), 0, "a", "", "", model::Role::kNone},
                            {*model::parse_prefix("10.0.0.1"), 0, "b", "", "", model::Role::kNone}},
                           {});
  const auto filter = parse_filter("site = hidden", known);
  ASSERT_TRUE(filter);
  EXPECT_FALSE(model::matches(*filter, event()));
  const model::Names twice({{*model::parse_prefix("10.0.0.1"), 0, "a", "", "", model::Role::kNone},
                            {*model::parse_prefix("10.0.0.1"), 0, "never", "", "", model::Role::kNone}},
                           {});
  EXPECT_FALSE(model::matches(*parse_filter("site = never", twice), event()));
  EXPECT_TRUE(model::matches(*parse_filter("site != never", twice), event()));
}

TEST(FilterText, RandomTextNeverCrashes) {
  const std::vector<std::string> parts = {"cause", "=",    "port_closed", "and",        "or",   "not",       "(",
                                          ")",     "in",   ",",           "10.0.0.0/8", "\"",   "ip",        "<",
                                          "5m",    "idle", " ",           "\\",         "\xff", "midstream", "1"};
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) text += parts[random() % parts.size()] + (random() % 3 ? " " : "");
    const auto filter = parse_filter(text);
    if (filter)
      model::matches(*filter, event());
    else
      EXPECT_THAT(filter.error().text, HasSubstr("filter, column ")) << text;
  }
}

TEST(FilterText, HelpNamesEveryField) {
  const std::string help = filter_help();
  for (const auto& field : model::fields()) EXPECT_THAT(help, HasSubstr(std::string(field.name)));
  for (const auto& field : name_fields()) EXPECT_THAT(help, HasSubstr(std::string(field.name)));
}

}  // namespace
}  // namespace rs::query
