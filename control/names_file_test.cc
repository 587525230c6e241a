// SPDX-License-Identifier: Apache-2.0
#include "control/names_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace rs::control {
namespace {

using testing::HasSubstr;

class NamesTest : public testing::Test {
 protected:
  std::string path_ = testing::TempDir() + "names_test_" + std::to_string(getpid()) + ".yaml";
  void TearDown() override { std::filesystem::remove(path_); }
  void write(const std::string& text) { std::ofstream(path_) << text; }
  Result<model::Names> read(const std::string& text) {
    write(text);
    return load_names(path_);
  }
  std::string refusal(const std::string& text) {
    const auto names = read(text);
    EXPECT_FALSE(names) << text;
    return names ? "" : names.error().text;
  }
  static model::Endpoint endpoint(const char* text) { return *model::parse_endpoint(text); }
};

TEST_F(NamesTest, TheMostSpecificEntryGivesEachAttribute) {
  const auto names = read(
      "networks:\n"
      "  - {cidr: 10.0.0.0/8, owner: everybody, site: somewhere}\n"
      "  - {cidr: 10.7.0.0/16, site: fra1}\n"
      "  - {cidr: 10.7.3.9, service: box}\n"
      "  - {cidr: 10.7.3.9, port: 5432, service: payments-db, owner: payments}\n"
      "  - {cidr: 10.7.9.1, service: edge, role: proxy}\n"
      "  - {cidr: 10.8.9.1, service: edge, role: proxy}\n"
      "  - {cidr: '2001:db8::/32', site: six}\n"
      "taps:\n"
      "  - {sensor: a, side: client, site: fra1}\n");
  ASSERT_TRUE(names) << names.error().text;
  EXPECT_EQ(names->text(endpoint("10.7.3.9:5432")), "payments-db @ fra1");
  EXPECT_EQ(names->find(endpoint("10.7.3.9:5432")).owner, "payments");
  EXPECT_EQ(names->text(endpoint("10.7.3.9:80")), "box @ fra1");
  EXPECT_EQ(names->find(endpoint("10.7.3.9:80")).owner, "everybody");
  EXPECT_EQ(names->text(endpoint("10.9.0.1")), "@ somewhere");
  EXPECT_EQ(names->text(endpoint("192.0.2.1")), "");
  EXPECT_EQ(names->text(endpoint("[2001:db8::1]:80")), "@ six");
  EXPECT_NE(names->proxy_of(endpoint("10.7.9.1").ip), 0u);
  EXPECT_EQ(names->proxy_of(endpoint("10.7.9.1").ip), names->proxy_of(endpoint("10.8.9.1").ip));
  EXPECT_EQ(names->proxy_of(endpoint("10.7.3.9").ip), 0u);
  ASSERT_NE(names->tap("a"), nullptr);
  EXPECT_EQ(names->tap("a")->side, model::TapSide::kClient);
  EXPECT_EQ(names->tap("b"), nullptr);
  const auto everything = read("networks:\n  - {cidr: '::/0', site: six}\n  - {cidr: 0.0.0.0/0, site: four}\n");
  EXPECT_EQ(everything->text(endpoint("1.2.3.4")), "@ four");
  EXPECT_EQ(everything->text(endpoint("2001:db8::1")), "@ six");
}

TEST_F(NamesTest, RefusesWithLineAndReason) {
  EXPECT_THAT(refusal("networks:\n  - cidr: 10.0.0.0/33\n"), HasSubstr(path_ + ":2: cidr: \"10.0.0.0/33\" is no"));
  EXPECT_THAT(refusal("networks:\n  - site: x\n"), HasSubstr(":2: a network without cidr"));
  EXPECT_THAT(refusal("networks:\n  - cidr: 10.0.0.1\n    sight: x\n"), HasSubstr(":3: unknown key \"sight\""));
  EXPECT_THAT(refusal("networks:\n  - cidr: 10.0.0.1\n    port: 0\n"), HasSubstr(":3: port: \"0\" is not a number"));
  EXPECT_THAT(refusal("networks:\n  - cidr: 10.0.0.1\n    role: king\n"), HasSubstr("client, server or proxy"));
  EXPECT_THAT(refusal("networks: 5\n"), HasSubstr("must be a list"));
  EXPECT_THAT(refusal("nets:\n"), HasSubstr("unknown section \"nets\""));
  EXPECT_THAT(refusal("taps:\n  - {sensor: a, side: left}\n"), HasSubstr("is not client or server"));
  EXPECT_THAT(refusal("taps:\n  - {sensor: a}\n  - {sensor: a}\n"), HasSubstr(":3: sensor \"a\" is given twice"));
  EXPECT_THAT(refusal("networks: [\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(refusal("networks:\n  - {cidr: 10.0.0.1, site: " + std::string(300, 'x') + "}\n"), HasSubstr("longer"));
  EXPECT_THAT(load_names("/nonexistent/names.yaml").error().text, HasSubstr("No such file"));
  EXPECT_FALSE(load_names("/tmp"));
  EXPECT_TRUE(read(""));
}

TEST_F(NamesTest, SampleIsReadAndStandsInDeploy) {
  const auto names = read(sample_names());
  ASSERT_TRUE(names) << names.error().text;
  EXPECT_TRUE(names->empty());
  std::stringstream text;
  text << std::ifstream(RS_SOURCE_ROOT "/deploy/resetscope-names.yaml").rdbuf();
  EXPECT_EQ(text.str(), sample_names());
  // What it shows is right, once the signs of comment are gone.
  std::string live = sample_names();
  for (size_t at = 0; (at = live.find("\n  # ", at)) != std::string::npos;) live.erase(at + 3, 2);
  const auto shown = read(live);
  ASSERT_TRUE(shown) << shown.error().text;
  EXPECT_EQ(shown->size(), 3u);
}

TEST_F(NamesTest, ReloadsWhenItChangesAndKeepsTheOldWhenItIsBad) {
  model::NamesHolder holder;
  write("networks:\n  - {cidr: 10.0.0.0/8, site: one}\n");
  NamesFile file(path_, holder);
  ASSERT_TRUE(file.look(false));
  const auto first = holder.get();
  EXPECT_EQ(first->text(endpoint("10.0.0.1")), "@ one");
  ASSERT_TRUE(file.look(false));
  EXPECT_EQ(holder.get(), first);  // nothing changed
  write("networks:\n  - {cidr: 10.0.0.0/8, site: second}\n");
  ASSERT_TRUE(file.look(false));
  EXPECT_EQ(holder.get()->text(endpoint("10.0.0.1")), "@ second");
  write("networks:\n  - {cidr: nonsense}\n");
  ASSERT_TRUE(file.look(false));
  EXPECT_EQ(holder.get()->text(endpoint("10.0.0.1")), "@ second");
  EXPECT_THAT(holder.state(), HasSubstr(":2: cidr"));
  std::filesystem::remove(path_);
  ASSERT_TRUE(file.look(true));
  EXPECT_EQ(holder.get()->text(endpoint("10.0.0.1")), "@ second");
  model::NamesHolder other;
  EXPECT_FALSE(NamesFile(path_, other).look(false));  // at start it is an error
  EXPECT_TRUE(NamesFile("", other).look(false));
}

}  // namespace
}  // namespace rs::control
