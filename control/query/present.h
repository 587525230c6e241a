// SPDX-License-Identifier: Apache-2.0
//
// One ending as clients see it: the sensor's verdict, with names and with what correlation adds. Any thread.
#pragma once

#include "control/query/encode.h"
#include "control/query/request.h"

namespace rs::query {

void present(const Parts& parts, const model::Event& event, Detail detail, v1::Event& out);

}  // namespace rs::query
