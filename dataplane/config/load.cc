// SPDX-License-Identifier: Apache-2.0
//
// Reads the YAML file through the key table, and checks what must fit together. yaml-cpp's exceptions end here.
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "dataplane/config/config.h"
#include "dataplane/config/keys.h"
#include "dataplane/config/ports.h"

namespace rs::config {
namespace {

// A configuration has some dozens of lines; more is a wrong file.
constexpr size_t kMaxFileBytes = 1 << 20;

Error at(const std::string& path, const YAML::Mark& mark, const std::string& reason) {
  // yaml-cpp counts lines from 0 and gives -1 when it does not know.
  std::string text = path;
  if (mark.line >= 0) text.append(":").append(std::to_string(mark.line + 1));
  return {Code::kInvalid, text.append(": ").append(reason)};
}

size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string unknown(const std::string& name) {
  const auto nearest = std::ranges::min_element(keys(), {}, [&](const Key& k) { return distance(name, k.name); });
  std::string text = "unknown key '" + name + "'";
  if (distance(name, nearest->name) <= 3) text += "; did you mean '" + std::string(nearest->name) + "'?";
  return text;
}

bool section_exists(const std::string& name) {
  return std::ranges::any_of(keys(), [&](const Key& k) { return k.name.starts_with(name + "."); });
}

Result<void> read_value(Config& config, const std::string& path, const Key& key, const YAML::Node& node) {
  std::vector<std::string> values;
  if (node.IsSequence()) {
    if (!key.list) return at(path, node.Mark(), std::string(key.name) + ": takes one value, not a list");
    for (const YAML::Node& item : node) {
      if (!item.IsScalar()) return at(path, item.Mark(), std::string(key.name) + ": list items must be plain values");
      values.push_back(item.Scalar());
    }
  } else if (node.IsScalar()) {
    values.push_back(node.Scalar());
  } else {
    return at(path, node.Mark(), std::string(key.name) + ": needs a value" + (key.list ? " or a list" : ""));
  }
  if (auto done = set(config, key.name, Values(values)); !done) return at(path, node.Mark(), done.error().text);
  return {};
}

Result<void> read_section(Config& config, const std::string& path, const std::string& section, const YAML::Node& node) {
  if (node.IsNull()) return {};  // a section whose keys are all commented out
  if (!node.IsMap()) return at(path, node.Mark(), "'" + section + "' must hold keys, one a line, indented");
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return at(path, entry.first.Mark(), "'" + section + "': a key must be plain text");
    const std::string name = section + "." + entry.first.Scalar();
    const Key* key = find_key(name);
    if (key == nullptr) return at(path, entry.first.Mark(), unknown(name));
    if (!seen.insert(name).second) return at(path, entry.first.Mark(), "'" + name + "' is given twice");
    if (auto done = read_value(config, path, *key, entry.second); !done) return done;
  }
  return {};
}

Result<Config> read(const std::string& path, const YAML::Node& root) {
  Config config;
  if (root.IsNull()) return config;
  if (!root.IsMap()) return at(path, root.Mark(), "expected sections such as 'capture:', one a line");
  std::set<std::string> seen;
  for (const auto& entry : root) {
    if (!entry.first.IsScalar()) return at(path, entry.first.Mark(), "a section's name must be plain text");
    const std::string section = entry.first.Scalar();
    if (!section_exists(section)) return at(path, entry.first.Mark(), unknown(section));
    if (!seen.insert(section).second) return at(path, entry.first.Mark(), "section '" + section + "' is given twice");
    if (auto done = read_section(config, path, section, entry.second); !done) return done.error();
  }
  return config;
}

class Ignore final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Not by YAML::LoadAll: yaml-cpp 0.7 finds empty documents without end in ", a[b@ 2]".
bool more_than_one_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Ignore ignore;
  return parser.HandleNextDocument(ignore) && parser.HandleNextDocument(ignore);
}

Result<std::string> slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int why = errno;
    const Code code = why == ENOENT ? Code::kNotFound : why == EACCES ? Code::kPermission : Code::kInvalid;
    return Error{code, path + ": cannot read the configuration: " + std::strerror(why)};
  }
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error{Code::kInvalid, path + ": cannot read the configuration (is it a directory?)"};
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) return Error{Code::kInvalid, path + ": larger than 1 MiB: not a configuration"};
  return text;
}

}  // namespace

Result<Config> parse(const std::string& name, const std::string& text) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (more_than_one_document(text)) return Error{Code::kInvalid, name + ": more than one YAML document ('---')"};
    return read(name, root);
  } catch (const YAML::Exception& e) {
    return at(name, e.mark, "not valid YAML: " + e.msg);
  }
}

Result<Config> load(const std::string& path) {
  const auto text = slurp(path);
  if (!text) return text.error();
  return parse(path, *text);
}

Result<void> check(Config& config) {
  const auto& ports = config.capture.ports;
  if (ports.empty()) {
    return Error{Code::kInvalid,
                 "capture.ports: no port given; name a mirror port (eth1), a NIC (0000:3b:00.0) or a "
                 "capture file (./x.pcap)"};
  }
  const auto files = std::ranges::count_if(ports, [](const auto& p) { return kind_of(p) == PortKind::kFile; });
  if (files != 0 && static_cast<size_t>(files) != ports.size()) {
    return Error{Code::kInvalid, "capture.ports: capture files and live ports cannot be mixed in one sensor"};
  }
  // RTE_MAX_ETHPORTS of Debian's DPDK.
  constexpr size_t kMaxLivePorts = 32;
  if (files == 0 && ports.size() > kMaxLivePorts) {
    return Error{Code::kInvalid, "capture.ports: " + std::to_string(ports.size()) + " live ports; at most 32 a sensor"};
  }
  std::set<std::string_view> seen;
  for (const std::string& port : ports) {
    if (!seen.insert(port).second) return Error{Code::kInvalid, "capture.ports: '" + port + "' is given twice"};
  }
  std::set<std::string_view> tapped;
  for (const std::string& pair : config.capture.taps) {
    const std::string_view both(pair);
    const size_t space = both.find(' ');
    for (const std::string_view name : {both.substr(0, space), both.substr(space + 1)}) {
      if (!seen.contains(name) || files != 0) {
        return Error{Code::kInvalid, "capture.taps: '" + std::string(name) + "' is not a live port of capture.ports"};
      }
      if (!tapped.insert(name).second) {
        return Error{Code::kInvalid, "capture.taps: '" + std::string(name) + "' is given twice"};
      }
    }
  }
  std::set<uint32_t> cores(config.capture.cores.begin(), config.capture.cores.end());
  if (cores.size() != config.capture.cores.size()) {
    return Error{Code::kInvalid, "capture.cores: a CPU is given twice"};
  }
  if (files == 0 && !cores.empty() && cores.size() < config.capture.workers) {
    return Error{Code::kInvalid, "capture.cores: " + std::to_string(cores.size()) + " CPUs for " +
                                     std::to_string(config.capture.workers) +
                                     " workers; give each its own, or leave "
                                     "the list empty"};
  }
  if (config.flow.capacity / config.capture.workers < 1024) {
    return Error{Code::kInvalid, "flow.capacity: less than 1024 connections a worker"};
  }
  if (config.sensor.name.empty()) {
    char host[256] = {};
    if (::gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
      return Error{Code::kInvalid, "sensor.name: the host has no name; give one"};
    }
    const std::string name(host);
    if (auto done = set(config, "sensor.name", name); !done) {
      return Error{Code::kInvalid, "sensor.name: the host's name does not fit, give one: " + done.error().text};
    }
  }
  return {};
}

}  // namespace rs::config
