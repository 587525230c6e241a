// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a frame of any link type: the parser stays inside them, and one frame and a burst agree.
// Input: one byte of link type, then the frame.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/packet/parse.h"

namespace {

bool inside(rs::Bytes part, const std::vector<uint8_t>& whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::vector<uint8_t> bytes(data + 1, data + size);  // its own allocation: a read beyond it is seen
  rs::capture::Frame frame;
  frame.data = bytes.data();
  frame.captured_bytes = static_cast<uint32_t>(bytes.size());
  frame.wire_bytes = static_cast<uint32_t>(bytes.size()) + data[0] / 8U;
  frame.link = static_cast<rs::capture::LinkType>(data[0] % 6);

  rs::packet::PacketView view;
  const rs::packet::Outcome outcome = rs::packet::parse_frame(frame, view);
  check(static_cast<size_t>(outcome) < rs::packet::kOutcomeCount);
  if (outcome == rs::packet::Outcome::kTracked || outcome == rs::packet::Outcome::kIcmpQuote) {
    check(inside(view.payload, bytes));
    check(inside(view.options, bytes));
    check(view.icmp || view.payload.size() <= view.payload_bytes);
  }

  static const auto burst = std::make_unique<rs::capture::Burst>();
  static const auto parsed = std::make_unique<rs::packet::ViewBurst>();
  burst->frames[0] = frame;
  burst->count = 1;
  rs::packet::parse(*burst, *parsed);
  check(parsed->outcomes[0] == outcome);
  return 0;
}
