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
  ZeroedMemory memory;
  memory.bytes_ = bytes;
  if (rte_eal_has_hugepages() != 0) {
    memory.data_ = rte_zmalloc_socket("table", bytes, 64, socket < 0 ? SOCKET_ID_ANY : socket);
    memory.hugepages_ = memory.data_ != nullptr;
    if (memory.hugepages_) return memory;
  }
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    return Error{Code::kResource, "no memory for a table of " + std::to_string(bytes >> 20) +
                                      " MiB: " + std::strerror(errno) + "; lower flow.capacity"};
  }
  memory.data_ = at;
  ::madvise(at, bytes, MADV_HUGEPAGE);  // a hint; small pages work as well, slower
  constexpr int kMaskBits = 64;
  if (socket >= 0 && socket < kMaskBits) {
    const unsigned long nodes = 1UL << socket;
    ::mbind(at, bytes, MPOL_PREFERRED, &nodes, kMaskBits + 1, 0);  // a preference: any node works
  }
  return memory;
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
