// SPDX-License-Identifier: Apache-2.0
//
// The service over a real server and the generated client, as a sensor sees it.
#include "control/ingest/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <thread>

#include "control/ingest/decode.h"
#include "control/ingest/wire.h"
#include "control/model/sample_events.h"
#include "control/store/sqlite/sqlite_store.h"
#include "proto/event.grpc.fb.h"

namespace rs::ingest {
namespace {

using ::testing::HasSubstr;
namespace fb = resetscope::event;
using Message = flatbuffers::grpc::Message<fb::Batch>;
using AckMessage = flatbuffers::grpc::Message<fb::Ack>;

constexpr uint64_t kStart = 1'700'000'000'000'000'000;

class Sensor {
 public:
  explicit Sensor(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(fb::Ingest::NewStub(channel)), stream_(stub_->Publish(&context_)) {}

  bool send(const model::Batch& batch) {
    flatbuffers::grpc::MessageBuilder builder;
    builder.Finish(testing::wire(builder, batch));
    return stream_->Write(builder.ReleaseMessage<fb::Batch>());
  }
  bool send_raw(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    return stream_->Write(Message(slice));
  }
  struct Got {
    uint64_t sequence;
    fb::AckCode code;
    std::string text;
  };
  std::optional<Got> ack() {
    AckMessage message;
    if (!stream_->Read(&message)) return std::nullopt;
    const fb::Ack* a = message.GetRoot();
    return Got{a->sequence(), a->code(), a->text() == nullptr ? "" : a->text()->str()};
  }
  grpc::Status finish() {
    stream_->WritesDone();
    while (ack()) {
    }
    return stream_->Finish();
  }
  grpc::Status status() { return stream_->Finish(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<fb::Ingest::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<Message, AckMessage>> stream_;
};

class IngestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = std::move(*store::sqlite::open({":memory:", 0, 0}));
    service_ = std::make_unique<Service>(*store_, presence_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxBatchBytes) + 4096);
    const std::string address = "unix:" + ::testing::TempDir() + "ingest_test_" + std::to_string(getpid()) + ".sock";
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    ASSERT_TRUE(server_);
    channel_ = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  }
  void TearDown() override {
    service_->stop();
    server_->Shutdown();
    server_.reset();
    service_.reset();
    store_.reset();
  }

