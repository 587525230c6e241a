// SPDX-License-Identifier: Apache-2.0
//
// Acknowledgements as FlatBuffers. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/vocabulary.h"

namespace rs::ingest {

struct Ack {
  uint64_t boot = 0;
  uint64_t sequence = 0;
  AckCode code = AckCode::kStored;
  std::string text;
};

// The bytes of one resetscope.event.Ack.
std::string encode_ack(const Ack& ack);

}  // namespace rs::ingest
