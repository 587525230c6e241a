// SPDX-License-Identifier: Apache-2.0
//
// What others did around an ending, as facts: only where it is more than chance. Pure, worker thread.
#pragma once

#include "dataplane/attribute/facts.h"
#include "dataplane/track/ending.h"

namespace rs::attribute {

// After the connection's own facts are gathered.
void gather_around(const track::Ending& ending, Facts& facts);

}  // namespace rs::attribute
