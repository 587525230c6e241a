// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/encode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "dataplane/event/test_items.h"
#include "proto/event_generated.h"

namespace rs::event {
namespace {

namespace fb = resetscope::event;

const fb::Batch* verified(const Sealed& sealed) {
  flatbuffers::Verifier verifier(sealed.data, sealed.size);
  return verifier.VerifyBuffer<fb::Batch>(nullptr) ? flatbuffers::GetRoot<fb::Batch>(sealed.data) : nullptr;
}

Item item_of(const Event& event) {
  Item item;
  item.kind = ItemKind::kEvent;
  item.event = event;
  return item;
}

// Every field another value, none a default.
Event full_event() {
  Event e{};
  e.id = 0x1122334455667788;
  e.time_ns = 101;
  e.start_ns = 102;
  e.count = 103;
  e.idle_ns = 104;
  e.rtt_client_ns = 105;
  e.rtt_server_ns = 106;
  e.client_bytes = 107;
  e.server_bytes = 108;
  e.client_pkts = 109;
  e.server_pkts = 110;
  e.lost_bytes = 111;
  e.network_tag = 112;
  e.client = {test::ip4(1, 2, 3, 4), 113};
  e.server = {{{0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}, 114};
  e.confidence = 0.75F;
  e.second_confidence = 0.125F;
  e.cause = Cause::kProxyRelayed;
  e.second_cause = Cause::kOverload;
  e.origin = Origin::kOffPath;
  e.stage = Stage::kMidstream;
  e.ending = Ending::kClosed;
  e.claimed_sender = Side::kServer;
  e.severity = Severity::kHostile;
  e.zeek_state = ZeekState::kShr;
  e.cloudflare_stage = CloudflareStage::kLaterInFlow;
  e.linux_reason = LinuxReason::kMptcp;
  e.flags = 0x81;
  e.rst_count = 115;
  e.fact_count = kMaxFacts;
  e.step_count = kMaxSteps;
  e.exemplar_count = kMaxExemplars;
  e.meaning_count = kMaxMeanings;
  for (size_t i = 0; i < kMaxFacts; ++i) {
    e.facts[i] = {-5 - static_cast<int64_t>(i), static_cast<FactId>(i + 1), static_cast<int16_t>(20 - i)};
  }
  for (size_t i = 0; i < kMaxSteps; ++i) {
    e.steps[i] = {static_cast<int64_t>(i) - 3, static_cast<uint32_t>(i + 7), static_cast<StepKind>(i % kStepKindCount),
                  static_cast<Side>(i % kSideCount)};
  }
  for (size_t i = 0; i < kMaxExemplars; ++i) {
    e.exemplars[i] = {i + 1000, {test::ip4(9, 9, 9, static_cast<uint8_t>(i)), static_cast<uint16_t>(i + 1)}};
    std::snprintf(e.meanings[i].data(), kMeaningBytes, "http.status=50%zu", i);
  }
  std::strcpy(e.server_name.data(), "api.example.com");
  return e;
}

void expect_endpoint(const fb::Endpoint* got, const Endpoint& want) {
  ASSERT_NE(got, nullptr);
  EXPECT_TRUE(std::equal(want.ip.bytes.begin(), want.ip.bytes.end(), got->ip()->begin()));
  EXPECT_EQ(got->port(), want.port);
}

template <class A, class B>
void expect_same(A a, B b) {
  EXPECT_EQ(static_cast<uint64_t>(a), static_cast<uint64_t>(b));
}

TEST(Encode, EveryFieldOfAnEvent) {
  const Event e = full_event();
  Encoder encoder({"sensor-1", 7, 8});
  ASSERT_TRUE(encoder.add(item_of(e)));
  const Sealed sealed = encoder.seal(9, 10, nullptr, true);
  EXPECT_EQ(sealed.events, 1U);
  EXPECT_EQ(sealed.endings, 103U);
  const fb::Batch* batch = verified(sealed);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->schema(), 1);
  EXPECT_EQ(batch->sensor()->str(), "sensor-1");
  EXPECT_EQ(batch->boot(), 7U);
  EXPECT_EQ(batch->input(), 8U);
  EXPECT_EQ(batch->sequence(), 9U);
  EXPECT_EQ(batch->sent_ns(), 10U);
  EXPECT_TRUE(batch->last());
  EXPECT_EQ(batch->health(), nullptr);
  EXPECT_EQ(batch->services()->size(), 0U);
  ASSERT_EQ(batch->events()->size(), 1U);
  const fb::Event& got = *batch->events()->Get(0);
  EXPECT_EQ(got.id(), e.id);
  EXPECT_EQ(got.time_ns(), e.time_ns);
  EXPECT_EQ(got.start_ns(), e.start_ns);
  EXPECT_EQ(got.count(), e.count);
  EXPECT_EQ(got.idle_ns(), e.idle_ns);
  EXPECT_EQ(got.rtt_client_ns(), e.rtt_client_ns);
  EXPECT_EQ(got.rtt_server_ns(), e.rtt_server_ns);
  EXPECT_EQ(got.client_bytes(), e.client_bytes);
  EXPECT_EQ(got.server_bytes(), e.server_bytes);
  EXPECT_EQ(got.client_pkts(), e.client_pkts);
  EXPECT_EQ(got.server_pkts(), e.server_pkts);
  EXPECT_EQ(got.lost_bytes(), e.lost_bytes);
  EXPECT_EQ(got.network_tag(), e.network_tag);
  expect_endpoint(got.client(), e.client);
  expect_endpoint(got.server(), e.server);
  EXPECT_EQ(got.confidence(), e.confidence);
  EXPECT_EQ(got.second_confidence(), e.second_confidence);
  expect_same(got.cause(), e.cause);
  expect_same(got.second_cause(), e.second_cause);
  expect_same(got.origin(), e.origin);
  expect_same(got.stage(), e.stage);
  expect_same(got.ending(), e.ending);
  expect_same(got.claimed_sender(), e.claimed_sender);
  expect_same(got.severity(), e.severity);
  expect_same(got.zeek_state(), e.zeek_state);
  expect_same(got.cloudflare_stage(), e.cloudflare_stage);
  expect_same(got.linux_reason(), e.linux_reason);
  expect_same(got.flags(), e.flags);
  EXPECT_EQ(got.rst_count(), e.rst_count);
  ASSERT_EQ(got.evidence()->size(), kMaxFacts);
  for (uint32_t i = 0; i < kMaxFacts; ++i) {
    expect_same(got.evidence()->Get(i)->id(), e.facts[i].id);
    EXPECT_EQ(got.evidence()->Get(i)->weight(), e.facts[i].weight);
    EXPECT_EQ(got.evidence()->Get(i)->value(), e.facts[i].value);
  }
  ASSERT_EQ(got.timeline()->size(), kMaxSteps);
  for (uint32_t i = 0; i < kMaxSteps; ++i) {
    EXPECT_EQ(got.timeline()->Get(i)->at_ns(), e.steps[i].at_ns);
    EXPECT_EQ(got.timeline()->Get(i)->value(), e.steps[i].value);
    expect_same(got.timeline()->Get(i)->kind(), e.steps[i].kind);
    expect_same(got.timeline()->Get(i)->side(), e.steps[i].side);
  }
  ASSERT_EQ(got.exemplars()->size(), kMaxExemplars);
  ASSERT_EQ(got.meanings()->size(), kMaxMeanings);
  for (uint32_t i = 0; i < kMaxExemplars; ++i) {
    EXPECT_EQ(got.exemplars()->Get(i)->time_ns(), e.exemplars[i].time_ns);
    expect_endpoint(&got.exemplars()->Get(i)->client(), e.exemplars[i].client);
    EXPECT_EQ(got.meanings()->Get(i)->str(), e.meanings[i].data());
  }
  EXPECT_EQ(got.server_name()->str(), "api.example.com");
}

TEST(Encode, AnEmptyEventHasDefaults) {
  Encoder encoder({"s", 1, 1});
  ASSERT_TRUE(encoder.add(item_of(Event{})));
  const fb::Batch* batch = verified(encoder.seal(1, 1, nullptr, false));
  ASSERT_NE(batch, nullptr);
  const fb::Event& got = *batch->events()->Get(0);
  EXPECT_EQ(got.count(), 1U);
  EXPECT_EQ(got.evidence(), nullptr);
  EXPECT_EQ(got.server_name(), nullptr);
  EXPECT_FALSE(batch->last());
}

TEST(Encode, EveryFieldOfServiceStats) {
  Item item;
  item.kind = ItemKind::kService;
  ServiceStats s;
  s.server = {test::ip4(4, 3, 2, 1), 5};
  s.network_tag = 6;
  s.from_ns = 7;
  s.to_ns = 8;
  s.attempted = 9;
  s.established = 10;
  s.closed_cleanly = 11;
  s.refused = 12;
  s.reset = 13;
  s.timed_out = 14;
  s.client_bytes = 15;
  s.server_bytes = 16;
  s.lost_bytes = 17;
  s.worker = 18;
  s.by_cause[3] = 19;
  s.by_cause[kCauseCount - 1] = 20;
  item.service = s;
  Encoder encoder({"s", 1, 1});
  ASSERT_TRUE(encoder.add(item));
  const Sealed sealed = encoder.seal(1, 1, nullptr, false);
  EXPECT_EQ(sealed.services, 1U);
  const fb::Batch* batch = verified(sealed);
  ASSERT_NE(batch, nullptr);
  ASSERT_EQ(batch->services()->size(), 1U);
  const fb::ServiceStats& got = *batch->services()->Get(0);
  expect_endpoint(got.server(), s.server);
  EXPECT_EQ(got.network_tag(), 6U);
  EXPECT_EQ(got.from_ns(), 7U);
  EXPECT_EQ(got.to_ns(), 8U);
  EXPECT_EQ(got.attempted(), 9U);
  EXPECT_EQ(got.established(), 10U);
  EXPECT_EQ(got.closed_cleanly(), 11U);
  EXPECT_EQ(got.refused(), 12U);
  EXPECT_EQ(got.reset(), 13U);
  EXPECT_EQ(got.timed_out(), 14U);
  EXPECT_EQ(got.client_bytes(), 15U);
  EXPECT_EQ(got.server_bytes(), 16U);
  EXPECT_EQ(got.lost_bytes(), 17U);
  EXPECT_EQ(got.worker(), 18U);
  ASSERT_EQ(got.by_cause()->size(), 2U);
  EXPECT_EQ(static_cast<size_t>(got.by_cause()->Get(0)->cause()), 3U);
  EXPECT_EQ(got.by_cause()->Get(0)->count(), 19U);
  EXPECT_EQ(static_cast<size_t>(got.by_cause()->Get(1)->cause()), kCauseCount - 1);
  EXPECT_EQ(got.by_cause()->Get(1)->count(), 20U);
}

TEST(Encode, EveryFieldOfHealth) {
  Health h;
  h.time_ns = 1;
  h.version = "1.2.3";
  h.workers = 2;
  h.ports = {"eth1", "0000:3b:00.0"};
  h.rx_pkts = 3;
  h.rx_bytes = 4;
  h.missed_pkts = 5;
  h.flows = 6;
  h.flow_capacity = 7;
  h.ring_dropped_events = 8;
  h.lost_batches = 9;
  h.lost_events = 10;
  h.counters = {{"not_ip", 11}, {"bad\xff name", 12}};
  h.losses = {{100, 1, 2, 3, 4, 5}, {101, 6, 7, 8, 9, 10}};
  h.blind_seconds = 13;
  Encoder encoder({"s", 1, 1});
  const fb::Batch* batch = verified(encoder.seal(1, 1, &h, false));
  ASSERT_NE(batch, nullptr);
  const fb::Health* got = batch->health();
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->time_ns(), 1U);
  EXPECT_EQ(got->version()->str(), "1.2.3");
  EXPECT_EQ(got->workers(), 2);
  ASSERT_EQ(got->ports()->size(), 2U);
  EXPECT_EQ(got->ports()->Get(1)->str(), "0000:3b:00.0");
  EXPECT_EQ(got->rx_pkts(), 3U);
  EXPECT_EQ(got->rx_bytes(), 4U);
  EXPECT_EQ(got->missed_pkts(), 5U);
  EXPECT_EQ(got->flows(), 6U);
  EXPECT_EQ(got->flow_capacity(), 7U);
  EXPECT_EQ(got->ring_dropped_events(), 8U);
  EXPECT_EQ(got->lost_batches(), 9U);
  EXPECT_EQ(got->lost_events(), 10U);
  EXPECT_EQ(got->blind_seconds(), 13U);
  ASSERT_EQ(got->losses()->size(), 2U);
  EXPECT_EQ(got->losses()->Get(0)->second(), 100U);
  EXPECT_EQ(got->losses()->Get(0)->missed_pkts(), 1U);
  EXPECT_EQ(got->losses()->Get(0)->handover_dropped_pkts(), 2U);
  EXPECT_EQ(got->losses()->Get(0)->table_full_pkts(), 3U);
  EXPECT_EQ(got->losses()->Get(0)->evicted_flows(), 4U);
  EXPECT_EQ(got->losses()->Get(1)->ring_dropped_events(), 10U);
  ASSERT_EQ(got->counters()->size(), 2U);
  EXPECT_EQ(got->counters()->Get(0)->name()->str(), "not_ip");
  EXPECT_EQ(got->counters()->Get(0)->value(), 11U);
  EXPECT_EQ(got->counters()->Get(1)->name()->str(), "bad? name");
}

TEST(Encode, HostileContentStillVerifies) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    Encoder encoder({std::string(300, '\xfe'), 1, 1});
    for (int i = 0; i < 50; ++i) {
      Item item;
      auto* bytes = reinterpret_cast<uint8_t*>(&item.event);
      for (size_t b = 0; b < sizeof(Event); ++b) bytes[b] = static_cast<uint8_t>(random());
      item.kind = ItemKind::kEvent;
      ASSERT_TRUE(encoder.add(item));
    }
    const fb::Batch* batch = verified(encoder.seal(1, 1, nullptr, false));
    ASSERT_NE(batch, nullptr);
    for (const fb::Event* event : *batch->events()) {
      EXPECT_TRUE(event->confidence() >= 0 && event->confidence() <= 1);
      if (event->evidence() != nullptr) {
        EXPECT_LE(event->evidence()->size(), kMaxFacts);
      }
      if (event->server_name() != nullptr) {
        for (const char c : event->server_name()->string_view()) EXPECT_TRUE(c >= ' ' && c <= '~');
      }
    }
  }
}

