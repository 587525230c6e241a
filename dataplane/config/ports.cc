// SPDX-License-Identifier: Apache-2.0
#include "dataplane/config/ports.h"

#include <cctype>

namespace rs::config {
namespace {

bool hex(std::string_view s) {
  for (const char c : s) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return false;
  }
  return !s.empty();
}

// [domain:]bus:device.function
bool pci_address(std::string_view s) {
  if (s.size() == 12) {
    if (!hex(s.substr(0, 4)) || s[4] != ':') return false;
    s.remove_prefix(5);
  }
  return s.size() == 7 && hex(s.substr(0, 2)) && s[2] == ':' && hex(s.substr(3, 2)) && s[5] == '.' && s[6] >= '0' &&
         s[6] <= '7';
}

}  // namespace

PortKind kind_of(std::string_view port) {
  if (pci_address(port)) return PortKind::kPci;
  // Before the file test: a vdev's arguments may hold paths.
  if (port.starts_with("net_")) return PortKind::kVdev;
  if (port == "-" || port.find('/') != std::string_view::npos) return PortKind::kFile;
  for (const std::string_view end : {".pcap", ".pcapng", ".cap", ".ntar", ".gz"}) {
    if (port.ends_with(end)) return PortKind::kFile;
  }
  return PortKind::kInterface;
}

bool valid_interface_name(std::string_view name) {
  if (name.empty() || name.size() > 15) return false;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string_view("._-:@+").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

}  // namespace rs::config
