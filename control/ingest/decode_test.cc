// SPDX-License-Identifier: Apache-2.0
#include "control/ingest/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "control/ingest/ack.h"
#include "control/ingest/text.h"
#include "control/ingest/wire.h"
#include "control/model/sample_events.h"

namespace rs::ingest {
namespace {

using ::testing::HasSubstr;
namespace fb = resetscope::event;

constexpr uint64_t kStart = 1'700'000'000'000'000'000;

std::vector<uint8_t> bytes_of(const model::Batch& batch) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(testing::wire(builder, batch));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

model::Batch sample(size_t events) {
  model::SampleEvents samples(1);
  model::Batch batch = samples.batch("fra1", 7, events, kStart);
  batch.services = {
      {.server = *model::parse_endpoint("10.0.0.1:80"), .attempted = 9, .by_cause = {{Cause::kPortClosed, 3}}}};
  batch.health.emplace();
  batch.health->version = "0.1";
  batch.health->ports = {"eth1"};
  batch.health->counters = {{"outcome.ok", 5}};
  batch.health->losses = {{100, 1, 2, 3, 4, 5}};
  batch.health->blind_seconds = 7;
  batch.sent_ns = kStart;
  batch.last = true;
  return batch;
}

TEST(CleanText, KeepsTextAndReplacesTheRest) {
  EXPECT_EQ(clean_text("http.status=503", 64), "http.status=503");
  EXPECT_EQ(clean_text("b\xc3\xbc"
                       "cher.example",
                       64),
            "b\xc3\xbc"
            "cher.example");
  EXPECT_EQ(clean_text("a\x1b[31m", 64), "a\xef\xbf\xbd[31m");  // no terminal codes
  EXPECT_EQ(clean_text("\xc2\x9b"
                       "31m",
                       64),
            "\xef\xbf\xbd"
            "31m");  // C1 control
  EXPECT_EQ(clean_text("\xff\xc0\x80", 64), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(clean_text("\xed\xa0\x80", 64).size(), 9u);               // surrogate
  EXPECT_EQ(clean_text("\xe2\x82", 64), "\xef\xbf\xbd\xef\xbf\xbd");  // cut short
  EXPECT_EQ(clean_text("abc\xc3\xbc", 4), "abc");                     // never half a character
  EXPECT_EQ(clean_text(std::string_view("a\0b", 3), 64),
            "a\xef\xbf\xbd"
            "b");
}

TEST(Decode, GivesBackWhatWasSent) {
  const model::Batch sent = sample(100);
  const Decoded got = decode(bytes_of(sent));
  ASSERT_TRUE(got.batch) << got.refusal;
  EXPECT_EQ(got.batch->sensor, "fra1");
  EXPECT_EQ(got.batch->sequence, 7u);
  EXPECT_TRUE(got.batch->last);
  EXPECT_EQ(got.unknown_values, 0u);
  ASSERT_EQ(got.batch->events.size(), 100u);
  for (size_t i = 0; i < 100; ++i) {
    const model::Event& a = sent.events[i];
    const model::Event& b = got.batch->events[i];
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.time_ns, b.time_ns);
    EXPECT_EQ(a.client, b.client);
    EXPECT_EQ(a.server, b.server);
    EXPECT_EQ(a.cause, b.cause);
    EXPECT_DOUBLE_EQ(a.confidence, b.confidence);  // a float on the wire, ten-thousandths again here
    EXPECT_EQ(a.evidence.size(), b.evidence.size());
    EXPECT_EQ(a.timeline.size(), b.timeline.size());
    EXPECT_EQ(a.meanings, b.meanings);
    EXPECT_EQ(a.server_name, b.server_name);
    EXPECT_EQ(a.flags, b.flags);
    EXPECT_EQ(a.count, b.count);
  }
  EXPECT_EQ(got.batch->services.at(0).by_cause.at(0).count, 3u);
  EXPECT_EQ(got.batch->health->counters.at(0).name, "outcome.ok");
  ASSERT_EQ(got.batch->health->losses.size(), 1u);
  EXPECT_EQ(got.batch->health->losses[0].second, 100u);
  EXPECT_EQ(got.batch->health->losses[0].ring_dropped_events, 5u);
  EXPECT_EQ(got.batch->health->blind_seconds, 7u);
}

TEST(Decode, UnalignedBytesAreFine) {
  const auto bytes = bytes_of(sample(10));
  for (size_t shift = 0; shift < 8; ++shift) {
    std::vector<uint8_t> moved(shift);
    moved.insert(moved.end(), bytes.begin(), bytes.end());
    EXPECT_TRUE(decode(std::span(moved).subspan(shift)).batch);
  }
}

TEST(Decode, RefusesWhatIsNoBatch) {
  EXPECT_THAT(decode({}).refusal, HasSubstr("not a batch"));
  const std::vector<uint8_t> junk(1000, 0x5a);
  EXPECT_THAT(decode(junk).refusal, HasSubstr("not a batch: 1000 bytes"));
  EXPECT_THAT(decode(std::vector<uint8_t>(kMaxBatchBytes + 1)).refusal, HasSubstr("at most"));
}

// Every truncation and many single-byte changes: refused or decoded, never a crash or a read outside.
TEST(Decode, DamagedBytesNeverCrash) {
  const auto bytes = bytes_of(sample(5));
  size_t refused = 0;
  for (size_t n = 0; n < bytes.size(); ++n) {
    const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n));
    if (!decode(cut).batch) ++refused;
  }
  EXPECT_GT(refused, bytes.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i)
    for (const unsigned change : {0x01u, 0x80u, 0xffu}) {
      auto damaged = bytes;
      damaged[i] = static_cast<uint8_t>(damaged[i] ^ change);
      const Decoded got = decode(damaged);
      EXPECT_NE(got.batch.has_value(), !got.refusal.empty());
    }
}

