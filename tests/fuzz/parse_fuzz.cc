// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a frame of any link type: the parser ends in an outcome, stays inside the bytes, says the same every
// time; the short way and the long one agree, and one frame and a burst.
// Input: one byte of link type, one of bytes missing from the capture, then the frame.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/packet/parse.h"
#include "tests/packet/view.h"

namespace {

using rs::packet::Outcome;
using rs::packet::PacketView;
using rs::test::same;

constexpr int kLinks = static_cast<int>(rs::capture::LinkType::kUnsupported) + 1;

bool inside(rs::Bytes part, const std::vector<uint8_t>& whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::vector<uint8_t> bytes(data + 2, data + size);  // its own allocation: a read beyond it is seen
  rs::capture::Frame frame;
  frame.data = bytes.data();
  frame.captured_bytes = static_cast<uint32_t>(bytes.size());
  frame.wire_bytes = static_cast<uint32_t>(bytes.size()) + data[1];
  frame.link = static_cast<rs::capture::LinkType>(data[0] % kLinks);

  PacketView view;
  const Outcome outcome = rs::packet::parse_frame(frame, view);
  check(static_cast<size_t>(outcome) < rs::packet::kOutcomeCount);
  // What only the pipeline's later stages can say.
  check(outcome != Outcome::kOtherWorker && outcome != Outcome::kMirrorDuplicate && outcome != Outcome::kTableFull);
  const bool filled = outcome == Outcome::kTracked || outcome == Outcome::kIcmpQuote;
  if (filled) {
    check(inside(view.payload, bytes));
    check(inside(view.outer, bytes));
    check(view.icmp == (outcome == Outcome::kIcmpQuote));
    check(view.payload.size() <= view.payload_bytes);
    check(view.tunnel <= rs::packet::Tunnel::kGtpu);
    check(view.tunnel != rs::packet::Tunnel::kNone || (view.outer.empty() && view.outer_ttl == 0));
    rs::IpAddr from;
    rs::IpAddr to;
    check(view.outer_ends(from, to) == !view.outer.empty());
  }

  PacketView longer;
  check(rs::packet::parse_any(frame, longer) == outcome);
  check(!filled || same(view, longer));

  static const auto burst = std::make_unique<rs::capture::Burst>();
  static const auto parsed = std::make_unique<rs::packet::ViewBurst>();
  burst->frames[0] = burst->frames[1] = frame;
  burst->count = 2;
  parsed->views[1].network_tag = 99;  // nothing of the packet before stays
  parsed->views[1].tunnel = rs::packet::Tunnel::kGre;
  parsed->views[1].outer_ttl = 9;
  rs::packet::parse(*burst, *parsed);
  for (int i = 0; i < 2; ++i) {
    check(parsed->outcomes[i] == outcome);
    check(!filled || same(parsed->views[i], view));
  }
  return 0;
}
