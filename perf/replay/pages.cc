// SPDX-License-Identifier: Apache-2.0
#include "perf/replay/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace rs::perf {
namespace {

constexpr size_t kHuge = 2U << 20;

}  // namespace

Pages::Pages(size_t bytes) : bytes_(bytes) {
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  mapped_ = (bytes + kHuge - 1) / kHuge * kHuge;
  mapping_ = ::mmap(nullptr, mapped_, kProtection, kFlags | MAP_HUGETLB | MAP_POPULATE, -1, 0);
  if (mapping_ != MAP_FAILED) {
    data_ = static_cast<std::byte*>(mapping_);
    return;
  }
  kind_ = PageKind::kTransparent;
  mapped_ += kHuge;
  mapping_ = ::mmap(nullptr, mapped_, kProtection, kFlags, -1, 0);
  if (mapping_ == MAP_FAILED) {
    std::fprintf(stderr, "no memory for %zu MiB\n", bytes >> 20);
    std::exit(1);
  }
  const size_t past = reinterpret_cast<uintptr_t>(mapping_) % kHuge;
  data_ = static_cast<std::byte*>(mapping_) + (past == 0 ? 0 : kHuge - past);
  ::madvise(data_, bytes, MADV_HUGEPAGE);
  for (size_t at = 0; at < bytes; at += 4096) data_[at] = std::byte{0};
}

Pages::~Pages() { ::munmap(mapping_, mapped_); }

}  // namespace rs::perf
