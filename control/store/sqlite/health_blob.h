// SPDX-License-Identifier: Apache-2.0
//
// A sensor's newest health report and the causes of service statistics as compact versioned blobs. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/model/batch.h"

namespace rs::store::sqlite {

// Both replace what `out` holds.
void encode_health(const model::Health& health, std::string& out);
void encode_causes(const std::vector<model::CauseCount>& by_cause, std::string& out);
// False when the blob is damaged or of a newer format; `health` is then empty.
bool decode_health(std::string_view blob, model::Health& health);

}  // namespace rs::store::sqlite
