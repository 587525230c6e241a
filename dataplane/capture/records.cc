// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/records.h"

#include "dataplane/base/prefetch.h"

#include <algorithm>
#include <limits>

namespace rs::capture {
namespace {

__extension__ using Wide = unsigned __int128;

// pcapng block types and options we read (draft-ietf-opsawg-pcapng 4).
constexpr uint32_t kInterfaceBlock = 1;
constexpr uint32_t kOldPacketBlock = 2;
constexpr uint32_t kSimplePacketBlock = 3;
constexpr uint32_t kEnhancedPacketBlock = 6;
constexpr uint16_t kOptionEnd = 0;
constexpr uint16_t kOptionTsResolution = 9;
constexpr uint16_t kOptionTsOffset = 14;

constexpr size_t kMaxInterfaces = 65536;  // our choice: real files have tens
constexpr size_t kMaxWarnings = 8;        // our choice: the first ones tell; all are counted

constexpr size_t padded(size_t n) { return (n + 3) & ~size_t{3}; }

struct PcapRecord {
  uint32_t seconds;
  uint32_t fraction;
  uint32_t captured;
  uint32_t wire;
};
static_assert(sizeof(PcapRecord) == 16);

}  // namespace

Records::Records(const CaptureFile& file)
    : offset_(file.format().pcapng ? 0 : kPcapHeaderBytes),
      record_bytes_(file.format().record_bytes),
      ns_per_unit_(file.format().ns_per_unit),
      link_(file.format().link),
      port_(file.port()),
      pcapng_(file.format().pcapng),
      swapped_(file.format().swapped),
      name_(file.name()) {
  if (!file.warning().empty()) {
    warnings_.push_back(file.warning());
    ++bad_;
  }
}

// Measured on an EPYC with 250-byte frames: see perf/results.
constexpr size_t kReadAheadBytes = 1024;

Got Records::next_pcap(Window& window, Frame& frame) noexcept {
  PcapRecord r;
  if (ended_) return Got::kEnd;
  if (!window.rest.has(0, record_bytes_) || !window.rest.read(0, r)) return unfinished(window);
  if (swapped_) {
    r = {__builtin_bswap32(r.seconds), __builtin_bswap32(r.fraction), __builtin_bswap32(r.captured),
         __builtin_bswap32(r.wire)};
  }
  if (r.captured > kMaxCapturedBytes) [[unlikely]] {
    return corrupt(
        window, "captured length " + std::to_string(r.captured) + " is more than " + std::to_string(kMaxCapturedBytes));
  }
  const size_t size = size_t{record_bytes_} + r.captured;
  if (!window.rest.has(0, size)) return unfinished(window);
  frame.data = window.rest.data() + record_bytes_;
  // Each record's place depends on the one before: without this the next header is a cache miss in line. The address
  // may lie beyond the mapping; a prefetch never faults.
  prefetch(frame.data + kReadAheadBytes);
  prefetch(frame.data + kReadAheadBytes + 64);
  frame.captured_bytes = r.captured;
  frame.wire_bytes = std::max(r.captured, r.wire);
  frame.time = r.seconds * kSecond + uint64_t{r.fraction} * ns_per_unit_;
  frame.mbuf = nullptr;
  frame.exact_time = true;
  frame.link = link_;
  frame.port = port_;
  advance(window, size);
  return Got::kFrame;
}

Got Records::next_pcapng(Window& window, Frame& frame) noexcept {
  for (;;) {
    if (ended_) return Got::kEnd;
    const Bytes rest = window.rest;
    if (!rest.has(0, 12)) return unfinished(window);
    const uint32_t type = u32(rest, 0);
    // A section header may change the byte order; its type reads the same in both.
    if (type == kPcapngSection) {
      uint32_t order = 0;
      (void)rest.read(8, order);
      if (order != kPcapngOrder && order != __builtin_bswap32(kPcapngOrder)) {
        return corrupt(window, "section header with a bad byte-order magic");
      }
      swapped_ = order != kPcapngOrder;
    }
    const uint32_t total = u32(rest, 4);
    if (total < 12 || total % 4 != 0 || total > kMaxBlockBytes) {
      return corrupt(window, "impossible block length " + std::to_string(total));
    }
    if (!rest.has(0, total)) return unfinished(window);
    if (u32(rest, total - 4) != total) return corrupt(window, "block lengths before and after its body differ");

    const Bytes body = rest.sub(8, total - 12);
    bool is_frame = false;
    switch (type) {
      case kEnhancedPacketBlock:
        is_frame = enhanced_packet(body, frame);
        break;
      case kSimplePacketBlock:
        is_frame = simple_packet(body, frame);
        break;
      case kOldPacketBlock:
        is_frame = old_packet(body, frame);
        break;
      case kInterfaceBlock:
        if (interfaces_.size() >= kMaxInterfaces) return corrupt(window, "more than 65536 interfaces");
        interface(body);
        break;
      case kPcapngSection:
        if (!section(body)) return corrupt(window, "section header of an unknown version");
        break;
      default:
        break;  // names, statistics, secrets, custom blocks: not packets
    }
    advance(window, total);
    if (is_frame) return Got::kFrame;
  }
}

bool Records::section(Bytes body) noexcept {
  interfaces_.clear();  // numbered per section
  return body.has(0, 16) && u16(body, 4) == 1;
}

void Records::interface(Bytes body) noexcept {
  Interface on;
  if (body.has(0, 8)) {
    on.link = link_type_of(u16(body, 0));
    on.snap_bytes = u32(body, 4);
  } else {  // keeps its number, so that later ones keep theirs
    ++bad_;
    warn("interface block is too short");
  }
  for (Bytes options = body.sub(8); options.has(0, 4);) {
    const uint16_t code = u16(options, 0);
    const uint16_t size = u16(options, 2);
    const Bytes value = options.sub(4, size);
    if (code == kOptionEnd || value.size() != size) break;
    if (code == kOptionTsResolution && size == 1) {
      const uint8_t power = value.u8(0) & 0x7f;
      if ((value.u8(0) & 0x80) != 0) {
        on.shift = power;
        on.mult = power == 0 ? kSecond : on.mult;
      } else {
        on.mult = on.div = 1;
        for (uint8_t i = power; i < 9; ++i) on.mult *= 10;
        for (uint8_t i = 9; i < power && on.div < std::numeric_limits<uint64_t>::max() / 10; ++i) on.div *= 10;
      }
    } else if (code == kOptionTsOffset && size == 8) {
      const uint64_t first = u32(value, 0);
      const uint64_t second = u32(value, 4);
      on.offset_s = static_cast<int64_t>(swapped_ ? first << 32 | second : second << 32 | first);
    }
    options = options.sub(4 + padded(size));
  }
  if (on.shift == 0 && on.div == 1 && on.offset_s == 0) {
    on.plain_below = kLatestTime / on.mult;
  }
  interfaces_.push_back(on);
}

// Out-of-range times saturate: a hostile clock must not wrap around.
TimeNs Records::time_of(const Interface& on, uint64_t ts) noexcept {
  if (ts < on.plain_below) [[likely]]
    return ts * on.mult;
  Wide ns = 0;
  if (on.shift != 0) {
    ns = Wide{ts} * kSecond >> on.shift;
  } else {
    ns = Wide{ts} * on.mult / on.div;
  }
  const Wide shift_ns =
      Wide{on.offset_s < 0 ? 0 - static_cast<uint64_t>(on.offset_s) : static_cast<uint64_t>(on.offset_s)} * kSecond;
  if (on.offset_s < 0) {
    ns = ns > shift_ns ? ns - shift_ns : 0;
  } else {
    ns += shift_ns;
  }
  return static_cast<TimeNs>(std::min(ns, Wide{kLatestTime}));
}

bool Records::packet(uint32_t id, uint64_t ts, uint32_t captured, uint32_t wire, Bytes data, Frame& frame) noexcept {
  const bool known = id < interfaces_.size();
  if (!known || captured > data.size() || captured > kMaxCapturedBytes) [[unlikely]] {
    ++bad_;
    warn(!known ? "packet of an interface that was not described"
                : "captured length " + std::to_string(captured) + " does not fit its block");
    return false;
  }
  const Interface& on = interfaces_[id];
  last_time_ = time_of(on, ts);
  frame.data = data.data();
  frame.captured_bytes = captured;
  frame.wire_bytes = std::max(captured, wire);
  frame.time = last_time_;
  frame.mbuf = nullptr;
  frame.exact_time = true;
  frame.link = on.link;
  frame.port = port_;
  return true;
}

bool Records::enhanced_packet(Bytes body, Frame& frame) noexcept {
  // A body shorter than its fields reads as zeros and an empty data part; only an empty packet passes, so ask.
  if (!body.has(0, 20)) {
    ++bad_;
    warn("packet block is too short");
    return false;
  }
  const uint64_t ts = uint64_t{u32(body, 4)} << 32 | u32(body, 8);
  return packet(u32(body, 0), ts, u32(body, 12), u32(body, 16), body.sub(20), frame);
}

bool Records::old_packet(Bytes body, Frame& frame) noexcept {
  if (!body.has(0, 20)) {
    ++bad_;
    warn("packet block is too short");
    return false;
  }
  const uint64_t ts = uint64_t{u32(body, 4)} << 32 | u32(body, 8);
  return packet(u16(body, 0), ts, u32(body, 12), u32(body, 16), body.sub(20), frame);
}

bool Records::simple_packet(Bytes body, Frame& frame) noexcept {
  if (!body.has(0, 4) || interfaces_.empty()) {
    ++bad_;
    warn(interfaces_.empty() ? "packet of an interface that was not described" : "packet block is too short");
    return false;
  }
  const uint32_t wire = u32(body, 0);
  const uint32_t snap = interfaces_[0].snap_bytes == 0 ? wire : std::min(wire, interfaces_[0].snap_bytes);
  const TimeNs before = last_time_;  // it carries no time: the packet before it is the nearest we know
  const Bytes data = body.sub(4);
  const auto captured = static_cast<uint32_t>(std::min<size_t>(snap, data.size()));
  const bool good = packet(0, 0, captured, wire, data, frame);
  frame.time = last_time_ = before;
  return good;
}

uint16_t Records::u16(Bytes b, size_t at) const noexcept {
  uint16_t v = 0;
  (void)b.read(at, v);
  return swapped_ ? __builtin_bswap16(v) : v;
}

uint32_t Records::u32(Bytes b, size_t at) const noexcept {
  uint32_t v = 0;
  (void)b.read(at, v);
  return swapped_ ? __builtin_bswap32(v) : v;
}

Got Records::unfinished(Window& window) noexcept {
  if (!window.last) return Got::kMore;
  if (!window.rest.empty()) {
    ++bad_;
    warn("the file is cut within a record: its last " + std::to_string(window.rest.size()) + " bytes are lost");
    advance(window, window.rest.size());
  }
  ended_ = true;
  return Got::kEnd;
}

Got Records::corrupt(Window& window, const std::string& what) noexcept {
  ++bad_;
  warn(what + ": the file is damaged, what follows is lost");
  if (window.last) advance(window, window.rest.size());
  ended_ = true;
  return Got::kEnd;
}

void Records::warn(const std::string& what) noexcept {
  if (warnings_.size() < kMaxWarnings) {
    warnings_.push_back(name_ + ": at byte " + std::to_string(offset_) + ": " + what);
  } else if (warnings_.size() == kMaxWarnings) {
    warnings_.push_back(name_ + ": further damage is counted, not listed");
  }
}

}  // namespace rs::capture
