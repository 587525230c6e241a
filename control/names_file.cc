// SPDX-License-Identifier: Apache-2.0
#include "control/names_file.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

namespace rs::control {
namespace {

constexpr size_t kMaxFileBytes = 16 << 20;  // a hundred thousand networks of 160 bytes
constexpr size_t kMaxText = 200;            // of a name: longer ones are no names

// What is wrong, and where; ends in load_names().
struct Fault {
  YAML::Mark mark;
  std::string reason;
};

std::string text_of(const YAML::Node& node, const char* what) {
  if (!node.IsScalar()) throw Fault{node.Mark(), std::string(what) + ": needs one plain value"};
  std::string text = node.Scalar();
  if (text.size() > kMaxText) throw Fault{node.Mark(), std::string(what) + ": longer than 200 characters"};
  return text;
}

model::Role role_of(const YAML::Node& node) {
  const std::string text = text_of(node, "role");
  if (text == "client") return model::Role::kClient;
  if (text == "server") return model::Role::kServer;
  if (text == "proxy") return model::Role::kProxy;
  throw Fault{node.Mark(), "role: \"" + text + "\" is not client, server or proxy"};
}

model::NameEntry entry_of(const YAML::Node& node) {
  if (!node.IsMap()) throw Fault{node.Mark(), "a network needs keys such as \"cidr: 10.0.0.0/8\""};
  model::NameEntry entry;
  bool has_network = false;
  std::set<std::string> seen;
  for (const auto& item : node) {
    const std::string key = text_of(item.first, "a key");
    if (!seen.insert(key).second) throw Fault{item.first.Mark(), "\"" + key + "\" is given twice"};
    if (key == "cidr") {
      const std::string text = text_of(item.second, "cidr");
      const auto prefix = model::parse_prefix(text);
      if (!prefix) throw Fault{item.second.Mark(), "cidr: \"" + text + "\" is no address or network"};
      entry.network = *prefix;
      has_network = true;
    } else if (key == "port") {
      const std::string text = text_of(item.second, "port");
      char* end = nullptr;
      const long port = std::strtol(text.c_str(), &end, 10);
      if (text.empty() || *end != '\0' || port < 1 || port > 65535)
        throw Fault{item.second.Mark(), "port: \"" + text + "\" is not a number from 1 to 65535"};
      entry.port = static_cast<uint16_t>(port);
    } else if (key == "site") {
      entry.site = text_of(item.second, "site");
    } else if (key == "service") {
      entry.service = text_of(item.second, "service");
    } else if (key == "owner") {
      entry.owner = text_of(item.second, "owner");
    } else if (key == "role") {
      entry.role = role_of(item.second);
    } else {
      throw Fault{item.first.Mark(), "unknown key \"" + key + "\"; keys are: cidr, port, site, service, owner, role"};
    }
  }
  if (!has_network) throw Fault{node.Mark(), "a network without cidr"};
  return entry;
}

std::pair<std::string, model::Tap> tap_of(const YAML::Node& node) {
  if (!node.IsMap()) throw Fault{node.Mark(), "a tap needs keys such as \"sensor: fra1\""};
  std::string sensor;
  model::Tap tap;
  for (const auto& item : node) {
    const std::string key = text_of(item.first, "a key");
    if (key == "sensor") {
      sensor = text_of(item.second, "sensor");
    } else if (key == "site") {
      tap.site = text_of(item.second, "site");
    } else if (key == "side") {
      const std::string text = text_of(item.second, "side");
      if (text != "client" && text != "server")
        throw Fault{item.second.Mark(), "side: \"" + text + "\" is not client or server"};
      tap.side = text == "client" ? model::TapSide::kClient : model::TapSide::kServer;
    } else {
      throw Fault{item.first.Mark(), "unknown key \"" + key + "\"; keys are: sensor, site, side"};
    }
  }
  if (sensor.empty()) throw Fault{node.Mark(), "a tap without sensor"};
  return {sensor, tap};
}

model::Names names_of(const YAML::Node& root) {
  std::vector<model::NameEntry> entries;
  std::map<std::string, model::Tap> taps;
  if (root.IsNull()) return {};
  if (!root.IsMap()) throw Fault{root.Mark(), "expected the sections \"networks:\" and \"taps:\""};
  for (const auto& section : root) {
    const std::string name = text_of(section.first, "a section's name");
    if (name != "networks" && name != "taps")
      throw Fault{section.first.Mark(), "unknown section \"" + name + "\"; sections are: networks, taps"};
    if (section.second.IsNull()) continue;
    if (!section.second.IsSequence())
      throw Fault{section.second.Mark(), "\"" + name + "\" must be a list: each entry begins with \"- \""};
    for (const YAML::Node& node : section.second) {
      if (name == "taps") {
        auto [sensor, tap] = tap_of(node);
        if (!taps.emplace(sensor, std::move(tap)).second)
          throw Fault{node.Mark(), "sensor \"" + sensor + "\" is given twice"};
        continue;
      }
      if (entries.size() >= model::Names::kMaxEntries)
        throw Fault{node.Mark(), "more than " + std::to_string(model::Names::kMaxEntries) + " networks"};
      entries.push_back(entry_of(node));
    }
  }
  return {std::move(entries), std::move(taps)};
}

Error at(const std::string& path, const YAML::Mark& mark, const std::string& reason) {
  // yaml-cpp counts lines from 0 and gives -1 when it does not know.
  std::string text = path;
  if (mark.line >= 0) text.append(":").append(std::to_string(mark.line + 1));
  return {Code::kInvalid, text.append(": ").append(reason)};
}

}  // namespace

Result<model::Names> load_names(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return Error{errno == EACCES ? Code::kPermission : Code::kNotFound,
                 path + ": cannot read the names: " + std::strerror(errno)};
  std::string text;
  text.resize(kMaxFileBytes + 1);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error{Code::kInvalid, path + ": cannot read the names (is it a directory?)"};
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) return Error{Code::kInvalid, path + ": larger than 16 MiB: not a names file"};
  try {
    return names_of(YAML::Load(text));
  } catch (const Fault& fault) {
    return at(path, fault.mark, fault.reason);
  } catch (const YAML::Exception& e) {
    return at(path, e.mark, "not valid YAML: " + e.msg);
  }
}

