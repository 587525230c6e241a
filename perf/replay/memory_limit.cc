// SPDX-License-Identifier: Apache-2.0
#include "perf/replay/memory_limit.h"

#include "dataplane/base/prefetch.h"
#include "dataplane/capture/frame.h"
#include "dataplane/flow/table.h"

namespace rs::perf {
namespace {

constexpr size_t kLine = 64;

}  // namespace

void MemoryLimit::burst(const Packet* packets) {
  for (uint32_t i = 0; i < capture::kBurst; ++i) {
    prefetch(packets[i].line[0]);
    prefetch_to_write(packets[i].line[1]);
    prefetch_to_write(packets[i].line[2]);
  }
  for (uint32_t i = 0; i < capture::kBurst; ++i) {
    const uint64_t bucket = *packets[i].line[0];
    *packets[i].line[1] += bucket;
    *packets[i].line[2] += 1;
  }
}

WorkingSet WorkingSet::of_table(uint32_t capacity, uint32_t flows) {
  constexpr size_t kRecord = sizeof(flow::FlowHot) + 2 * sizeof(flow::Direction);
  constexpr size_t kRest = sizeof(flow::FlowCold) + sizeof(flow::Heads);
  WorkingSet set;
  set.bytes = flow::Table::bytes_needed(capacity);
  set.record_bytes = kRecord;
  set.records_at = (set.bytes - size_t{capacity} * (kRecord + kRest)) / kLine * kLine;
  set.bucket_lines = set.records_at / kLine;
  set.flows = flows;
  return set;
}

Duration MemoryLimit::run(Lines lines) {
  const auto at = [&](size_t offset) { return reinterpret_cast<uint64_t*>(memory_.bytes().data() + offset); };
  for (Packet& p : batch_) {
    const uint32_t flow = random_.below(set_.flows);
    const uint32_t other = lines == Lines::kLaidOut ? flow : random_.below(set_.flows);
    const size_t direction = 1 + (random_.next() >> 63);
    p.line[0] = at(size_t{random_.below(static_cast<uint32_t>(set_.bucket_lines))} * kLine);
    p.line[1] = at(set_.records_at + flow * set_.record_bytes);
    p.line[2] = at(set_.records_at + other * set_.record_bytes + direction * kLine);
  }
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < batch_.size(); i += capture::kBurst) burst(&batch_[i]);
  return std::chrono::steady_clock::now() - start;
}

}  // namespace rs::perf
