// SPDX-License-Identifier: Apache-2.0
//
// The part of an event that no query filters by, as one compact versioned blob: varints, signed ones zigzagged.
// Format 1: version, start (time minus start), round trips, bytes, packets, RST count, bridges, second confidence,
// meanings, then the detail: facts, steps, exemplars. A brief read stops before the detail. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "control/model/event.h"
#include "control/model/pack.h"

namespace rs::store::sqlite {

// Replaces what `out` holds; its memory is reused from event to event.
void encode_body(const model::Event& event, std::string& out);

// Fills the fields that encode_body wrote; needs time_ns. False when the blob is damaged or of a newer format.
bool decode_body(std::string_view body, bool brief, model::Event& event);

// Named counts and names of ports of a health report, and causes of service statistics, are packed alike.
using model::put_text;
using model::put_varint;
using BodyReader = model::PackReader;

}  // namespace rs::store::sqlite
