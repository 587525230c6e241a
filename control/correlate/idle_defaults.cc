// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/idle_defaults.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace rs::correlate {
namespace {

constexpr uint8_t kProxy = kOnPath | kAtServer;  // seen from its clients a proxy is the server

constexpr auto kDefaults = std::to_array<IdleDefault>({
    {350, "AWS Network Load Balancer or NAT gateway", kForgets | kSendsReset, kOnPath | kAtServer, true,
     "AWS Elastic Load Balancing user guide, Network Load Balancers: connection idle timeout"},
    {350, "AWS Network Firewall", kForgets, kOnPath, true, "AWS Network Firewall developer guide: TCP idle timeout"},
    {60, "AWS Application Load Balancer", kSendsFin | kSendsReset, kProxy, true,
     "AWS Elastic Load Balancing user guide, Application Load Balancers: connection idle timeout"},
    {240, "Azure Load Balancer or NAT", kForgets | kSendsReset, kOnPath, true,
     "Azure Load Balancer documentation: TCP idle timeout and TCP reset"},
    {600, "Google Cloud internal passthrough load balancer", kForgets, kOnPath, true,
     "Google Cloud documentation: connection tracking of passthrough load balancers"},
    {60, "Google Cloud external passthrough load balancer", kForgets, kOnPath, true,
     "Google Cloud documentation: connection tracking of passthrough load balancers"},
    {610, "Google Front End, to clients", kSendsFin, kProxy, true,
     "Google Cloud documentation: client HTTP keepalive timeout"},
    {600, "Google Front End, to back ends", kSendsFin, kAtClient | kOnPath, true,
     "Google Cloud documentation: back end keepalive timeout"},
    {300, "F5 BIG-IP", kSendsReset | kForgets, kOnPath | kAtServer, true, "F5 TCP profile: idle timeout"},
    {180, "NetScaler, to clients", kSendsReset, kProxy, false, "NetScaler: client idle timeout of a virtual server"},
    {360, "NetScaler, to servers", kSendsReset, kAtClient | kOnPath, false, "NetScaler: server idle timeout"},
    {3600, "Cisco ASA", kForgets | kSendsReset, kOnPath, true, "Cisco ASA: timeout conn 1:00:00"},
    {600, "Cisco ASA, half-closed connection", kForgets, kOnPath, true, "Cisco ASA: timeout half-closed 0:10:00"},
    {3600, "FortiGate", kForgets | kSendsReset, kOnPath, true, "FortiOS: default session TTL"},
    {3600, "Palo Alto Networks firewall", kForgets, kOnPath, false, "PAN-OS: TCP session timeout"},
    {1800, "Juniper SRX", kForgets, kOnPath, true, "Junos: TCP session inactivity timeout"},
    {1200, "Huawei USG", kForgets, kOnPath, true, "Huawei USG: TCP session aging time"},
    {432000, "Linux conntrack, established", kForgets, kOnPath, true,
     "Linux: net.netfilter.nf_conntrack_tcp_timeout_established"},
    {300, "Linux conntrack, data unacknowledged", kForgets, kOnPath, true,
     "Linux: net.netfilter.nf_conntrack_tcp_timeout_unacknowledged"},
    {120, "Linux conntrack, closing", kForgets, kOnPath, true,
     "Linux: net.netfilter.nf_conntrack_tcp_timeout_fin_wait"},
    {900, "Linux IPVS", kForgets, kOnPath, true, "ipvsadm --set: default TCP timeout"},
    {120, "Linux IPVS, closing", kForgets, kOnPath, true, "ipvsadm --set: default TCP FIN timeout"},
    {75, "nginx keepalive_timeout", kSendsFin, kProxy, true, "nginx documentation: keepalive_timeout"},
    {65, "nginx keepalive_timeout of its packaged configuration", kSendsFin, kProxy, true,
     "nginx.conf as packages ship it"},
    {60, "nginx client_header_timeout, client_body_timeout, proxy_read_timeout", kSendsFin | kSendsReset, kProxy, true,
     "nginx documentation"},
    {3600, "Envoy HTTP idle_timeout", kSendsFin, kProxy, true, "Envoy documentation: HttpProtocolOptions.idle_timeout"},
    {300, "Envoy stream_idle_timeout", kSendsFin, kProxy, false, "Envoy: HttpConnectionManager.stream_idle_timeout"},
    {15, "Envoy route timeout", kSendsFin, kProxy, false, "Envoy: RouteAction.timeout"},
    {5, "Node.js keepAliveTimeout", kSendsFin, kProxy, true, "Node.js documentation: server.keepAliveTimeout"},
    {5, "Apache KeepAliveTimeout", kSendsFin, kProxy, false, "Apache httpd: KeepAliveTimeout"},
    {2, "gunicorn keepalive", kSendsFin, kProxy, false, "gunicorn: keepalive"},
    {20, "Tomcat connectionTimeout as shipped", kSendsFin, kProxy, false, "Tomcat: server.xml"},
    {28800, "MySQL wait_timeout", kSendsFin | kSendsReset, kAtServer, false, "MySQL: wait_timeout"},
    {7200, "TCP keepalive of Linux", kSendsReset, kAtClient | kAtServer, true, "Linux: net.ipv4.tcp_keepalive_time"},
});

constexpr double kShare = 0.01;
constexpr double kTick = 0.6;  // seconds: half of a timer that looks once a second, and a little

}  // namespace

std::span<const IdleDefault> idle_defaults() { return kDefaults; }

DefaultMatches idle_defaults_near(double seconds, uint8_t expiry, uint8_t place) {
  std::vector<const IdleDefault*> near;
  const auto off = [&](const IdleDefault& row) { return std::fabs(seconds - row.seconds); };
  for (const IdleDefault& row : kDefaults) {
    if (off(row) > std::max(row.seconds * kShare, kTick)) continue;
    if ((expiry != 0 && (row.expiry & expiry) == 0) || (place != 0 && (row.place & place) == 0)) continue;
    near.push_back(&row);
  }
  std::ranges::stable_sort(near, [&](const IdleDefault* a, const IdleDefault* b) {
    return a->documented != b->documented ? a->documented : off(*a) < off(*b);
  });
  DefaultMatches out;
  for (const IdleDefault* row : near)
    if (out.count < kMostDefaults) out.rows[out.count++] = row;
  return out;
}

}  // namespace rs::correlate
