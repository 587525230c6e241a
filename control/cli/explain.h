// SPDX-License-Identifier: Apache-2.0
//
// One ending explained in full, as `resetscope why` prints it.
#pragma once

#include "control/cli/session.h"

namespace rs::cli {

void append_explanation(std::string& out, const v1::Explanation& explanation, const Style& style);
// The event's object with "margin", "advice" and "second_advice" added.
void append_explanation_json(std::string& out, const v1::Explanation& explanation);

}  // namespace rs::cli
