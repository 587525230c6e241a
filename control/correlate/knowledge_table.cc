// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

constexpr CauseText kUnknown = {
    .cause = Cause::kUnknown,
    .title = "Unknown",
    .why = "the packets do not tell why",
    .meaning =
        "The packets seen do not carry enough to name a cause with honest confidence. The evidence below says what is "
        "known; the second guess is the best candidate.",
    .whose_side = "not decided",
    .confused_with = "Whatever the second guess names.",
    .checks = {{{"{server_ip}", "perf trace -e tcp:tcp_send_reset",
                 "the kernel's own reason if it happens again (Linux 6.10 and "
                 "later)"},
                {"{server_ip}", "{journal}", "anything at {time}"},
                {"{client_ip}", "tcpdump -nvi any host {server_ip} and port {server_port}",
                 "does the reset leave one end, or only "
                 "arrive at it?"}}},
    .usual_fix =
        "Look from a second place (another sensor, a capture at either end): where the reset is first seen decides who "
        "sent it."};

using Rows = std::array<const CauseText*, kCauseCount>;

Rows index_rows() {
  Rows rows{};
  rows.fill(&kUnknown);
  for (const auto texts : {refusal_texts(), endpoint_abort_texts(), timers_texts(), path_policy_texts(),
                           protocol_texts(), load_abuse_texts()})
    for (const CauseText& text : texts) rows[static_cast<size_t>(text.cause)] = &text;
  return rows;
}

}  // namespace

const CauseText& cause_text(Cause cause) {
  static const Rows rows = index_rows();
  const auto i = static_cast<size_t>(cause);
  return *rows[i < rows.size() ? i : 0];
}

}  // namespace rs::correlate
