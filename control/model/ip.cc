// SPDX-License-Identifier: Apache-2.0
#include "control/model/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace rs::model {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// Decimal digits only, whole text.
std::optional<unsigned> parse_number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

uint8_t mask_byte(unsigned bits, unsigned byte) {
  if (bits >= (byte + 1) * 8) return 0xff;
  if (bits <= byte * 8) return 0;
  return static_cast<uint8_t>(0xff00u >> (bits - byte * 8));
}

}  // namespace

bool is_v4(const Ip& ip) { return std::memcmp(ip.data(), kMapped.data(), kMapped.size()) == 0; }

uint32_t v4_of(const Ip& ip) {
  return uint32_t{ip[12]} << 24 | uint32_t{ip[13]} << 16 | uint32_t{ip[14]} << 8 | uint32_t{ip[15]};
}

Ip from_v4(uint32_t address) {
  Ip ip{};
  std::memcpy(ip.data(), kMapped.data(), kMapped.size());
  for (unsigned i = 0; i < 4; ++i) ip[12 + i] = static_cast<uint8_t>(address >> (24 - 8 * i));
  return ip;
}

std::optional<Ip> parse_ip(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string copy(text);
  in_addr v4{};
  if (inet_pton(AF_INET, copy.c_str(), &v4) == 1) return from_v4(ntohl(v4.s_addr));
  Ip ip{};
  if (inet_pton(AF_INET6, copy.c_str(), ip.data()) == 1) return ip;
  return std::nullopt;
}

std::optional<Prefix> parse_prefix(std::string_view text) {
  const size_t slash = text.find('/');
  const auto ip = parse_ip(text.substr(0, slash));
  if (!ip) return std::nullopt;
  if (slash == std::string_view::npos) return Prefix{*ip, 128};
  const bool dotted = text.substr(0, slash).find(':') == std::string_view::npos;
  const auto bits = parse_number(text.substr(slash + 1), dotted ? 32 : 128);
  if (!bits) return std::nullopt;
  Prefix prefix{*ip, static_cast<uint8_t>(dotted ? *bits + kMappedBits : *bits)};
  prefix.ip = first_of(prefix);
  return prefix;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  if (const auto ip = parse_ip(text)) return Endpoint{*ip, 0};
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // an IPv6 address with a port needs brackets
  }
  const auto ip = parse_ip(host);
  const auto port = parse_number(text.substr(colon + 1), 65535);
  if (!ip || !port) return std::nullopt;
  return Endpoint{*ip, static_cast<uint16_t>(*port)};
}

bool contains(const Prefix& prefix, const Ip& ip) {
  if (is_v4(prefix) != is_v4(ip)) return false;
  const unsigned whole = std::min<unsigned>(prefix.bits / 8u, 16);
  if (!std::equal(ip.begin(), ip.begin() + whole, prefix.ip.begin())) return false;
  return whole == ip.size() || ((ip[whole] ^ prefix.ip[whole]) & mask_byte(prefix.bits, whole)) == 0;
}

Ip first_of(const Prefix& prefix) {
  Ip ip = prefix.ip;
  for (unsigned i = prefix.bits / 8u; i < ip.size(); ++i) ip[i] &= mask_byte(prefix.bits, i);
  return ip;
}

Ip last_of(const Prefix& prefix) {
  Ip ip = prefix.ip;
  for (unsigned i = 0; i < ip.size(); ++i) ip[i] |= static_cast<uint8_t>(~mask_byte(prefix.bits, i));
  return ip;
}

}  // namespace rs::model
