// SPDX-License-Identifier: Apache-2.0
//
// The tables behind knowledge.h: one row a cause, a fact, a step of the timeline. Rows are templates whose
// {placeholders} knowledge_fill.h lists. A family's causes stand in one file, knowledge_<family>.cc.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "proto/vocabulary.h"

namespace rs::correlate {

// Something to do. Printed as "command   # on where: look_for", so that the line can be pasted as it stands.
struct Check {
  std::string_view where;     // host, or what kind of device; "anywhere" is not printed
  std::string_view command;   // empty: something to look up that has no command
  std::string_view look_for;  // what the output tells
  // Only where a message of this protocol was seen ("http", "ssh"); "other": only where no row of the cause names the
  // protocol that was.
  std::string_view protocol = {};
};

struct CauseText {
  Cause cause = Cause::kUnknown;
  std::string_view title;
  // The summary is "<what>: <why> (<note>)". Empty `what`: one made from ending, origin and stage.
  std::string_view what = {};
  std::string_view why;
  Origin note_origin = Origin::kUnknown;  // the note is true only of this origin
  std::string_view note = {};
  std::string_view meaning;
  std::string_view whose_side;
  std::string_view confused_with;
  std::array<Check, 6> checks = {};  // unused ones have no look_for
  std::string_view usual_fix;
};

std::span<const CauseText> refusal_texts();
std::span<const CauseText> endpoint_abort_texts();
std::span<const CauseText> timers_texts();
std::span<const CauseText> path_policy_texts();
std::span<const CauseText> protocol_texts();
std::span<const CauseText> load_abuse_texts();

// The row of a cause; the row of `unknown` for a number this program does not know.
const CauseText& cause_text(Cause cause);

struct FactText {
  FactId id = FactId::kNone;
  std::string_view text;
};

std::span<const FactText> fact_texts();
// Empty for a fact this program does not know.
std::string_view fact_template(FactId id);

struct StepText {
  StepKind kind = StepKind::kNone;
  std::string_view text;
};

std::span<const StepText> step_texts();
std::string_view step_template(StepKind kind);

}  // namespace rs::correlate
