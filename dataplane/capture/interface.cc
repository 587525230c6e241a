// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/interface.h"

// Before any <linux/...>: the kernel's headers step back for libc's, not the other way round.
#include <net/if.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

namespace rs::capture {
namespace {

namespace fs = std::filesystem;

// One page, less mbuf and XDP headroom; see port_plan.cc.
constexpr uint32_t kMaxXdpMtu = 3300;

class Socket {
 public:
  Socket(int family, int type) : fd_(::socket(family, type | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

ifreq request(const std::string& name) {
  ifreq r{};
  name.copy(r.ifr_name, IFNAMSIZ - 1);
  return r;
}

bool has_address(const std::string& name) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return true;  // unknown: as if, the careful side
  bool found = false;
  for (const ifaddrs* a = all; a != nullptr; a = a->ifa_next) {
    if (a->ifa_addr == nullptr || name != a->ifa_name) continue;
    if (a->ifa_addr->sa_family == AF_INET) found = true;
    if (a->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, a->ifa_addr, sizeof v6);
      found = found || IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) == 0;
    }
  }
  ::freeifaddrs(all);
  return found;
}

// ETHTOOL_GRSSH: first asks for the sizes, then for table and key.
bool rss_is_symmetric(int fd, const std::string& name) {
  ethtool_rxfh sizes{};
  sizes.cmd = ETHTOOL_GRSSH;
  ifreq r = request(name);
  r.ifr_data = reinterpret_cast<char*>(&sizes);
  if (::ioctl(fd, SIOCETHTOOL, &r) != 0 || sizes.key_size == 0 || sizes.key_size > 1024 || sizes.indir_size > 65536) {
    return false;
  }
  const size_t table_bytes = sizes.indir_size * sizeof(uint32_t);
  std::vector<uint32_t> buffer((sizeof sizes + table_bytes + sizes.key_size + 3) / 4);
  std::memcpy(buffer.data(), &sizes, sizeof sizes);
  r.ifr_data = reinterpret_cast<char*>(buffer.data());
  if (::ioctl(fd, SIOCETHTOOL, &r) != 0) return false;
  return symmetric_key(reinterpret_cast<uint8_t*>(buffer.data()) + sizeof sizes + table_bytes, sizes.key_size);
}

// As the driver counts them: 1 when the NIC has no combined channels.
uint32_t combined_channels(int fd, const std::string& name) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  ifreq r = request(name);
  r.ifr_data = reinterpret_cast<char*>(&channels);
  return ::ioctl(fd, SIOCETHTOOL, &r) == 0 && channels.combined_count > 0 ? channels.combined_count : 1;
}

void read_sysfs(Interface& on) {
  const fs::path dir = fs::path("/sys/class/net") / on.name;
  std::error_code ignored;
  on.physical = fs::exists(dir / "device", ignored);
  uint32_t queues = 0;
  for (fs::directory_iterator it(dir / "queues", ignored), end; !ignored && it != end; it.increment(ignored)) {
    queues += it->path().filename().string().starts_with("rx-") ? 1 : 0;
  }
  on.rx_queues = queues == 0 ? 1 : queues;
  for (fs::directory_iterator it(dir, ignored), end; !ignored && it != end; it.increment(ignored)) {
    const std::string entry = it->path().filename().string();
    on.stacked = on.stacked || entry == "master" || entry.starts_with("upper_");
  }
  std::ifstream(dir / "device" / "numa_node") >> on.numa_node;
}

}  // namespace

bool symmetric_key(const uint8_t* key, uint32_t size) {
  for (uint32_t i = 2; i < size; ++i) {
    if (key[i] != key[i - 2]) return false;
  }
  return size >= 40 && (key[0] != 0 || key[1] != 0);  // 40 bytes: what hashing IPv6 with ports takes
}

Result<Interface> examine_interface(const std::string& name) {
  const Socket socket(AF_INET, SOCK_DGRAM);
  if (socket.fd() < 0) return Error{Code::kInternal, name + ": no socket to ask about it: " + std::strerror(errno)};
  Interface on;
  on.name = name;
  ifreq r = request(name);
  if (::ioctl(socket.fd(), SIOCGIFINDEX, &r) != 0) {
    return Error{Code::kNotFound, name +
                                      ": no such network interface (see: ip -br link); a capture file is given "
                                      "with its path, ./" +
                                      name};
  }
  on.index = static_cast<uint32_t>(r.ifr_ifindex);
  r = request(name);
  if (::ioctl(socket.fd(), SIOCGIFFLAGS, &r) != 0) {
    return Error{Code::kNotFound, name + ": the interface went away: " + std::strerror(errno)};
  }
  on.up = (r.ifr_flags & IFF_UP) != 0;
  on.carrier = (r.ifr_flags & IFF_RUNNING) != 0;
  on.loopback = (r.ifr_flags & IFF_LOOPBACK) != 0;
  if (::ioctl(socket.fd(), SIOCGIFMTU, &r) == 0) on.mtu = static_cast<uint32_t>(r.ifr_mtu);
  r = request(name);
  if (::ioctl(socket.fd(), SIOCGIFHWADDR, &r) == 0) {
    on.ethernet = r.ifr_hwaddr.sa_family == ARPHRD_ETHER || r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
  }
  if (!on.ethernet) {
    return Error{Code::kInvalid, name +
                                     ": its frames are not Ethernet (a tun or tunnel interface?); capture on the "
                                     "interface below it"};
  }
  if (!on.up) {
    return Error{Code::kUnavailable,
                 name + ": the interface is down; bring it up first: ip link set dev " + name + " up"};
  }
  on.addressed = has_address(name);
  on.xdp_queues = combined_channels(socket.fd(), name);
  on.symmetric_rss = rss_is_symmetric(socket.fd(), name);
  read_sysfs(on);
  return on;
}

Result<void> may_capture(const std::string& name) {
  const Socket socket(AF_PACKET, SOCK_RAW);
  if (socket.fd() >= 0) return {};
  if (errno != EPERM && errno != EACCES) {
    return Error{Code::kInternal, name + ": no packet socket: " + std::strerror(errno)};
  }
  return Error{Code::kPermission, name +
                                      ": no permission to capture; run as root, or give the program "
                                      "CAP_NET_RAW, CAP_NET_ADMIN and CAP_IPC_LOCK (systemd: AmbientCapabilities=)"};
}

config::Driver choose_driver(const Interface& on, config::Driver wanted, uint32_t workers, std::string* why) {
  const char* reason = "asked for";
  config::Driver driver = wanted;
  if (wanted == config::Driver::kAuto) {
    driver = config::Driver::kAfPacket;
    if (!on.physical) {
      reason = "not a physical NIC: AF_XDP gains nothing";
    } else if (on.addressed || on.stacked) {
      reason = "the host uses the interface: AF_XDP would take its frames";
    } else if (on.mtu > kMaxXdpMtu) {
      reason = "the MTU is larger than AF_XDP takes";
    } else if (on.xdp_queues != on.rx_queues) {
      reason = "AF_XDP cannot bind all of its queues";
    } else if (on.rx_queues > 1 && (on.rx_queues != workers || !on.symmetric_rss)) {
      reason = "its queues do not match the workers with a symmetric hash";
    } else {
      driver = config::Driver::kAfXdp;
      reason = "a physical NIC the host does not use";
    }
  }
  if (why != nullptr) *why = reason;
  return driver;
}

}  // namespace rs::capture