  model::SampleEvents samples_{1};
  std::unique_ptr<store::Store> store_;
  model::Presence presence_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(IngestTest, StoresThenAcknowledges) {
  Sensor sensor(channel_);
  for (uint64_t i = 1; i <= 100; ++i) ASSERT_TRUE(sensor.send(samples_.batch("fra1", i, 20, kStart)));
  for (uint64_t i = 1; i <= 100; ++i) {
    const auto ack = sensor.ack();
    ASSERT_TRUE(ack);
    EXPECT_EQ(ack->sequence, i);
    EXPECT_EQ(ack->code, fb::AckCode::stored);
  }
  EXPECT_EQ(store_->info()->events, 2000u);  // every acknowledged event is there
  EXPECT_TRUE(presence_.is_connected("fra1"));
  EXPECT_TRUE(sensor.finish().ok());
}

TEST_F(IngestTest, BadBytesAreRefusedAndTheStreamLives) {
  Sensor sensor(channel_);
  ASSERT_TRUE(sensor.send(samples_.batch("fra1", 1, 5, kStart)));
  ASSERT_TRUE(sensor.send_raw(std::string(5000, '\x5a')));
  ASSERT_TRUE(sensor.send_raw(""));
  model::Batch other = samples_.batch("ams2", 1, 5, kStart);
  ASSERT_TRUE(sensor.send(other));
  ASSERT_TRUE(sensor.send(samples_.batch("fra1", 2, 5, kStart)));
  std::map<std::pair<fb::AckCode, uint64_t>, std::string> acks;  // refusals may overtake the disk
  for (int i = 0; i < 5; ++i) {
    const auto ack = sensor.ack();
    ASSERT_TRUE(ack);
    acks[{ack->code, ack->sequence}] = ack->text;
  }
  EXPECT_TRUE(acks.contains({fb::AckCode::stored, 1}));
  EXPECT_TRUE(acks.contains({fb::AckCode::stored, 2}));
  EXPECT_THAT((acks[{fb::AckCode::refused, 0}]), HasSubstr("not a batch"));
  EXPECT_THAT((acks[{fb::AckCode::refused, 1}]), HasSubstr("belongs to sensor fra1"));
  EXPECT_TRUE(sensor.finish().ok());
  EXPECT_EQ(store_->info()->events, 10u);
  EXPECT_EQ(service_->acknowledgements(AckCode::kRefused), 3u);
}

TEST_F(IngestTest, DuplicatesAndGaps) {
  Sensor sensor(channel_);
  const model::Batch batch = samples_.batch("fra1", 1, 5, kStart);
  sensor.send(batch);
  EXPECT_EQ(sensor.ack()->code, fb::AckCode::stored);
  sensor.send(batch);
  EXPECT_EQ(sensor.ack()->code, fb::AckCode::duplicate);
  sensor.send(samples_.batch("fra1", 4, 5, kStart));
  EXPECT_EQ(sensor.ack()->code, fb::AckCode::stored);
  EXPECT_EQ(store_->sensors()->at(0).missing_batches, 2u);
  EXPECT_EQ(store_->info()->events, 10u);
}

TEST_F(IngestTest, ResentAfterAReconnectCountsOnce) {
  const model::Batch batch = samples_.batch("fra1", 1, 5, kStart);
  {
    Sensor sensor(channel_);
    sensor.send(batch);
    sensor.ack();
    sensor.finish();
  }
  Sensor again(channel_);
  again.send(batch);
  EXPECT_EQ(again.ack()->code, fb::AckCode::duplicate);
  EXPECT_EQ(store_->info()->events, 5u);
}

TEST_F(IngestTest, NewerStreamOfOneNameWins) {
  Sensor older(channel_);
  older.send(samples_.batch("fra1", 1, 1, kStart));
  ASSERT_TRUE(older.ack());
  Sensor newer(channel_);
  newer.send(samples_.batch("fra1", 2, 1, kStart));
  ASSERT_TRUE(newer.ack());
  EXPECT_FALSE(older.ack());
  const grpc::Status status = older.status();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(status.error_message(), HasSubstr("newer stream of sensor fra1"));
  newer.send(samples_.batch("fra1", 3, 1, kStart));
  EXPECT_TRUE(newer.ack());
  EXPECT_TRUE(presence_.is_connected("fra1"));
  newer.finish();
  for (int i = 0; i < 200 && presence_.is_connected("fra1"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(presence_.is_connected("fra1"));
}

// A sensor that never reads its acknowledgements fills its window, not our memory.
TEST_F(IngestTest, UnreadAcknowledgementsStopTheReading) {
  Sensor sensor(channel_);
  std::atomic<uint64_t> sent = 0;
  std::thread sending([&] {
    while (sent < 2'000'000 && sensor.send_raw(std::string(2000, 'x'))) ++sent;
  });
  uint64_t before = 0;
  for (int still = 0; still < 10;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const uint64_t refused = service_->acknowledgements(AckCode::kRefused);
    still = refused == before ? still + 1 : 0;
    before = refused;
  }
  EXPECT_LT(sent, 2'000'000u);
  service_->stop();
  sending.join();
}

TEST_F(IngestTest, StopEndsStreamsWithAStatus) {
  Sensor sensor(channel_);
  sensor.send(samples_.batch("fra1", 1, 1, kStart));
  ASSERT_TRUE(sensor.ack());
  service_->stop();
  EXPECT_FALSE(sensor.ack());
  EXPECT_EQ(sensor.status().error_code(), grpc::StatusCode::UNAVAILABLE);
  Sensor late(channel_);
  EXPECT_FALSE(late.ack());
  EXPECT_THAT(late.status().error_message(), HasSubstr("shutting down"));
}

TEST_F(IngestTest, ManySensorsAtOnce) {
  constexpr uint64_t kBatches = 50;
  std::vector<std::thread> threads;
  for (int n = 0; n < 8; ++n)
    threads.emplace_back([this, n] {
      model::SampleEvents samples(100 + static_cast<uint64_t>(n));
      Sensor sensor(channel_);
      for (uint64_t i = 1; i <= kBatches; ++i) sensor.send(samples.batch("s" + std::to_string(n), i, 50, kStart));
      for (uint64_t i = 1; i <= kBatches; ++i) EXPECT_TRUE(sensor.ack());
      EXPECT_TRUE(sensor.finish().ok());
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_->info()->events, 8 * kBatches * 50);
  EXPECT_EQ(store_->sensors()->size(), 8u);
}

}  // namespace
}  // namespace rs::ingest
