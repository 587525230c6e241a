// SPDX-License-Identifier: Apache-2.0
//
// How long it was silent before it ended, and whether a timer measured that. Part of gather().
#include <algorithm>

#include "dataplane/attribute/gatherer.h"

namespace rs::attribute {

using flow::Direction;
using flow::End;
using track::EndKind;

namespace {

// Age of a program's own clock when it sets a timer by it: one round of events of a loaded server. Our choice.
constexpr uint32_t kOldClockMs = 10;

// Idle timeouts that products ship with, in seconds: AWS ALB and many proxies 60, nginx 65 and 75, IPVS and Azure 240,
// F5 300, AWS NLB 350, Envoy and GCP 600, IPVS 900, Huawei 1200, Juniper 1800, ASA, FortiGate and Palo Alto 3600,
// MySQL 28800, nf_conntrack 432000.
constexpr int64_t kKnownDefaults[] = {30,  60,  65,  75,   120,  180,  240,  300,   350,   360,
                                      600, 610, 900, 1200, 1800, 3600, 7200, 28800, 432000};

// A timer set in whole seconds fires a scheduler tick late, never early: 25 ms or 0.2 %, but no more than an eighth of
// a second, or every long silence would be whole.
constexpr int64_t kMostLateMs = 125;
int64_t whole_seconds(uint32_t idle_ms, int64_t more_ms = 0) {
  const int64_t seconds = (idle_ms + 10) / 1000;
  const int64_t late = static_cast<int64_t>(idle_ms) - seconds * 1000;
  const int64_t slack = std::clamp<int64_t>(idle_ms / 500, 25, kMostLateMs) + more_ms;
  return seconds >= 1 && late >= -10 && late <= slack ? seconds : 0;
}

// The well-known timeout that this silence is. Devices look through their tables every few seconds: 0.2 % late.
int64_t known_default(uint32_t idle_ms) {
  for (const int64_t known : kKnownDefaults) {
    const int64_t late = static_cast<int64_t>(idle_ms) - known * 1000;
    if (late >= -10 && late <= std::max<int64_t>(25, known * 2)) return known;
  }
  return 0;
}

}  // namespace

void Gatherer::idle() {
  const TimeNs last = std::max(client().last_ns, server().last_ns);
  const uint64_t gap_ms = last != 0 && e_.time > last ? (e_.time - last) / kMs : 0;
  const auto silence_ms = static_cast<int64_t>(is_idle() ? e_.idle_ms : gap_ms);
  if (silence_ms != 0) f_.set(FactId::kIdleMs, silence_ms);
  age();
  if (f_.has(FactId::kFinAtEndOfIdle)) {
    if (!f_.has(FactId::kAgeWholeSeconds)) whole(static_cast<uint32_t>(f_.value(FactId::kFinAtEndOfIdle)));
    return;
  }
  if (!is_idle()) return;
  if (e_.cold.gap_ms != 0 && e_.idle_ms == e_.cold.gap_ms && e_.kind != EndKind::kSynAckTimeout &&
      !f_.has(FactId::kSpontaneous))
    f_.set(FactId::kRequestAtEndOfIdle);
  if (f_.has(FactId::kSpontaneous) && silent_to_the_end()) {
    f_.set(FactId::kIdleSpontaneous);
    whole(sender_silence_ms());
  } else if (e_.kind != EndKind::kSynTimeout && e_.kind != EndKind::kSynAckTimeout) {
    whole(e_.idle_ms);  // the wait for an answer to a SYN or SYN-ACK was ended by us, not by a timer of theirs
  }
}

// The silence as the RST's sender counted it: from the last data, which its peer's last acknowledgement may have
// followed; what came from the peer had half a round trip to go, as has the RST on its way back to the tap.
uint32_t Gatherer::sender_silence_ms() const {
  const End s = rst().from;
  const Direction& own = dir(s);
  const Direction& far = dir(other(s));
  const bool own_last =
      (e_.hot.marks & flow::kAnyData) != 0 && ((e_.hot.marks & flow::kLastDataIsHi) != 0) == (s == End::kHi);
  if (own_last && own.last_len != 0 && far.last_len == 0) return saturate_ms(e_.time, own.last_ns);
  if (far.last_ns <= own.last_ns && far.last_len == 0) return saturate_ms(e_.time, own.last_ns);
  const TimeNs heard = far.last_ns + own.rtt_us * kUs;
  return saturate_ms(e_.time, heard);
}

uint32_t Gatherer::saturate_ms(TimeNs later, TimeNs earlier) {
  return later > earlier ? static_cast<uint32_t>(std::min<uint64_t>((later - earlier) / kMs, UINT32_MAX)) : 0;
}

// Timers that run from the beginning: login grace, header timeout. Their sender began when the handshake's ACK came.
void Gatherer::age() {
  if (e_.kind != EndKind::kRst || !mark(flow::kSawHandshakeAck) || f_.sender != Side::kServer) return;
  const TimeNs began = e_.cold.first_ns + (uint64_t{e_.cold.syn_ack_us} + client().rtt_us + server().rtt_us) * kUs;
  const TimeNs fin_at = e_.cold.fin_ns(rst().from);
  // A server that takes a process for a connection starts it first: 50 ms.
  const int64_t seconds = whole_seconds(saturate_ms(fin_at != 0 ? fin_at : e_.time, began), 50);
  if (seconds == 0) return;
  // A timer may be late and is early by no more than the clock its program keeps and sets it by, which is as old as
  // its last round of events: where the silence alone is as whole, it is the nearer explanation.
  const auto silence = static_cast<uint32_t>(f_.value(FactId::kFinAtEndOfIdle));
  if (whole_seconds(silence, 50) != 0 && (silence + kOldClockMs) % 1000 < 500) return;
  f_.set(FactId::kAgeWholeSeconds, seconds);
}

void Gatherer::whole(uint32_t silence_ms) {
  const int64_t known = known_default(silence_ms);
  const int64_t seconds = known != 0 ? known : whole_seconds(silence_ms);
  if (seconds != 0) f_.set(FactId::kIdleWholeSeconds, seconds);
  if (known != 0) f_.set(FactId::kIdleKnownDefault, known);
}

}  // namespace rs::attribute
