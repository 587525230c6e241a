// SPDX-License-Identifier: Apache-2.0
//
// Reads one capture file's records, in place: a frame points at the bytes it was read from. Bytes come as a window
// that its owner slides on (all at once for a mapping, piece by piece for a stream). Worker thread.
// A record that is damaged but whose end is known is counted and skipped; where the end is unknown the file ends
// there. Nothing before the damage is lost, and every loss is counted and told in warnings().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/capture/capture_file.h"
#include "dataplane/capture/frame.h"

namespace rs::capture {

// No link has frames this long; more is damage (libpcap's MAXIMUM_SNAPLEN, and the largest GSO frame on lo).
inline constexpr uint32_t kMaxCapturedBytes = 256 * 1024;
// The largest pcapng block taken for real (libpcap's bound): bounds a stream's buffer too.
inline constexpr uint32_t kMaxBlockBytes = 16 * 1024 * 1024;

struct Window {
  Bytes rest;         // from the next record on
  bool last = false;  // nothing follows `rest`
};

enum class Got : uint8_t {
  kFrame = 0,
  kMore,  // the window ends within a record and more may follow
  kEnd,
};

class Records {
 public:
  explicit Records(const CaptureFile& file);

  // Takes one frame from the window's front.
  Got next(Window& window, Frame& frame) noexcept {
    return pcapng_ ? next_pcapng(window, frame) : next_pcap(window, frame);
  }

  [[nodiscard]] uint64_t offset_bytes() const { return offset_; }  // in the file, of the next record
  [[nodiscard]] uint64_t bad_records() const { return bad_; }
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  // How one pcapng interface's timestamps turn into nanoseconds: ts * mult / div, or ts / 2^shift seconds.
  struct Interface {
    LinkType link = LinkType::kUnsupported;
    uint32_t snap_bytes = 0;
    uint64_t mult = 1000;
    uint64_t div = 1;
    uint8_t shift = 0;  // power-of-two resolution when not 0
    int64_t offset_s = 0;
    uint64_t plain_below = 0;  // below it ts * mult is the answer; 0: never
  };

  Got next_pcap(Window& window, Frame& frame) noexcept;
  Got next_pcapng(Window& window, Frame& frame) noexcept;
  bool section(Bytes body) noexcept;
  void interface(Bytes body) noexcept;
  bool enhanced_packet(Bytes body, Frame& frame) noexcept;
  bool old_packet(Bytes body, Frame& frame) noexcept;
  bool simple_packet(Bytes body, Frame& frame) noexcept;
  bool packet(uint32_t id, uint64_t ts, uint32_t captured, uint32_t wire, Bytes data, Frame& frame) noexcept;
  static TimeNs time_of(const Interface& on, uint64_t ts) noexcept;

  [[nodiscard]] uint16_t u16(Bytes b, size_t at) const noexcept;
  [[nodiscard]] uint32_t u32(Bytes b, size_t at) const noexcept;
  void advance(Window& window, size_t bytes) noexcept {
    window.rest = window.rest.sub(bytes);
    offset_ += bytes;
  }
  Got unfinished(Window& window) noexcept;
  Got corrupt(Window& window, const std::string& what) noexcept;
  void warn(const std::string& what) noexcept;

  uint64_t offset_;
  uint64_t bad_ = 0;
  TimeNs last_time_ = 0;
  uint32_t record_bytes_;
  uint32_t ns_per_unit_;
  LinkType link_;
  uint8_t port_;
  bool pcapng_;
  bool swapped_;
  bool ended_ = false;
  std::string name_;
  std::vector<Interface> interfaces_;
  std::vector<std::string> warnings_;
};

}  // namespace rs::capture
