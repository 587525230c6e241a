// SPDX-License-Identifier: Apache-2.0
#include "control/model/incident.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace rs::model {
namespace {

constexpr std::array<std::string_view, kIncidentKinds> kNames = {
    "unspecified", "restart", "failover",    "policy_change", "overload",    "rate_limit",
    "flood",       "scan",    "retry_storm", "path_change",   "backscatter",
};

constexpr int kRegisterBits = 10;  // 1,024 registers

uint64_t mix(uint64_t v) {  // the finaliser of MurmurHash3: every bit of the input reaches every bit of the output
  v ^= v >> 33;
  v *= 0xff51afd7ed558ccdull;
  v ^= v >> 33;
  v *= 0xc4ceb9fe1a85ec53ull;
  return v ^ v >> 33;
}

std::string address_text(const Prefix& prefix) {
  char text[INET6_ADDRSTRLEN];
  if (is_v4(prefix))
    inet_ntop(AF_INET, prefix.ip.data() + 12, text, sizeof text);
  else
    inet_ntop(AF_INET6, prefix.ip.data(), text, sizeof text);
  if (prefix.bits == 128) return text;
  return std::string(text) + "/" + std::to_string(is_v4(prefix) ? prefix.bits - kMappedBits : prefix.bits);
}

// "cause = a" or "cause in (a, b)"; empty when all are in.
template <class E, class Bits>
std::string words_text(const char* field, Bits bits, size_t count) {
  std::string list;
  size_t in = 0;
  for (size_t i = 0; i < count; ++i) {
    if ((bits >> i & 1) == 0) continue;
    list.append(in++ == 0 ? "" : ", ").append(name(static_cast<E>(i)));
  }
  if (in == count || in == 0) return {};
  return std::string(field) + (in == 1 ? " = " + list : " in (" + list + ")");
}

}  // namespace

std::string_view name(IncidentKind kind) {
  const auto i = static_cast<size_t>(kind);
  return i < kNames.size() ? kNames[i] : kNames[0];
}

bool Scope::matches(const Endpoint& client_end, const Endpoint& server_end, Cause cause, Stage stage,
                    Ending ending) const {
  if ((causes & bit_of(cause)) == 0 || (stages & bit_of(stage)) == 0 || (endings & bit_of(ending)) == 0) return false;
  if (port && *port != server_end.port) return false;
  if (client && !contains(*client, client_end.ip)) return false;
  return !server || contains(*server, server_end.ip);
}

std::string Scope::filter_text() const {
  std::string text;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) text.append(text.empty() ? "" : " and ").append(part);
  };
  const auto address = [](const char* field, const Prefix& prefix) {
    return std::string(field) + (prefix.bits == 128 ? " = " : " in ") + address_text(prefix);
  };
  if (client) add(address("client_ip", *client));
  if (server) add(address("server_ip", *server));
  if (port) add("server_port = " + std::to_string(*port));
  add(words_text<Cause>("cause", causes, kCauseCount));
  add(words_text<Stage>("stage", stages, kStageCount));
  add(words_text<Ending>("ending", endings, kEndingCount));
  return text;
}

void Distinct::add(uint64_t hash) {
  const uint64_t v = mix(hash);
  const size_t index = v >> (64 - kRegisterBits);
  const auto rank = static_cast<uint8_t>(std::countl_zero(v << kRegisterBits | uint64_t{1} << (kRegisterBits - 1)) + 1);
  registers_[index] = std::max(registers_[index], rank);
}

uint64_t Distinct::count() const {
  double sum = 0;
  size_t empty = 0;
  for (const uint8_t rank : registers_) {
    sum += std::bit_cast<double>(uint64_t{1023U - rank} << 52);  // 2^-rank: the exponent's field alone
    empty += rank == 0 ? 1 : 0;
  }
  const auto m = static_cast<double>(registers_.size());
  const double raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
  const double estimate = raw <= 2.5 * m && empty > 0 ? m * std::log(m / static_cast<double>(empty)) : raw;
  return static_cast<uint64_t>(std::llround(estimate));
}

void Distinct::merge(const Distinct& other) {
  for (size_t i = 0; i < registers_.size(); ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

uint64_t hash_of(const Ip& ip) {
  uint64_t halves[2];
  std::memcpy(halves, ip.data(), sizeof halves);
  return mix(halves[0] * 0x9e3779b97f4a7c15ull ^ halves[1]);  // 2^64 / golden ratio
}

uint64_t hash_of(const Endpoint& endpoint) { return mix(hash_of(endpoint.ip) ^ endpoint.port); }

}  // namespace rs::model
