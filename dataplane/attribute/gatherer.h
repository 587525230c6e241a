// SPDX-License-Identifier: Apache-2.0
//
// The work of gather(), one concept a file: it holds an Ending and fills Facts. Internal to this folder, worker thread.
#pragma once

#include <algorithm>

#include "dataplane/attribute/facts.h"
#include "dataplane/packet/view.h"

namespace rs::attribute {

class Gatherer {
 public:
  Gatherer(const track::Ending& e, Facts& facts) : e_(e), client_(e.client()), f_(facts) {}

  void run();

 private:
  [[nodiscard]] const flow::Direction& dir(flow::End e) const { return e_.dir[static_cast<size_t>(e)]; }
  [[nodiscard]] const flow::Direction& client() const { return dir(client_); }
  [[nodiscard]] const flow::Direction& server() const { return dir(other(client_)); }
  [[nodiscard]] bool mark(uint16_t m) const { return (e_.hot.marks & m) != 0; }
  [[nodiscard]] bool v6() const { return mark(flow::kIpv6); }
  [[nodiscard]] const track::RstSeen& rst() const { return e_.rst[0]; }
  // The first RST's claimed sender and the other end.
  [[nodiscard]] const flow::Direction& sender() const { return dir(rst().from); }
  [[nodiscard]] const flow::Direction& peer() const { return dir(other(rst().from)); }
  [[nodiscard]] const track::After& after(flow::End e) const { return e_.after[static_cast<size_t>(e)]; }
  [[nodiscard]] bool fin(flow::End e) const { return (dir(e).bits & flow::kFinSent) != 0 || unseen_fin(e); }
  // Silent since before the repeats began.
  [[nodiscard]] static bool spoke(const flow::Direction& d) { return d.pkts != 0; }
  // The RST came as soon as an answer to the peer's latest packet can: two round trips, or a scheduler's delay.
  [[nodiscard]] bool prompt() const { return rst().reaction_us <= 2 * std::max(sender().rtt_us, 5'000U); }

  // stage.cc
  void shape();
  [[nodiscard]] bool unseen_fin(flow::End e) const;
  [[nodiscard]] bool half_heard() const;
  [[nodiscard]] Stage data_stage() const;
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] bool probed(flow::End by) const;
  [[nodiscard]] bool silent_to_the_end() const;
  // image.cc
  void image();
  [[nodiscard]] bool closes_with_zero() const;
  [[nodiscard]] bool answers_syn() const;
  [[nodiscard]] bool stateless_image() const;
  void hop_limit();
  void ip_id();
  void marks();
  // sequence.cc
  void sequence();
  [[nodiscard]] bool coarse_clock() const;
  void trigger();
  // afterwards.cc
  void afterwards();
  void fields_vary();
  // history.cc
  void history();
  void one_sided();
  // silence.cc
  void idle();
  [[nodiscard]] uint32_t sender_silence_ms() const;
  static uint32_t saturate_ms(TimeNs later, TimeNs earlier);
  void age();
  void whole(uint32_t silence_ms);

  const track::Ending& e_;
  const flow::End client_;
  Facts& f_;
};

// Window, options and payload as a reply without a socket has them: none.
inline bool is_stateless(const track::RstSeen& r) { return r.window == 0 && r.opts == 0 && r.payload_bytes == 0; }

}  // namespace rs::attribute
