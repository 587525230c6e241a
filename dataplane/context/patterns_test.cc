// SPDX-License-Identifier: Apache-2.0
//
// The built-in patterns agree with their own examples, and what is wrong in a pattern file is named with file, line
// and remedy.
#include "dataplane/context/patterns.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "dataplane/context/database.h"

namespace rs::context {
namespace {

constexpr std::string_view kHead = "version: \"1\"\npatterns:\n";
constexpr std::string_view kGood =
    "  - name: a.b\n    from: [server]\n    match: '^abc'\n    yes: {'abcd': a.b}\n    no: ['xabc']\n";

std::string file_of(std::string_view patterns) { return std::string(kHead).append(patterns); }

// What is said of a file that must be refused.
std::string refusal(const std::string& text) {
  auto set = parse_patterns(text, "p.yaml");
  if (!set) return set.error().text;
  auto database = Database::build(std::move(*set), "");
  return database ? "accepted" : database.error().text;
}

TEST(Patterns, TheBuiltInSetCompilesAndEachExampleMeansWhatItSays) {
  auto set = load_patterns("");
  ASSERT_TRUE(set) << set.error().text;
  EXPECT_GT(set->patterns.size(), 60U);
  EXPECT_GT(set->windows.size(), 30U);
  for (const Pattern& p : set->patterns) {
    size_t no = 0;
    for (const Example& e : p.examples) no += e.means.empty() ? 1 : 0;
    EXPECT_GT(no, 0U) << p.name << " has no example that must not match";
    EXPECT_LT(no, p.examples.size()) << p.name;
    EXPECT_EQ(p.match[0], '^') << p.name << " is not anchored";
  }
  const auto database = Database::build(std::move(*set), "");
  ASSERT_TRUE(database) << database.error().text;
}

TEST(Patterns, EveryClassIsUsed) {
  const auto set = load_patterns("");
  ASSERT_TRUE(set);
  std::set<Class> used;
  for (const Pattern& p : set->patterns) {
    used.insert(p.cls);
    for (const Value& v : p.values) used.insert(v.cls);
  }
  for (const WindowCode& w : set->windows) used.insert(w.cls);
  for (size_t c = 0; c < kClassCount; ++c) EXPECT_TRUE(used.contains(static_cast<Class>(c))) << kClassNames[c];
}

TEST(Patterns, AGoodFileIsTaken) {
  EXPECT_EQ(refusal(file_of(kGood)), "accepted");
  auto set = parse_patterns(file_of(kGood), "p.yaml");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->version, "1");
  EXPECT_EQ(set->patterns[0].line, 3U);
}

TEST(Patterns, RefusalsNameFileLineAndReason) {
  const std::string good(kGood);
  const auto with = [&](const std::string& line) { return refusal(file_of(good + "    " + line + "\n")); };
  EXPECT_EQ(with("class: overlod").substr(0, 48), "p.yaml:8: pattern 'a.b': unknown class 'overlod'");
  EXPECT_NE(with("class: overlod").find("the classes are none, request"), std::string::npos);
  EXPECT_NE(with("clas: none").find("p.yaml:8: pattern 'a.b': unknown key 'clas'"), std::string::npos);
  EXPECT_NE(with("final: perhaps").find("p.yaml:8: pattern 'a.b': final must be true or false"), std::string::npos);
  EXPECT_NE(with("value: {as: nibble, at: 0}").find("unknown kind 'nibble'"), std::string::npos);
  EXPECT_NE(with("value: {as: u8, at: middle}").find("at must be"), std::string::npos);
  EXPECT_NE(with("value: {as: digits, at: 0}").find("need bytes"), std::string::npos);
  EXPECT_NE(with("values: {1: [a, none]}").find("'value' must stand before"), std::string::npos);
  EXPECT_NE(with("unknown: ignore").find("need a 'value'"), std::string::npos);
  EXPECT_NE(refusal(file_of("  - name: a\n    from: [host]\n")).find("p.yaml:4:"), std::string::npos);
  EXPECT_NE(refusal(file_of("  - name: a\n    from: [server]\n    match: '^a'\n")).find("no example"),
            std::string::npos);
  EXPECT_NE(refusal(file_of("  - from: [server]\n")).find("p.yaml:3: a pattern without a name"), std::string::npos);
  EXPECT_NE(refusal("version: 1\npatterns: []\n").find("no patterns"), std::string::npos);
  EXPECT_NE(refusal("patterns:\n" + good).find("no version"), std::string::npos);
  EXPECT_NE(refusal("version: 1\nrules: []\n").find("p.yaml:2: unknown key 'rules'"), std::string::npos);
  EXPECT_NE(refusal("version: [\n").find("not valid YAML"), std::string::npos);
  EXPECT_NE(refusal(file_of(good) + "windows:\n  70000: [a, none]\n").find("p.yaml:9: a window is a number"),
            std::string::npos);
  EXPECT_NE(refusal(file_of(good) + "windows:\n  7000: [a, nowhere]\n").find("p.yaml:9:"), std::string::npos);
}

TEST(Patterns, ARegularExpressionThatDoesNotCompileIsNamed) {
  const std::string text = refusal(
      file_of(std::string(kGood) + "  - name: c.d\n    from: [server]\n    match: '^(ab'\n    yes: {'ab': c.d}\n"));
  EXPECT_EQ(text.substr(0, 63), "p.yaml:8: pattern 'c.d': the regular expression is refused: Mis") << text;
  EXPECT_NE(refusal(file_of("  - name: c\n    from: [rst]\n    match: '^(a)\\1'\n    yes: {'aa': c}\n"))
                .find("p.yaml:3: pattern 'c': the regular expression is refused"),
            std::string::npos);
}

TEST(Patterns, AnExampleThatMeansSomethingElseIsNamed) {
  EXPECT_EQ(refusal(file_of("  - name: a\n    from: [server]\n    match: '^b'\n    yes: {'x': a}\n")),
            "p.yaml:6: pattern 'a': the example means '', expected 'a'");
  EXPECT_EQ(refusal(file_of("  - name: a\n    from: [server]\n    match: '^b'\n    yes: {'b': a}\n    no: ['bc']\n")),
            "p.yaml:7: pattern 'a': the example means 'a', expected no match");
}

TEST(Patterns, AMissingFileSaysSo) {
  const auto set = load_patterns("/nonexistent/p.yaml");
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Code::kNotFound);
  EXPECT_FALSE(load_patterns("/tmp"));
}

TEST(Patterns, TheCompiledFormIsKeptAndABrokenOneIsMadeAnew) {
  char name[] = "/tmp/rs_patterns_XXXXXX";
  const std::string dir = ::mkdtemp(name);
  const auto build = [&] {
    auto set = load_patterns("");
    auto database = Database::build(std::move(*set), dir);
    EXPECT_TRUE(database);
    return database ? (*database)->from_cache() : false;
  };
  EXPECT_FALSE(build());
  EXPECT_TRUE(build());
  size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(dir)) {
    ++files;
    std::filesystem::resize_file(file.path(), file.file_size() / 2);
  }
  EXPECT_EQ(files, 1U);
  EXPECT_FALSE(build());
  EXPECT_TRUE(build());
  for (const auto& file : std::filesystem::directory_iterator(dir)) {
    std::fstream io(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    io.seekp(200);
    io.write("xxxxxxxxxxxxxxxx", 16);
  }
  EXPECT_FALSE(build());
  std::filesystem::remove_all(dir);
  auto set = load_patterns("");
  EXPECT_TRUE(Database::build(std::move(*set), "/nonexistent"));  // no cache is no error
}

}  // namespace
}  // namespace rs::context