TEST(Encode, BatchesAreBoundedAndLoseNothing) {
  const Item item = item_of(full_event());
  Health health;
  health.counters.assign(5000, {std::string(500, 'x'), 1});
  health.ports.assign(5000, std::string(500, 'y'));
  for (const size_t bytes : {size_t{1}, size_t{100'000}, size_t{1} << 20, size_t{1} << 30}) {
    Encoder encoder({"s", 1, 1, bytes, 1U << 20});
    uint64_t given = 0;
    uint64_t sealed_events = 0;
    size_t largest = 0;
    const auto seal = [&] {
      const Sealed sealed = encoder.seal(1, 1, &health, false);
      ASSERT_NE(verified(sealed), nullptr);
      sealed_events += verified(sealed)->events()->size();
      largest = std::max(largest, sealed.size);
      EXPECT_TRUE(encoder.empty());
    };
    while (given < 10000) {
      if (encoder.add(item)) {
        ++given;
        EXPECT_FALSE(encoder.empty());
      } else {
        seal();
      }
    }
    seal();
    EXPECT_EQ(sealed_events, given);
    EXPECT_LT(largest, 4U << 20) << "gRPC's default limit";
  }
}

TEST(Encode, ItemsAreLimitedToo) {
  Encoder encoder({"s", 1, 1, 1U << 20, 3});
  const Item item = item_of(Event{});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(encoder.add(item));
  EXPECT_FALSE(encoder.add(item));
  EXPECT_EQ(encoder.seal(1, 1, nullptr, false).events, 3U);
  EXPECT_TRUE(encoder.add(item));
  EXPECT_EQ(encoder.seal(2, 1, nullptr, false).events, 1U);
  EXPECT_EQ(encoder.seal(3, 1, nullptr, false).events, 0U) << "nothing of the batch before";
}

}  // namespace
}  // namespace rs::event
