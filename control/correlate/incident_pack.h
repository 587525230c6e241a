// SPDX-License-Identifier: Apache-2.0
//
// An incident as bytes, and back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/model/incident.h"

namespace rs::correlate {

std::string pack(const model::Incident& incident);
// Empty when the bytes are damaged or of a newer format.
std::optional<model::Incident> unpack(std::string_view bytes);

}  // namespace rs::correlate
