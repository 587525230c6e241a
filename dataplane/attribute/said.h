// SPDX-License-Identifier: Apache-2.0
//
// From what the last messages meant to facts: which of them still speaks for the ending, who said it, and whether the
// two ends speak the same protocol. Pure, worker thread. Part of gather().
#pragma once

#include "dataplane/attribute/facts.h"

namespace rs::attribute {

void gather_said(const track::Ending& ending, const context::Context& context, Facts& facts);

}  // namespace rs::attribute
