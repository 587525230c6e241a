// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/server_name.h"

#include <cstring>

namespace rs::packet {
namespace {

// A browser sends about 18 extensions; more than this is no ClientHello worth reading.
constexpr int kMaxExtensions = 64;
// Request line and headers before Host; our choice: clients send Host first or nearly so (RFC 9110 7.2 asks for it).
constexpr size_t kMaxRequestBytes = 2048;

bool is_name_char(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// The name without a port; empty when a byte does not belong into a name.
Bytes plain_name(const Bytes& text) {
  size_t n = 0;
  while (n < text.size() && is_name_char(text.u8(n))) ++n;
  if (n == 0 || n > kMaxNameBytes) return {};
  if (n == text.size()) return text;
  if (text.u8(n) != ':') return {};
  for (size_t i = n + 1; i < text.size(); ++i)
    if (text.u8(i) < '0' || text.u8(i) > '9') return {};
  return text.sub(0, n);
}

// RFC 6066 3: list length, type 0 (host_name), length, name.
Bytes first_name(const Bytes& extension) {
  if (extension.size() < 5 || extension.u8(2) != 0) return {};
  const size_t n = extension.be16(3);
  return extension.has(5, n) ? plain_name(extension.sub(5, n)) : Bytes{};
}

Bytes walk(const Bytes& b, size_t at, size_t left, TlsRest& rest) {
  for (int i = 0; i < kMaxExtensions && left >= 4; ++i) {
    if (at >= b.size()) {
      if (at - b.size() <= UINT16_MAX && left <= UINT16_MAX)
        rest = {static_cast<uint16_t>(at - b.size()), static_cast<uint16_t>(left)};
      return {};
    }
    if (!b.has(at, 4)) return {};
    const size_t length = b.be16(at + 2);
    if (length + 4 > left) return {};
    if (b.be16(at) == 0) return b.has(at + 4, length) ? first_name(b.sub(at + 4, length)) : Bytes{};
    at += 4 + length;
    left -= 4 + length;
  }
  return {};
}

// RFC 8446 4.1.2 inside a record of 5.1: header 5, handshake header 4, version 2, random 32, then lists with their
// lengths. All of it but the extensions is in the first segment, or this is no client of ours.
Bytes client_hello(const Bytes& b, TlsRest& rest) {
  if (b.size() < 44 || b.u8(0) != 0x16 || b.u8(1) != 3 || b.u8(5) != 1) return {};
  size_t at = 43;
  at += 1 + size_t{b.u8(at)};  // session id
  if (!b.has(at, 2)) return {};
  at += 2 + size_t{b.be16(at)};  // cipher suites
  if (!b.has(at, 1)) return {};
  at += 1 + size_t{b.u8(at)};  // compression methods
  if (!b.has(at, 2)) return {};
  return walk(b, at + 2, b.be16(at), rest);
}

bool is_host_header(const Bytes& line) {
  static constexpr char kHost[] = "host:";
  if (line.size() < 5) return false;
  for (size_t i = 0; i < 5; ++i)
    if ((line.u8(i) | (i < 4 ? 0x20 : 0)) != static_cast<uint8_t>(kHost[i])) return false;
  return true;
}

Bytes http_host(const Bytes& payload) {
  // Request line: a method in capitals, then a space.
  size_t method = 0;
  while (method < 8 && payload.u8(method) >= 'A' && payload.u8(method) <= 'Z') ++method;
  if (method < 3 || payload.u8(method) != ' ') return {};
  const Bytes b = payload.sub(0, kMaxRequestBytes);
  for (size_t at = 0; at < b.size();) {
    const void* nl = std::memchr(b.data() + at, '\n', b.size() - at);
    if (nl == nullptr) return {};
    at = static_cast<size_t>(static_cast<const uint8_t*>(nl) - b.data()) + 1;
    const Bytes line = b.sub(at);
    if (line.u8(0) == '\r' || line.u8(0) == '\n') return {};  // end of the header
    if (!is_host_header(line)) continue;
    size_t from = 5;
    while (line.u8(from) == ' ' || line.u8(from) == '\t') ++from;
    size_t to = from;
    while (to < line.size() && line.u8(to) > ' ') ++to;
    // A name cut by the segment's end would be another name.
    return to < line.size() ? plain_name(line.sub(from, to - from)) : Bytes{};
  }
  return {};
}

}  // namespace

Bytes server_name(const Bytes& payload, TlsRest& rest) {
  rest = {};
  return payload.u8(0) == 0x16 ? client_hello(payload, rest) : http_host(payload);
}

Bytes server_name_on(const Bytes& payload, TlsRest& rest) {
  const TlsRest from = rest;
  rest = {};
  return from.left == 0 ? Bytes{} : walk(payload, from.skip, from.left, rest);
}

}  // namespace rs::packet
