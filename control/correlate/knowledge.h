// SPDX-License-Identifier: Apache-2.0
//
// What we can say about an ending in words: the one-sentence summary, the text of a fact or a step, and the
// advice for a cause with the addresses of the event filled in. Texts are data (knowledge.cc's table, complete
// over the vocabulary; knowledge_test.cc compares); this file only fills them in. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/model/event.h"

namespace rs::correlate {

struct Advice {
  std::string title;                     // "Port closed"
  std::string meaning;                   // plain words, two or three sentences
  std::string whose_side;                // "server side: nothing listens on 10.0.2.9:8080"
  std::string confused_with;             // and how to tell
  std::vector<std::string> check_first;  // commands, real addresses filled in
  std::string usual_fix;
};

// One plain sentence with addresses, e.g. "10.0.2.9:8080 refused 10.0.1.7: nothing listens on that port."
std::string summary(const model::Event& event);

// One plain sentence for a fact of this event; names the unit of the value.
std::string fact_text(const model::Event& event, const model::Fact& fact);

// Name of a fact for machines: "rst_ttl", "fact_217" when this program does not know it.
std::string fact_name(FactId id);

// One plain phrase for a step of the timeline, e.g. "server reset the connection (sequence exact)".
std::string step_text(const model::Event& event, const model::Step& step);

Advice advice(const model::Event& event, Cause cause);

// Text form without brackets; IPv4-mapped is printed as IPv4.
std::string ip_text(const model::Ip& ip);
// "10.0.2.9:8080", "[2001:db8::1]:443".
std::string endpoint_text(const model::Endpoint& endpoint);

}  // namespace rs::correlate
