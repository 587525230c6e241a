// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a sensor's batch: decoded within the limits, or refused with a reason.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "control/ingest/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> bytes(data, data + size);  // its own allocation: a read beyond it is seen
  const rs::ingest::Decoded decoded = rs::ingest::decode(std::span(bytes));
  if (decoded.batch.has_value() != decoded.refusal.empty()) std::abort();
  if (decoded.batch && decoded.batch->events.size() > rs::ingest::kMaxEvents) std::abort();
  return 0;
}
