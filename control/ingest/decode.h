// SPDX-License-Identifier: Apache-2.0
//
// FlatBuffer of a sensor -> model::Batch: the only reader of proto/event.fbs. Trusts nothing: structure verified
// with bounded depth and tables, every list bounded, every enumerator range-checked, every text cleaned, numbers
// cut to what 63 bits hold. Pure, any thread, never throws.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "control/model/batch.h"

namespace rs::ingest {

inline constexpr uint16_t kSchema = 1;  // newest batch schema this program reads

inline constexpr size_t kMaxBatchBytes = 12u << 20;  // our choice: a sensor's batch is about 1 MiB
inline constexpr size_t kMaxEvents = 65'536;         // a batch
inline constexpr size_t kMaxServices = 65'536;       // a batch
inline constexpr size_t kMaxFacts = 128;             // an event; sensors send at most 40
inline constexpr size_t kMaxSteps = 128;             // an event; sensors send at most 20
inline constexpr size_t kMaxExemplars = 64;          // an event
inline constexpr size_t kMaxMeanings = 16;           // an event
inline constexpr size_t kMaxTextBytes = 255;         // server name (RFC 1035 2.3.4), meaning, port, version
inline constexpr size_t kMaxSensorBytes = 64;
inline constexpr size_t kMaxCounters = 1024;
inline constexpr size_t kMaxPorts = 256;
inline constexpr size_t kMaxLosses = 1024;  // seconds in one report

struct Decoded {
  std::optional<model::Batch> batch;
  std::string refusal;  // why there is none: what, where
  // Of the batch, for the acknowledgement; 0 when it cannot even be read.
  uint64_t boot = 0;
  uint64_t sequence = 0;
  uint64_t unknown_values = 0;  // enumerators newer than this program, taken as unknown
};

Decoded decode(std::span<const uint8_t> bytes);

}  // namespace rs::ingest
