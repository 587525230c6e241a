// SPDX-License-Identifier: Apache-2.0
//
// From one ending and its verdict to the event that is sent: addresses, numbers, evidence, timeline, and the bridges
// to other tools' vocabularies. Worker thread; pure; no allocation.
#pragma once

#include "dataplane/attribute/attribute.h"
#include "dataplane/attribute/facts.h"
#include "dataplane/context/meaning.h"
#include "dataplane/event/event.h"
#include "dataplane/track/ending.h"

namespace rs::event {

// Fills `out`. `input` names what is read (see event.fbs Batch.input): the same ending of the same input always
// gets the same id.
void make(const track::Ending& ending, const context::Context& context, const attribute::Facts& facts,
          const attribute::Verdict& verdict, uint64_t input, Event& out);

}  // namespace rs::event
