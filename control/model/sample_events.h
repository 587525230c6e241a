// SPDX-License-Identifier: Apache-2.0
//
// Random but repeatable events for tests and benches: few services, many clients, every enumerator.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "control/model/batch.h"
#include "control/model/ip.h"

namespace rs::model {

class SampleEvents {
 public:
  explicit SampleEvents(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t limit) { return random_() % limit; }

  // Within one hour from start_ns.
  Event event(uint64_t start_ns) {
    Event e;
    e.id = random_();
    e.time_ns = start_ns + below(3'600'000'000'000);
    e.start_ns = e.time_ns - below(1'000'000'000);
    e.client = {client_ip(), static_cast<uint16_t>(1024 + below(60000))};
    const uint64_t server = below(20);
    e.server = {server % 4 == 0 ? *parse_ip("2001:db8::" + std::to_string(server))
                                : from_v4(0x0a000200u + static_cast<uint32_t>(server)),
                static_cast<uint16_t>(server % 3 == 0 ? 443 : 8000 + server)};
    e.network_tag = static_cast<uint32_t>(below(3));
    e.claimed_sender = static_cast<Side>(below(kSideCount));
    e.origin = static_cast<Origin>(below(kOriginCount));
    e.stage = static_cast<Stage>(below(kStageCount));
    e.ending = static_cast<Ending>(below(kEndingCount));
    e.cause = static_cast<Cause>(below(kCauseCount));
    e.second_cause = static_cast<Cause>(below(kCauseCount));
    e.severity = static_cast<Severity>(below(kSeverityCount));
    e.confidence = static_cast<double>(below(10001)) / 10000;
    e.second_confidence = static_cast<double>(below(10001)) / 10000;
    for (uint64_t n = 6 + below(10); n > 0; --n)
      e.evidence.push_back({static_cast<FactId>(below(kFactIdCount)),
                            static_cast<int16_t>(static_cast<int64_t>(below(1000)) - 500),
                            static_cast<int64_t>(below(1'000'000)) - 500'000});
    if (below(4) == 0) e.meanings = {"http.status=503"};
    if (below(4) == 0) e.server_name = std::string("shop").append(std::to_string(below(5))).append(".example.org");
    e.idle_ns = below(5) == 0 ? below(4000) * 1'000'000'000 : below(1'000'000'000);
    e.rtt_client_ns = below(50'000'000);
    e.client_bytes = below(100'000);
    e.server_bytes = below(1'000'000);
    e.client_pkts = below(100);
    e.server_pkts = below(100);
    e.lost_bytes = below(3) == 0 ? below(5000) : 0;
    e.rst_count = 1;
    e.count = below(10) == 0 ? 1 + below(1000) : 1;
    if (e.count > 1) e.exemplars.push_back({e.time_ns, {client_ip(), 5}});
    for (uint64_t n = 4 + below(6), at = 0; n > 0; --n)
      e.timeline.push_back({static_cast<int64_t>(at += below(1'000'000)), static_cast<uint32_t>(below(1500)),
                            static_cast<StepKind>(below(kStepKindCount)), static_cast<Side>(below(kSideCount))});
    e.flags = static_cast<uint16_t>(below(256));
    e.zeek_state = static_cast<ZeekState>(below(kZeekStateCount));
    e.cloudflare_stage = static_cast<CloudflareStage>(below(kCloudflareStageCount));
    e.linux_reason = static_cast<LinuxReason>(below(kLinuxReasonCount));
    return e;
  }

  Batch batch(const std::string& sensor, uint64_t sequence, size_t events, uint64_t start_ns) {
    Batch b;
    b.sensor = sensor;
    b.boot = b.input = 1;
    b.sequence = sequence;
    b.received_ns = start_ns;
    for (size_t i = 0; i < events; ++i) b.events.push_back(event(start_ns));
    return b;
  }

 private:
  Ip client_ip() {
    if (below(5) == 0) return *parse_ip("2001:db8:1::" + std::to_string(below(50)));
    return from_v4(0xc0a80000u + static_cast<uint32_t>(below(1024)));
  }

  std::mt19937_64 random_;
};

}  // namespace rs::model
