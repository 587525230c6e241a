// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a capture file (pcap, pcapng, gzip of either): opened or refused, read to an end, every frame inside
// the file's limits.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "dataplane/capture/file_source.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int fd = memfd_create("capture", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  auto files = rs::capture::open_files({"/proc/self/fd/" + std::to_string(fd)}, 1);
  if (files) {
    rs::capture::FileSource source(*files);
    auto burst = std::make_unique<rs::capture::Burst>();
    uint64_t sum = 0;
    uint64_t packets = 0;
    bool more = true;
    while (more) {
      more = source.receive(*burst);
      if (burst->count > rs::capture::kBurst) std::abort();
      for (uint32_t i = 0; i < burst->count; ++i) {
        const rs::capture::Frame& frame = burst->frames[i];
        for (uint32_t b = 0; b < frame.captured_bytes; ++b) sum += frame.data[b];
      }
      packets += burst->count;
      source.release(*burst);
    }
    if (source.counts().rx_pkts != packets) std::abort();
    static volatile uint64_t sink;
    sink = sum;
    (void)sink;
  }
  ::close(fd);
  return 0;
}
