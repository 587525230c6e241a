// SPDX-License-Identifier: Apache-2.0
#include "dataplane/attribute/around.h"

namespace rs::attribute {
namespace {

// Our choices. Programs close the connections of a page or a pool together, too, six to a host and less, with FIN; a
// RST for unread data they send one by one.
constexpr int kClosedTogether = 4;
constexpr int kResetTogether = 2;
constexpr int kServersTogether = 2;
// A client with much to do, or many behind one address, may meet a handful of closed doors in a second; but they come
// for what is served, and mostly get it. Who tries six doors and is served at fewer than a third as many looks for
// doors.
constexpr int kPortsOfAScan = 6;
constexpr int kTriedForOneServed = 3;
constexpr int kServedBefore = 2;

}  // namespace

void gather_around(const track::Ending& ending, Facts& f) {
  const track::Around& a = ending.around;
  // Timers of connections opened within a moment fire within one.
  const bool timer = f.has(FactId::kIdleWholeSeconds) || f.has(FactId::kAgeWholeSeconds);
  const int together = timer ? a.opened_apart : a.ended_together;
  if (together >= (f.has(FactId::kFinFromRstSender) ? kClosedTogether : kResetTogether))
    f.set(FactId::kEndedTogether, together);
  if (a.servers_together >= kServersTogether) f.set(FactId::kServersTogether, a.servers_together);
  if (a.ports_tried >= kPortsOfAScan && a.ports_tried > kTriedForOneServed * a.ports_served)
    f.set(FactId::kPortsTried, a.ports_tried);
  if (a.callers >= track::kFlood) f.set(FactId::kUnansweredHandshakes, a.callers);
  if (a.regular_ms != 0) f.set(FactId::kRegularClient, a.regular_ms);
  if (a.served_others != 0) f.set(FactId::kServedOthers, a.served_others);
  if (a.served_before >= kServedBefore) f.set(FactId::kServedBefore, a.served_before);
  if (a.half_deaf && f.has(FactId::kNeverAnswered)) f.set(FactId::kOneSided);
  if (a.elsewhere) f.set(FactId::kClientElsewhere);
  if (a.relayed_us != 0) f.set(FactId::kRelayedReset, a.relayed_us);
}

}  // namespace rs::attribute
