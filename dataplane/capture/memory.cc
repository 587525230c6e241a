// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/memory.h"

#include <numa.h>
#include <numaif.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace rs::capture {

ZeroedMemory::~ZeroedMemory() {
  if (data_ == nullptr) return;
  if (hugepages_) {
    rte_free(data_);
  } else {
    ::munmap(data_, bytes_);
  }
}

Result<ZeroedMemory> alloc_zeroed(size_t bytes, int socket) {
  if (rte_eal_has_hugepages() != 0) {
    ZeroedMemory memory;
    memory.bytes_ = bytes;
    memory.data_ = rte_zmalloc_socket("table", bytes, 64, socket < 0 ? SOCKET_ID_ANY : socket);
    memory.hugepages_ = memory.data_ != nullptr;
    if (memory.hugepages_) return memory;
  }
  return map_zeroed(bytes, socket);
}

Result<ZeroedMemory> map_zeroed(size_t bytes, int socket) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    return Error{Code::kResource, "no memory for a table of " + std::to_string(bytes >> 20) +
                                      " MiB: " + std::strerror(errno) + "; lower flow.capacity"};
  }
  ZeroedMemory memory;
  memory.data_ = at;
  memory.bytes_ = bytes;
  ::madvise(at, bytes, MADV_HUGEPAGE);  // a hint; small pages work as well, slower
  constexpr int kMaskBits = 64;
  if (socket >= 0 && socket < kMaskBits) {
    const unsigned long nodes = 1UL << socket;
    ::mbind(at, bytes, MPOL_PREFERRED, &nodes, kMaskBits + 1, 0);  // a preference: any node works
  }
  return memory;
}

void clear_now(std::span<std::byte> bytes) {
  // By touching, and without changing anything: a fault locks only what it maps, where MADV_POPULATE_WRITE keeps the
  // address space locked, and whoever maps memory meanwhile waits (measured: for as long as all the clearing took).
  constexpr size_t kSmallPage = 4096;  // within a huge page only the first touch costs
  const auto touch = [](std::byte& byte) {
    __atomic_fetch_or(static_cast<uint8_t*>(static_cast<void*>(&byte)), 0, __ATOMIC_RELAXED);
  };
  for (size_t at = 0; at < bytes.size(); at += kSmallPage) touch(bytes[at]);
  if (!bytes.empty()) touch(bytes.back());
}

NearNode::NearNode(int socket) {
  if (socket < 0 || ::numa_available() < 0 || ::numa_max_node() == 0) return;
  ::numa_set_preferred(socket);
  set_ = true;
}

NearNode::~NearNode() {
  if (set_) ::numa_set_localalloc();
}

}  // namespace rs::capture
