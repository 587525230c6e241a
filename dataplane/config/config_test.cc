// SPDX-License-Identifier: Apache-2.0
#include "dataplane/config/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "dataplane/config/keys.h"
#include "dataplane/config/ports.h"

namespace rs::config {
namespace {

class TempFile {
 public:
  explicit TempFile(const std::string& text) {
    char name[] = "/tmp/rs_config_XXXXXX";
    const int fd = ::mkstemp(name);
    EXPECT_GE(fd, 0);
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << text;
  }
  ~TempFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The error's text without the file's name.
std::string refusal(const std::string& text) {
  const TempFile file(text);
  const auto config = load(file.path());
  if (config) return "accepted";
  EXPECT_EQ(config.error().text.substr(0, file.path().size()), file.path());
  return config.error().text.substr(file.path().size());
}

TEST(Config, SampleIsTheDefaultsAndStandsInDeploy) {
  const TempFile file(sample());
  const auto config = load(file.path());
  ASSERT_TRUE(config) << config.error().text;
  Config expected;
  expected.capture.ports = {"eth1"};
  EXPECT_TRUE(*config == expected);

  std::ifstream in(std::string(RS_SOURCE_DIR) + "/deploy/resetscope-sensor.yaml");
  std::stringstream deployed;
  deployed << in.rdbuf();
  EXPECT_EQ(deployed.str(), sample()) << "deploy/resetscope-sensor.yaml must be what config::sample() returns";
}

TEST(Config, HelpSampleAndTableNameTheSameKeys) {
  const std::string h = help();
  const std::string s = sample();
  for (const Key& key : keys()) {
    EXPECT_NE(h.find("  " + std::string(key.name) + " ("), std::string::npos) << key.name;
    const std::string field(key.name.substr(key.name.find('.') + 1));
    EXPECT_NE(s.find("\n  " + field + ": "), std::string::npos) << key.name;
    EXPECT_EQ(key.help.back(), '.') << key.name;
  }
  size_t listed = 0;
  std::istringstream lines(h);
  for (std::string line; std::getline(lines, line);) listed += line.size() > 2 && line[2] != ' ' ? 1 : 0;
  EXPECT_EQ(listed, keys().size());
}

// Every printed default parses back, and every key changes the configuration: no entry points at another's field.
TEST(Config, EveryKeyIsReadAndShown) {
  const Config defaults;
  for (const Key& key : keys()) {
    std::string other;
    if (!key.choices.empty()) {
      other = key.choices.back();
    } else if (key.max != 0) {
      other = std::to_string(key.max);
    } else if (key.show(key, defaults) == "true" || key.show(key, defaults) == "false") {
      other = key.show(key, defaults) == "true" ? "false" : "true";
    } else if (key.name == "capture.ports") {
      other = "eth7";
    } else if (key.name == "capture.taps") {
      other = "eth1 eth2";
    } else if (key.name == "export.server") {
      other = "[::1]:4000";
    } else if (key.name == "spool.dir" || key.name == "context.cache_dir" ||
               (key.name.starts_with("export.tls_") && key.name != "export.tls_server_name")) {
      other = "/var/spool";
    } else if (key.name == "metrics.listen") {
      other = "9621";
    } else {
      other = "tap-1";
    }
    Config changed;
    const auto done = set(changed, key.name, other);
    ASSERT_TRUE(done) << done.error().text;
    EXPECT_FALSE(changed == defaults) << key.name;
    for (const Key& k : keys()) {
      EXPECT_EQ(k.show(k, changed) == k.show(k, defaults), k.name != key.name) << key.name << " / " << k.name;
    }
  }
}

// What a reload takes over is what the table says may change while the sensor runs: no more, no less.
TEST(Config, OnlyLiveKeysAreTakenOver) {
  const Config defaults;
  size_t live = 0;
  for (const Key& key : keys()) {
    std::string other = key.max != 0 ? std::to_string(key.max) : "x";
    if (!key.choices.empty()) other = key.choices.back();
    if (key.show(key, defaults) == "true") other = "false";
    Config next;
    if (!set(next, key.name, other)) continue;  // text of a form of its own: none of those is live
    const auto differing = changed(defaults, next);
    ASSERT_EQ(differing.size(), 1U) << key.name;
    EXPECT_EQ(differing[0]->name, key.name);
    Config running;
    take_live(running, next);
    EXPECT_EQ(running == next, key.live) << key.name;
    EXPECT_EQ(running == defaults, !key.live) << key.name;
    live += key.live ? 1 : 0;
  }
  EXPECT_EQ(live, static_cast<size_t>(std::ranges::count_if(keys(), &Key::live)));
  EXPECT_GE(live, 5U);
}

TEST(Config, NumbersOutsideTheRangeAreRefused) {
  for (const Key& key : keys()) {
    if (key.max == 0) continue;
    Config c;
    EXPECT_TRUE(set(c, key.name, std::to_string(key.min))) << key.name;
    EXPECT_FALSE(set(c, key.name, std::to_string(key.max + 1))) << key.name;
    if (key.min > 0) {
      EXPECT_FALSE(set(c, key.name, std::to_string(key.min - 1))) << key.name;
    }
    for (const char* text : {"", "-1", "1x", "0x10", "99999999999999999999", "1.5", " 1"}) {
      if (*text == '\0' && key.list) continue;
      EXPECT_FALSE(set(c, key.name, std::string(text))) << key.name << " " << text;
    }
  }
}

TEST(Config, ErrorsNameFileLineAndReason) {
  EXPECT_EQ(refusal("capture:\n  workers: none\n"), ":2: capture.workers: 'none' is not a whole number from 1 to 64");
  EXPECT_EQ(refusal("capture:\n  wrokers: 2\n"), ":2: unknown key 'capture.wrokers'; did you mean 'capture.workers'?");
  EXPECT_EQ(refusal("a: 1\nb: 2\n"), ":1: unknown key 'a'");
  EXPECT_EQ(refusal("log:\n  level: info\n  level: warn\n"), ":3: 'log.level' is given twice");
  EXPECT_EQ(refusal("log:\n  level: info\nlog:\n  format: json\n"), ":3: section 'log' is given twice");
  EXPECT_EQ(refusal("log:\n  level: loud\n"), ":2: log.level: 'loud' is not error, warn, info or debug");
  EXPECT_EQ(refusal("event:\n  fold: maybe\n"), ":2: event.fold: 'maybe' is not true or false");
  EXPECT_EQ(refusal("log:\n  level: [a, b]\n"), ":2: log.level: takes one value, not a list");
  EXPECT_EQ(refusal("log:\n  level:\n"), ":3: log.level: needs a value");
  EXPECT_EQ(refusal("log: info\n"), ":1: 'log' must hold keys, one a line, indented");
  EXPECT_EQ(refusal("- a\n"), ":1: expected sections such as 'capture:', one a line");
  EXPECT_EQ(refusal("log: {level: info\n").substr(0, 22), ":2: not valid YAML: en");
  for (const char* bad : {"x", "10.0.0.1", "[::1]", "::1:80", "127.0.0.1:65536", ":80", "example.org:80"})
    EXPECT_NE(refusal(std::string("metrics:\n  listen: \"") + bad + "\"\n").find("or a port for 127.0.0.1"),
              std::string::npos)
        << bad;
  EXPECT_EQ(refusal("export:\n  server: 10.0.0.1\n"),
            ":2: export.server: '10.0.0.1' is not unix:/path, host:port or [IPv6]:port");
  EXPECT_EQ(refusal("capture:\n  ports: ['a b']\n").substr(0, 31), ":2: capture.ports: 'a b' is not");
  EXPECT_EQ(refusal("log: {}\n---\nlog: {}\n"), ": more than one YAML document ('---')");
  EXPECT_NE(refusal(", a[b@ 2]."), "");  // yaml-cpp 0.7 reads documents without end from it
  EXPECT_EQ(refusal(std::string(2 << 20, '#')), ": larger than 1 MiB: not a configuration");
}

TEST(Config, EmptyFilesAndSectionsAreDefaults) {
  for (const char* text : {"", "# nothing\n", "capture:\n", "log: {}\n"}) {
    const TempFile file(text);
    const auto config = load(file.path());
    ASSERT_TRUE(config) << config.error().text;
    EXPECT_TRUE(*config == Config{});
  }
}

TEST(Config, MissingFileAndDirectory) {
  const auto missing = load("/nonexistent/x.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().text, "/nonexistent/x.yaml: cannot read the configuration: No such file or directory");
  EXPECT_FALSE(load("/tmp"));
}

TEST(Config, HostileYamlNeverCrashes) {
  const std::string good = sample();
  for (size_t i = 0; i <= good.size(); i += 7) {
    const TempFile file(good.substr(0, i));
    (void)load(file.path()).operator bool();
  }
  EXPECT_NE(refusal("&a [*a]\n"), "accepted");
  EXPECT_NE(refusal("? {a: b}\n: c\n"), "accepted");
  EXPECT_NE(refusal(std::string(20000, '[')), "accepted");
}

TEST(Config, ListsFromFlags) {
  Config c;
  ASSERT_TRUE(set(c, "capture.ports", std::string("eth1,net_null0,size=64,copy=1,0000:3b:00.0")));
  EXPECT_EQ(c.capture.ports, (std::vector<std::string>{"eth1", "net_null0,size=64,copy=1", "0000:3b:00.0"}));
  ASSERT_TRUE(set(c, "capture.cores", std::string("2,3")));
  EXPECT_EQ(c.capture.cores, (std::vector<uint32_t>{2, 3}));
  const std::vector<std::string> odd = {"./a,b=c.pcap"};
  ASSERT_TRUE(set(c, "capture.ports", Values(odd)));
  EXPECT_EQ(c.capture.ports, odd);
  EXPECT_FALSE(set(c, "no.such", std::string("1")));
}

TEST(Config, CheckSeesWhatDoesNotFit) {
  Config c;
  EXPECT_FALSE(check(c));
  c.capture.ports = {"eth1"};
  ASSERT_TRUE(check(c));
  EXPECT_FALSE(c.sensor.name.empty());
  c.capture.ports = {"eth1", "./x.pcap"};
  EXPECT_FALSE(check(c));
  c.capture.ports = {"eth1", "eth1"};
  EXPECT_FALSE(check(c));
  c.capture.ports = {"eth1"};
  c.capture.cores = {1, 1};
  EXPECT_FALSE(check(c));
  c.capture.cores = {1};
  c.capture.workers = 2;
  EXPECT_FALSE(check(c)) << "a CPU for two workers";
  c.capture.cores = {};
  c.capture.taps = {"eth1 eth2"};
  EXPECT_FALSE(check(c)) << "eth2 is no port";
  c.capture.ports = {"eth1", "eth2"};
  EXPECT_TRUE(check(c));
  c.capture.taps = {"eth1 eth1"};
  EXPECT_FALSE(check(c));
  c.capture.taps = {};
  c.capture.ports = {"eth1"};
  c.capture.workers = 64;
  c.flow.capacity = 1024;
  EXPECT_FALSE(check(c));
}

TEST(Ports, KindFromTheSpelling) {
  EXPECT_EQ(kind_of("eth1"), PortKind::kInterface);
  EXPECT_EQ(kind_of("enp3s0f0np0.100"), PortKind::kInterface);
  EXPECT_EQ(kind_of("0000:3b:00.0"), PortKind::kPci);
  EXPECT_EQ(kind_of("3b:00.1"), PortKind::kPci);
  EXPECT_EQ(kind_of("0000:3b:00.8"), PortKind::kInterface);
  EXPECT_EQ(kind_of("net_null0,size=64"), PortKind::kVdev);
  EXPECT_EQ(kind_of("net_pcap0,rx_pcap=/tmp/x.pcap"), PortKind::kVdev);
  EXPECT_EQ(kind_of("-"), PortKind::kFile);
  EXPECT_EQ(kind_of("./trace"), PortKind::kFile);
  EXPECT_EQ(kind_of("x.pcapng"), PortKind::kFile);
  EXPECT_FALSE(valid_interface_name("eth1,blocksz=1"));
  EXPECT_FALSE(valid_interface_name("a-name-of-16-chs"));
  EXPECT_FALSE(valid_interface_name(""));
}

}  // namespace
}  // namespace rs::config
