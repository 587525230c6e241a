// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_input.h"

#include <algorithm>
#include <vector>

#include "dataplane/capture/records.h"

namespace rs {
namespace {

constexpr uint64_t kPart = 65'536;  // our choice: holds hundreds of packets

// A file without its header.
struct Body {
  Bytes bytes;
  TimeNs first = 0;    // time of its first packet
  uint64_t start = 0;  // FNV-1a of its first bytes: orders files that start at the same time
};

struct Fnv {
  uint64_t value = 0xcbf29ce484222325ULL;
  void byte(uint8_t b) { value = (value ^ b) * 0x100000001b3ULL; }
  void number(uint64_t n) {
    for (int shift = 0; shift < 64; shift += 8) byte(static_cast<uint8_t>(n >> shift));
  }
};

Body body_of(const capture::CaptureFile& file) {
  capture::Records records(file);
  Body body;
  body.bytes = file.bytes().sub(static_cast<size_t>(records.offset_bytes()));
  capture::Window window{body.bytes, true};
  capture::Frame frame;
  if (records.next(window, frame) == capture::Got::kFrame) body.first = frame.time;
  Fnv fnv;
  for (size_t i = 0; i < std::min<size_t>(body.bytes.size(), kPart); ++i) fnv.byte(body.bytes.u8(i));
  body.start = fnv.value;
  return body;
}

}  // namespace

uint64_t input_digest(const capture::CaptureFiles& files) {
  std::vector<Body> bodies;
  uint64_t total = 0;
  for (const auto& file : files) {
    bodies.push_back(body_of(*file));
    total += bodies.back().bytes.size();
  }
  std::ranges::sort(
      bodies, [](const Body& a, const Body& b) { return a.first != b.first ? a.first < b.first : a.start < b.start; });
  Fnv fnv;
  fnv.number(total);
  uint64_t at = 0;  // of the body under way in all of them
  for (const Body& body : bodies) {
    const uint64_t size = body.bytes.size();
    const uint64_t tail = total > kPart ? std::max(kPart, total - kPart) : total;
    for (uint64_t i = at; i < at + size && i < kPart; ++i) fnv.byte(body.bytes.u8(static_cast<size_t>(i - at)));
    for (uint64_t i = std::max(at, tail); i < at + size; ++i) fnv.byte(body.bytes.u8(static_cast<size_t>(i - at)));
    at += size;
  }
  return fnv.value == 0 ? 1 : fnv.value;
}

}  // namespace rs
