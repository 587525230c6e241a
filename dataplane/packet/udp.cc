// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/udp.h"

#include "dataplane/packet/geneve.h"
#include "dataplane/packet/gtpu.h"
#include "dataplane/packet/vxlan.h"

namespace rs::packet {
namespace {

constexpr size_t kUdpHeader = 8;

// Destination ports (IANA): replies come from any port, but go to these too.
constexpr uint16_t kPortGtpu = 2152;
constexpr uint16_t kPortVxlan = 4789;
constexpr uint16_t kPortVxlanGpe = 4790;
constexpr uint16_t kPortGeneve = 6081;
constexpr uint16_t kPortVxlanLinux = 8472;  // Linux' default, older than the assignment

}  // namespace

Next udp(Cursor& c, PacketView& view) {
  if (!c.rest.has(0, kUdpHeader)) return Next::kNotTcp;
  const uint16_t port = c.rest.be16(2);
  const uint16_t length = c.rest.be16(4);
  c.skip(kUdpHeader);
  // A first fragment's length is the whole datagram's; 0 is left by segmentation offload.
  if (length >= kUdpHeader) c.end_after(length - static_cast<uint32_t>(kUdpHeader));
  switch (port) {
    case kPortVxlan:
    case kPortVxlanLinux:
      return vxlan(c, view);
    case kPortVxlanGpe:
      return vxlan_gpe(c, view);
    case kPortGeneve:
      return geneve(c, view);
    case kPortGtpu:
      return gtpu(c, view);
    default:
      return Next::kNotTcp;
  }
}

}  // namespace rs::packet
