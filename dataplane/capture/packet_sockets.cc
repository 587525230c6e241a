// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/packet_sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace rs::capture {
namespace {

bool bound_to(int fd, uint32_t interface_index) {
  int domain = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_PACKET) return false;
  sockaddr_ll at{};
  size = sizeof at;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0 && at.sll_protocol != 0 &&
         static_cast<uint32_t>(at.sll_ifindex) == interface_index;
}

}  // namespace

PacketSockets::~PacketSockets() { close_all(); }

PacketSockets::PacketSockets(PacketSockets&& o) noexcept
    : sockets_(std::exchange(o.sockets_, {})), promiscuous_(std::exchange(o.promiscuous_, -1)) {}

PacketSockets& PacketSockets::operator=(PacketSockets&& o) noexcept {
  std::swap(sockets_, o.sockets_);
  std::swap(promiscuous_, o.promiscuous_);
  return *this;
}

void PacketSockets::close_all() {
  for (const int fd : sockets_) ::close(fd);
  if (promiscuous_ >= 0) ::close(promiscuous_);
}

void PacketSockets::find(uint32_t interface_index) {
  DIR* dir = ::opendir("/proc/self/fd");
  if (dir == nullptr) return;
  std::vector<int> found;
  while (const dirent* entry = ::readdir(dir)) {
    char* end = nullptr;
    const long fd = std::strtol(entry->d_name, &end, 10);
    if (*end == '\0' && bound_to(static_cast<int>(fd), interface_index)) found.push_back(static_cast<int>(fd));
  }
  ::closedir(dir);
  for (const int fd : found) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy >= 0) sockets_.push_back(copy);
  }
}

void PacketSockets::ignore_outgoing() {
  // A filter, because PACKET_IGNORE_OUTGOING has no effect on a socket that is in a fanout group already.
  constexpr uint32_t kAll = 0xffffffff;
  sock_filter program[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PACKET_OUTGOING},
      {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, kAll},
  };
  const sock_fprog filter{4, program};
  for (const int fd : sockets_) ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

uint64_t PacketSockets::take_drops() {
  uint64_t drops = 0;
  for (const int fd : sockets_) {
    tpacket_stats stats{};
    socklen_t size = sizeof stats;
    if (::getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0) drops += stats.tp_drops;
  }
  return drops;
}

Result<void> PacketSockets::hold_promiscuous(const std::string& name, uint32_t interface_index) {
  promiscuous_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);  // protocol 0: receives nothing itself
  packet_mreq membership{};
  membership.mr_ifindex = static_cast<int>(interface_index);
  membership.mr_type = PACKET_MR_PROMISC;
  if (promiscuous_ < 0 ||
      ::setsockopt(promiscuous_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) != 0) {
    return Error{Code::kPermission, name + ": promiscuous mode was refused: " + std::strerror(errno) +
                                        "; frames to others may be missing"};
  }
  return {};
}

}  // namespace rs::capture
