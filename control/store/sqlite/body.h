// SPDX-License-Identifier: Apache-2.0
//
// The part of an event that no query filters by, as one compact versioned blob: varints, signed ones zigzagged.
// Format 1: version, start (time minus start), round trips, bytes, packets, RST count, bridges, second confidence,
// meanings, then the detail: facts, steps, exemplars. A brief read stops before the detail. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "control/model/event.h"

namespace rs::store::sqlite {

// Replaces what `out` holds; its memory is reused from event to event.
void encode_body(const model::Event& event, std::string& out);

// Fills the fields that encode_body wrote; needs time_ns. False when the blob is damaged or of a newer format.
bool decode_body(std::string_view body, bool brief, model::Event& event);

// Named counts and names of ports of a health report, and causes of service statistics.
void put_varint(std::string& out, uint64_t value);
void put_text(std::string& out, std::string_view text);

// Reads what put_* wrote; after the first fault every read is 0 and ok() is false.
class BodyReader {
 public:
  explicit BodyReader(std::string_view bytes) : rest_(bytes) {}
  uint64_t varint();
  int64_t zigzag();
  std::string_view text();
  // A count of items that take at least `least_bytes` each: refused when they cannot fit in what is left.
  size_t count(size_t least_bytes);
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace rs::store::sqlite