TEST(Decode, RefusesBadContentButNamesTheBatch) {
  model::Batch batch = sample(1);
  batch.sensor = "two words";
  const Decoded got = decode(bytes_of(batch));
  EXPECT_THAT(got.refusal, HasSubstr("sensor name \"two words\""));
  EXPECT_EQ(got.sequence, 7u);
  batch.sensor = "x";
  batch.sequence = 0;
  EXPECT_THAT(decode(bytes_of(batch)).refusal, HasSubstr("sequence 0"));
  batch = sample(1);
  batch.events[0].evidence.resize(kMaxFacts + 1);
  EXPECT_THAT(decode(bytes_of(batch)).refusal, HasSubstr("129 facts in one event; at most 128"));
}

TEST(Decode, RefusesNewerSchemaAndMissingEndpoints) {
  flatbuffers::FlatBufferBuilder b;
  const auto sensor = b.CreateString("x");
  b.Finish(fb::CreateBatch(b, 2, sensor, 1, 1, 1));
  EXPECT_THAT(decode({b.GetBufferPointer(), b.GetSize()}).refusal, HasSubstr("batch schema 2"));
  flatbuffers::FlatBufferBuilder c;
  const auto events = c.CreateVector(std::vector{fb::CreateEvent(c, 1)});
  const auto name = c.CreateString("x");
  c.Finish(fb::CreateBatch(c, 1, name, 1, 1, 1, 0, events));
  EXPECT_THAT(decode({c.GetBufferPointer(), c.GetSize()}).refusal, HasSubstr("event 0 has no client"));
}

TEST(Decode, NewerValuesAreTakenAsUnknown) {
  model::Batch batch = sample(1);
  model::Event& e = batch.events[0];
  e.cause = static_cast<Cause>(217);
  e.stage = static_cast<Stage>(99);
  e.meanings.clear();
  e.evidence = {{static_cast<FactId>(60000), 5, -7}};
  const Decoded got = decode(bytes_of(batch));
  ASSERT_TRUE(got.batch);
  const model::Event& g = got.batch->events[0];
  EXPECT_EQ(g.cause, Cause::kUnknown);
  EXPECT_EQ(g.stage, Stage::kUnknown);
  EXPECT_EQ(g.meanings, std::vector<std::string>{"unknown_cause=217"});
  EXPECT_EQ(g.evidence.at(0).id, static_cast<FactId>(60000));  // a fact we cannot name is still a fact
  EXPECT_EQ(got.unknown_values, 2u);
}

TEST(Decode, NumbersAreCutToWhatAStoreHolds) {
  model::Batch batch = sample(1);
  model::Event& e = batch.events[0];
  e.time_ns = UINT64_MAX;
  e.start_ns = UINT64_MAX;
  e.count = UINT64_MAX;
  e.idle_ns = UINT64_MAX;
  e.confidence = std::nan("");
  e.second_confidence = 1e30;
  const Decoded got = decode(bytes_of(batch));
  ASSERT_TRUE(got.batch);
  const model::Event& g = got.batch->events[0];
  EXPECT_EQ(g.time_ns, static_cast<uint64_t>(INT64_MAX));
  EXPECT_EQ(g.count, 1ull << 53);
  EXPECT_EQ(g.confidence, 0);
  EXPECT_EQ(g.second_confidence, 1);
  batch.events[0].count = 0;
  EXPECT_EQ(decode(bytes_of(batch)).batch->events[0].count, 1u);
}

// A few kilobytes whose tables all point to one long list would unpack to gigabytes.
TEST(Decode, RefusesListsSharedByManyEvents) {
  flatbuffers::FlatBufferBuilder b;
  const auto facts = b.CreateVectorOfStructs(std::vector<fb::Fact>(kMaxFacts));
  const fb::Endpoint end{};
  std::vector<flatbuffers::Offset<fb::Event>> events;
  for (int i = 0; i < 20'000; ++i) {
    fb::EventBuilder event(b);
    event.add_client(&end);
    event.add_server(&end);
    event.add_evidence(facts);
    events.push_back(event.Finish());
  }
  const auto all = b.CreateVector(events);
  const auto name = b.CreateString("x");
  b.Finish(fb::CreateBatch(b, 1, name, 1, 1, 1, 0, all));
  EXPECT_THAT(decode({b.GetBufferPointer(), b.GetSize()}).refusal, HasSubstr("unpacks to more"));
}

TEST(Ack, IsAFlatBuffer) {
  const std::string bytes = encode_ack({3, 9, AckCode::kRefused, "why"});
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  ASSERT_TRUE(verifier.VerifyBuffer<fb::Ack>(nullptr));
  const auto* ack = flatbuffers::GetRoot<fb::Ack>(bytes.data());
  EXPECT_EQ(ack->boot(), 3u);
  EXPECT_EQ(ack->sequence(), 9u);
  EXPECT_EQ(ack->code(), fb::AckCode::refused);
  EXPECT_EQ(ack->text()->str(), "why");
}

}  // namespace
}  // namespace rs::ingest