std::string sample_names() {
  return "# SPDX-License-Identifier: Apache-2.0\n"
         "# What people call the network. Of the entries that hold an address, the most specific one that gives an\n"
         "# attribute counts, so a large network can give the site and a small one the service.\n"
         "\n"
         "networks:\n"
         "  # - cidr: 10.7.0.0/16         # address or network\n"
         "  #   site: fra1\n"
         "  #   owner: network team\n"
         "  # - cidr: 10.7.3.9\n"
         "  #   port: 5432                # this port only; without: all ports\n"
         "  #   service: payments-db\n"
         "  # - cidr: 10.7.9.1            # both sides of one proxy have the same service name\n"
         "  #   service: edge-proxy\n"
         "  #   role: proxy               # client, server or proxy\n"
         "\n"
         "taps:\n"
         "  # - sensor: fra1-a            # where it taps the way from clients to servers\n"
         "  #   site: fra1\n"
         "  #   side: client              # client or server: on which side of what stands between the taps\n";
}

Result<void> NamesFile::look(bool again) {
  if (path_.empty()) return {};
  struct stat now {};
  const bool there = stat(path_.c_str(), &now) == 0;
  const int64_t changed_ns = there ? now.st_mtim.tv_sec * 1'000'000'000 + now.st_mtim.tv_nsec : 0;
  const int64_t size = there ? now.st_size : -2;
  const uint64_t inode = there ? now.st_ino : 0;
  if (!again && read_ && changed_ns == changed_ns_ && size == size_ && inode == inode_) return {};
  changed_ns_ = changed_ns;
  size_ = size;
  inode_ = inode;
  auto names = load_names(path_);
  const bool first = !read_;
  read_ = true;
  if (!names) {
    if (first) return names.error();
    spdlog::error("names: {}; the names before it stay", names.error().text);
    holder_.refuse(names.error().text + "; the names before it stay");
    return {};
  }
  const size_t entries = names->size();
  holder_.set(std::move(*names), path_ + ": " + std::to_string(entries) + " networks");
  spdlog::info("names: {} networks from {}", entries, path_);
  return {};
}

}  // namespace rs::control
