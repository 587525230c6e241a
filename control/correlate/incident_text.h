// SPDX-License-Identifier: Apache-2.0
//
// Incidents and learned timeouts in words. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/correlate/idle.h"
#include "control/model/incident.h"
#include "control/model/names.h"

namespace rs::correlate {

// "payments-db @ fra1 (10.0.2.9:5432)", "client 10.0.1.7", "everything".
std::string scope_text(const model::Incident& incident, const model::Names& names);
// One plain sentence: what happened to whom.
std::string summary(const model::Incident& incident, const model::Names& names);
// The summaries of incidents that many endings of one answer belong to, each written once. One thread.
class Summaries {
 public:
  const std::string& of(const model::Incident& incident, const model::Names& names);

 private:
  struct Told {
    uint64_t revision = 0;
    std::string text;
  };
  std::unordered_map<uint64_t, Told> told_;  // by incident
};
// One plain sentence for a fact of it.
std::string fact_text(const model::Incident& incident, const model::IncidentFact& fact);

// "350 s: AWS Network Load Balancer or NAT gateway; AWS Network Firewall"; empty when it is no known default.
std::string defaults_text(const LearnedTimeout& timeout);
// What to set, in one or two sentences.
std::string advice(const LearnedTimeout& timeout, const model::Names& names);
// "from 10.0.1.0/24 to 10.0.2.9:5432", "from several networks to ...".
std::string path_text(const LearnedTimeout& timeout, const model::Names& names);
// Who else on the way to this service limits silence to another time; `others`: what was learned of it. Empty: nobody.
std::string disagreement(const LearnedTimeout& timeout, const std::vector<LearnedTimeout>& others);

}  // namespace rs::correlate
