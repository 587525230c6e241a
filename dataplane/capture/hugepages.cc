// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/hugepages.h"

#include <linux/mman.h>
#include <sys/mman.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

namespace rs::capture {
namespace {

namespace fs = std::filesystem;

struct Pool {
  uint64_t page_kib = 0;
  uint64_t free_pages = 0;
};

std::vector<Pool> pools() {
  std::vector<Pool> all;
  std::error_code error;
  for (fs::directory_iterator it("/sys/kernel/mm/hugepages", error), end; !error && it != end; it.increment(error)) {
    Pool pool;  // hugepages-2048kB
    pool.page_kib = std::strtoull(it->path().filename().string().substr(10).c_str(), nullptr, 10);
    std::ifstream(it->path() / "free_hugepages") >> pool.free_pages;
    // EAL knows these two on the platforms we build for.
    if (pool.page_kib == 2048 || pool.page_kib == 1048576) all.push_back(pool);
  }
  return all;
}

}  // namespace

uint64_t free_hugepage_mib() {
  uint64_t kib = 0;
  for (const Pool& pool : pools()) kib += pool.page_kib * pool.free_pages;
  return kib >> 10;
}

bool can_reserve_hugepages(uint64_t mib) {
  std::vector<std::pair<void*, size_t>> taken;
  uint64_t left_kib = mib << 10;
  for (const Pool& pool : pools()) {
    const uint64_t pages = std::min(pool.free_pages, (left_kib + pool.page_kib - 1) / pool.page_kib);
    if (pages == 0) continue;
    const int size_flag = pool.page_kib == 2048 ? MAP_HUGE_2MB : MAP_HUGE_1GB;
    const size_t bytes = pages * pool.page_kib << 10;
    // Untouched: this reserves pages but clears none.
    void* at =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | size_flag, -1, 0);
    if (at == MAP_FAILED) continue;
    taken.emplace_back(at, bytes);
    left_kib -= std::min(left_kib, pages * pool.page_kib);
  }
  for (const auto& [at, bytes] : taken) ::munmap(at, bytes);
  return left_kib == 0;
}

}  // namespace rs::capture
