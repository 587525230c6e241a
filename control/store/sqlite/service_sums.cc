// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/service_sums.h"

#include <cstring>
#include <utility>

#include "control/model/ip.h"
#include "control/model/pack.h"

namespace rs::store::sqlite {
namespace {

void add_counts(const ServiceSum& one, ServiceSum& into) {
  for (size_t i = 0; i < one.counts.size(); ++i) into.counts[i] += one.counts[i];
}

void push(const ServiceSum& one, std::vector<ServiceSum>& into) {
  if (!into.empty() && into.back().key == one.key)
    add_counts(one, into.back());
  else
    into.push_back(one);
}

}  // namespace

void encode_services(const std::vector<ServiceSum>& sums, std::string& out) {
  out.clear();
  for (const ServiceSum& sum : sums) {
    const bool v4 = model::is_v4(sum.key.server.ip);
    const auto* ip = reinterpret_cast<const char*>(sum.key.server.ip.data());
    model::put_text(out, v4 ? std::string_view(ip + 12, 4) : std::string_view(ip, 16));
    model::put_varint(out, sum.key.server.port);
    model::put_varint(out, sum.key.tag);
    for (const uint64_t count : sum.counts) model::put_varint(out, count);
  }
}

bool decode_services(std::string_view bytes, std::vector<ServiceSum>& out) {
  out.clear();
  model::PackReader in(bytes);
  while (in.left() > 0) {
    ServiceSum& sum = out.emplace_back();
    const std::string_view ip = in.text();
    if (ip.size() != 4 && ip.size() != 16) return false;
    if (ip.size() == 4) sum.key.server.ip = model::from_v4(0);
    std::memcpy(sum.key.server.ip.data() + (16 - ip.size()), ip.data(), ip.size());
    sum.key.server.port = static_cast<uint16_t>(in.varint());
    sum.key.tag = static_cast<uint32_t>(in.varint());
    for (uint64_t& count : sum.counts) count = in.varint();
    if (!in.ok()) return false;
  }
  return true;
}

void merge_services(const std::vector<ServiceSum>& more, std::vector<ServiceSum>& into) {
  std::vector<ServiceSum> merged;
  merged.reserve(more.size() + into.size());
  auto old = into.begin();
  for (const ServiceSum& one : more) {
    for (; old != into.end() && old->key < one.key; ++old) push(*old, merged);
    push(one, merged);
    if (old != into.end() && old->key == one.key) push(*old++, merged);
  }
  for (; old != into.end(); ++old) push(*old, merged);
  into = std::move(merged);
}

}  // namespace rs::store::sqlite
