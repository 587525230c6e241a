// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/exporter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "dataplane/event/output.h"
#include "dataplane/event/target.h"
#include "dataplane/event/test_control.h"
#include "dataplane/event/test_items.h"

namespace rs::event {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::Control;
using test::kStart;
using test::Mode;
using test::Storage;

const auto kQuiet = [] {
  spdlog::set_level(spdlog::level::off);
  return true;
}();

constexpr int kReportFd = 9;  // where a child says what it has spooled

template <class F>
bool eventually(F condition, std::chrono::milliseconds limit = 10s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

class ExporterTest : public testing::Test {
 protected:
  ExporterTest() {
    std::string name = (fs::temp_directory_path() / "exporter_test.XXXXXX").string();
    dir_ = mkdtemp(name.data());
    address_ = "unix:" + dir_ + "/s";
    config_.server = address_;
    config_.sensor = "sensor";
    config_.boot = 1000;
    config_.when_full = WhenFull::kWait;
    config_.seal_after = 5ms;
    config_.spool_dir = dir_ + "/spool";
    config_.uplink.backoff_first = 10ms;
    config_.uplink.backoff_most = 100ms;
  }
  ~ExporterTest() override {
    exporter_.reset();
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  void begin(size_t workers = 1, size_t ring_size = 256) {
    rings_.clear();
    outputs_.clear();
    std::vector<Ring*> rings;
    for (size_t i = 0; i < workers; ++i) {
      rings_.push_back(std::make_unique<Ring>(ring_size));
      rings.push_back(rings_.back().get());
      OutputConfig output;
      output.worker = static_cast<uint16_t>(i);
      output.when_full = config_.when_full;
      output.condenser.fold = false;
      outputs_.push_back(std::make_unique<Output>(output, *rings_.back()));
      outputs_.back()->advance(kStart);
    }
    auto made = Exporter::create(config_, rings,
                                 [] { return Health{.version = "1", .ports = {"p"}, .counters = {}, .losses = {}}; });
    ASSERT_TRUE(made) << made.error().text;
    exporter_ = std::move(*made);
    exporter_->start();
  }
  // Puts events with the ids first, first + 1, …
  void put(uint64_t first, uint64_t count, size_t worker = 0) {
    for (uint64_t i = 0; i < count; ++i) outputs_[worker]->ending(test::reset(kStart, first + i));
  }
  void expect_ids(uint64_t count) {
    const std::lock_guard lock(storage_.mutex);
    EXPECT_EQ(storage_.ids.size(), count);
    EXPECT_EQ(std::set<uint64_t>(storage_.ids.begin(), storage_.ids.end()).size(), count) << "each once";
    if (!storage_.ids.empty()) {
      EXPECT_EQ(*storage_.ids.begin(), 1U);
      EXPECT_EQ(*storage_.ids.rbegin(), count);
    }
  }
  std::string dir_;
  std::string address_;
  ExporterConfig config_;
  Storage storage_;
  std::vector<std::unique_ptr<Ring>> rings_;
  std::vector<std::unique_ptr<Output>> outputs_;
  std::unique_ptr<Exporter> exporter_;
};

TEST_F(ExporterTest, AllArrivesOnceInOrderAndIsDrained) {
  Control control(address_, storage_);
  ASSERT_TRUE(control.running());
  config_.input = 55;
  begin(2);
  EXPECT_EQ(exporter_->input(), 55U);
  std::thread other([&] {
    put(5001, 5000, 1);
    outputs_[1]->finish(kStart);
  });
  put(1, 5000);
  EXPECT_FALSE(exporter_->drain(20ms)) << "input has not ended";
  outputs_[0]->finish(kStart);
  other.join();
  ASSERT_TRUE(exporter_->drain(10s));
  exporter_->stop();
  expect_ids(10000);
  const std::lock_guard lock(storage_.mutex);
  EXPECT_EQ(storage_.endings, 10000U);
  EXPECT_EQ(storage_.lasts, 1U);
  EXPECT_EQ(storage_.service_items, 2U) << "one service of each worker";
  EXPECT_GE(storage_.healths, 2U) << "at the start and at the end";
  EXPECT_EQ(storage_.counters["export_events"] + storage_.batches[storage_.order.back()].size(), 10000U);
  for (size_t i = 0; i < storage_.order.size(); ++i) {
    EXPECT_EQ(storage_.order[i], std::make_pair(uint64_t{1000}, uint64_t{i + 1}));
  }
  EXPECT_EQ(exporter_->stats().spool.waiting_batches, 0U);
  EXPECT_EQ(exporter_->stats().uplink.duplicate_batches, 0U);
}

TEST_F(ExporterTest, WaitsForAControlPlaneThatComesLater) {
  begin();
  put(1, 100);
  std::this_thread::sleep_for(200ms);
  Control control(address_, storage_);
  outputs_[0]->finish(kStart);
  ASSERT_TRUE(exporter_->drain(10s));
  expect_ids(100);
}

TEST_F(ExporterTest, AControlPlaneThatDiesAndComesBackAgainAndAgain) {
  config_.batch_items = 50;
  config_.spool_dir.clear();
  begin();
  std::thread feeder([&] {
    for (uint64_t i = 0; i < 100; ++i) {
      put(i * 100 + 1, 100);
      std::this_thread::sleep_for(3ms);
    }
    outputs_[0]->finish(kStart);
  });
  for (int round = 0; round < 8; ++round) {
    Control control(address_, storage_);
    ASSERT_TRUE(control.running());
    std::this_thread::sleep_for(40ms);
    control.stop();
  }
  Control control(address_, storage_);
  feeder.join();
  ASSERT_TRUE(exporter_->drain(20s));
  expect_ids(10000);
  const std::lock_guard lock(storage_.mutex);
  for (size_t i = 0; i < storage_.order.size(); ++i) EXPECT_EQ(storage_.order[i].second, i + 1) << "in order";
  EXPECT_GT(exporter_->stats().uplink.streams, 1U);
}

TEST_F(ExporterTest, StoredButNotAcknowledgedIsSentAgainAndCountsOnce) {
  Control control(address_, storage_, Mode::kStoreNoAck);
  config_.batch_items = 10;
  begin();
  put(1, 100);
  outputs_[0]->finish(kStart);
  EXPECT_TRUE(eventually([&] { return control.streams > 3; }));
  control.set_mode(Mode::kAck);
  ASSERT_TRUE(exporter_->drain(10s));
  expect_ids(100);
  const std::lock_guard lock(storage_.mutex);
  EXPECT_GT(storage_.duplicates, 0U);
  EXPECT_GT(exporter_->stats().uplink.duplicate_batches, 0U);
}

TEST_F(ExporterTest, AStreamThatEndsAfterEachFewBatches) {
  Control control(address_, storage_);
  control.set_limit(3);
  config_.batch_items = 10;
  begin();
  put(1, 200);
  outputs_[0]->finish(kStart);
  for (int i = 0; i < 200 && !exporter_->drain(50ms); ++i) control.set_limit(3);
  ASSERT_TRUE(exporter_->drain(1s));
  expect_ids(200);
}

TEST_F(ExporterTest, RefusedBatchesAreDroppedAndCounted) {
  Control control(address_, storage_, Mode::kRefuse);
  config_.batch_items = 10;
  begin();
  put(1, 100);
  ASSERT_TRUE(eventually([&] { return exporter_->stats().uplink.refused_events == 100; }));
  control.set_mode(Mode::kAck);
  put(101, 1);
  outputs_[0]->finish(kStart);
  ASSERT_TRUE(exporter_->drain(10s));
  const std::lock_guard lock(storage_.mutex);
  EXPECT_EQ(storage_.ids.size(), 1U);
  const auto stats = exporter_->stats();
  EXPECT_GE(stats.uplink.refused_batches, 10U);
  EXPECT_EQ(stats.spool.lost_batches, 0U) << "refused is not lost";
  EXPECT_EQ(storage_.counters["export_refused_events"], 100U);
}

TEST_F(ExporterTest, GarbageAnswersNeitherCrashNorWedge) {
  for (const Mode mode : {Mode::kWrongSequence, Mode::kUnknownCode, Mode::kGarbage, Mode::kFloodOfAcks, Mode::kError,
                          Mode::kSilent, Mode::kStalled}) {
    SCOPED_TRACE(static_cast<int>(mode));
    Storage fresh;
    auto control = std::make_optional<Control>(address_, fresh, mode);
    ASSERT_TRUE(control->running());
    config_.uplink.stall = 200ms;
    config_.spool_dir.clear();
    begin();
    put(1, 10);
    outputs_[0]->finish(kStart);
    EXPECT_FALSE(exporter_->drain(300ms));
    const auto stats = exporter_->stats();
    EXPECT_EQ(stats.uplink.acked_batches, 0U);
    if (mode == Mode::kWrongSequence || mode == Mode::kUnknownCode || mode == Mode::kFloodOfAcks) {
      EXPECT_GT(stats.uplink.bad_acks, 0U);
    }
    // The same server, come to its senses: without any help the stream is given up and made again.
    control->set_mode(Mode::kAck);
    EXPECT_TRUE(exporter_->drain(10s));
    {
      const std::lock_guard lock(fresh.mutex);
      EXPECT_EQ(fresh.ids.size(), 10U);
    }
    exporter_->stop();
    exporter_.reset();
  }
}

TEST_F(ExporterTest, StopDoesNotHangOnAServerThatDoesNotRead) {
  Control control(address_, storage_, Mode::kStalled);
  config_.spool_dir.clear();
  begin();
  put(1, 20000);
  const auto before = std::chrono::steady_clock::now();
  exporter_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 3s);
  EXPECT_EQ(exporter_->stats().spool.waiting_events, 20000U);
  put(20001, 300);  // nobody takes these any more: no wait, but a count
  EXPECT_EQ(outputs_[0]->sink_counters().dropped_events.get(), 300U - 256U);
}

TEST_F(ExporterTest, WhatWasNotTakenWaitsInTheSpoolForTheNextBoot) {
  begin();
  put(1, 500);
  exporter_->stop();
  exporter_.reset();
  config_.boot = 1001;
  Control control(address_, storage_);
  begin();
  put(501, 500);
  outputs_[0]->finish(kStart);
  ASSERT_TRUE(exporter_->drain(10s));
  expect_ids(1000);
  const std::lock_guard lock(storage_.mutex);
  EXPECT_EQ(storage_.order.front().first, 1000U) << "the earlier boot's first";
  EXPECT_EQ(storage_.order.back().first, 1001U);
  EXPECT_TRUE(std::is_sorted(storage_.order.begin(), storage_.order.end()));
  EXPECT_EQ(storage_.lasts, 1U);
}

// The part of the next test that is killed: a process of its own, this program started again.
TEST_F(ExporterTest, SensorToBeKilled) {
  const char* dir = std::getenv("RS_TEST_SPOOL");
  if (dir == nullptr) GTEST_SKIP() << "started by the next test only";
  const uint64_t round = std::strtoull(std::getenv("RS_TEST_ROUND"), nullptr, 10);
  config_.spool_dir = dir;
  config_.batch_items = 20;
  config_.boot = 1000 + round;
  begin();
  for (uint64_t i = 0;; i += 20) {
    put(round * 1'000'000 + i + 1, 20);
    const uint64_t spooled = exporter_->stats().events;
    if (write(kReportFd, &spooled, sizeof(spooled)) != sizeof(spooled)) return;
    std::this_thread::sleep_for(1ms);
  }
}

// The sensor is killed again and again; every event that reached the spool arrives, and once.
TEST_F(ExporterTest, KilledSensorLosesAndDoublesNothingThatWasSpooled) {
  std::vector<uint64_t> spooled_of_round;
  for (uint64_t round = 0; round < 5; ++round) {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    const std::string spool_variable = "RS_TEST_SPOOL=" + config_.spool_dir;
    const std::string round_variable = "RS_TEST_ROUND=" + std::to_string(round);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const int null = open("/dev/null", O_WRONLY);
      dup2(null, 1);
      dup2(fds[1], kReportFd);
      const char* arguments[] = {"exporter_test", "--gtest_filter=ExporterTest.SensorToBeKilled", nullptr};
      const char* environment[] = {spool_variable.c_str(), round_variable.c_str(), nullptr};
      execve("/proc/self/exe", const_cast<char**>(arguments), const_cast<char**>(environment));
      _exit(9);
    }
    close(fds[1]);
    uint64_t spooled = 0;
    for (uint64_t i = 0; i < 40 + round * 30; ++i) ASSERT_EQ(read(fds[0], &spooled, sizeof(spooled)), 8);
    kill(child, SIGKILL);
    uint64_t more = 0;
    while (read(fds[0], &more, sizeof(more)) == 8) spooled = more;
    close(fds[0]);
    waitpid(child, nullptr, 0);
    spooled_of_round.push_back(spooled);
  }
  Control control(address_, storage_);
  config_.boot = 2000;
  begin();
  outputs_[0]->finish(kStart);
  ASSERT_TRUE(exporter_->drain(20s));
  const std::lock_guard lock(storage_.mutex);
  for (uint64_t round = 0; round < spooled_of_round.size(); ++round) {
    uint64_t got = 0;
    for (auto it = storage_.ids.lower_bound(round * 1'000'000);
         it != storage_.ids.end() && *it <= (round + 1) * 1'000'000; ++it) {
      EXPECT_EQ(*it, round * 1'000'000 + ++got) << "without gap or double";
    }
    EXPECT_GE(got, spooled_of_round[round]);
    EXPECT_GT(spooled_of_round[round], 0U);
  }
}

TEST_F(ExporterTest, AFullSpoolHoldsFileInputBackAndLosesNothing) {
  config_.spool_dir.clear();
  config_.memory_max_bytes = 1U << 20;
  config_.batch_bytes = 100'000;
  begin();
  std::atomic<bool> all_put{false};
  std::thread feeder([&] {
    put(1, 20000);
    outputs_[0]->finish(kStart);
    all_put = true;
  });
  std::this_thread::sleep_for(300ms);
  EXPECT_FALSE(all_put) << "20,000 events are far more than 1 MiB";
  Control control(address_, storage_);
  feeder.join();
  ASSERT_TRUE(exporter_->drain(10s));
  expect_ids(20000);
  EXPECT_EQ(exporter_->stats().spool.lost_batches, 0U);
}

TEST_F(ExporterTest, AFullSpoolOfLiveInputLosesTheOldestAndSaysSo) {
  config_.when_full = WhenFull::kDrop;
  config_.spool_dir.clear();
  config_.memory_max_bytes = 1U << 20;
  config_.batch_bytes = 100'000;
  begin(1, 1U << 15);
  put(1, 20000);
  ASSERT_TRUE(eventually([&] { return exporter_->stats().events == 20000; }));
  const auto lost = exporter_->stats().spool;
  EXPECT_GT(lost.lost_batches, 0U);
  EXPECT_EQ(lost.lost_events + lost.waiting_events, 20000U);
  Control control(address_, storage_);
  outputs_[0]->finish(kStart);
  ASSERT_TRUE(exporter_->drain(10s));
  const std::lock_guard lock(storage_.mutex);
  EXPECT_EQ(storage_.ids.size() + exporter_->stats().spool.lost_events, 20000U);
  EXPECT_EQ(*storage_.ids.rbegin(), 20000U) << "the newest stay";
}

TEST_F(ExporterTest, HealthComesRegularlyAndWithoutEvents) {
  Control control(address_, storage_);
  config_.health_every = 50ms;
  begin();
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(storage_.mutex);
    return storage_.healths >= 4;
  }));
  const std::lock_guard lock(storage_.mutex);
  EXPECT_EQ(storage_.ids.size(), 0U);
}

TEST_F(ExporterTest, TcpLoopback) {
  Control control("127.0.0.1:0", storage_);
  ASSERT_TRUE(control.running());
  config_.server = "127.0.0.1:" + std::to_string(control.port());
  begin();
  put(1, 10);
  outputs_[0]->finish(kStart);
  ASSERT_TRUE(exporter_->drain(10s));
  expect_ids(10);
}

TEST_F(ExporterTest, ASpoolInUseIsAnErrorAtStart) {
  begin();
  auto second = Exporter::create(config_, {}, nullptr);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text.find("in use by another sensor"), std::string::npos);
}

TEST(Target, OnlyThisMachine) {
  for (const char* good : {"unix:/run/x.sock", "unix:///run/x.sock", "unix:relative", "unix-abstract:x", "127.0.0.1:1",
                           "127.200.3.4:65535", "[::1]:50051", "localhost:50051"}) {
    EXPECT_TRUE(target_of(good, false)) << good;
  }
  EXPECT_EQ(target_of("[::1]:7", false)->text, "ipv6:[::1]:7");
  for (const char* far : {"10.0.0.1:50051", "control.example.com:443", "[2001:db8::1]:1", "0.0.0.0:1", "128.0.0.1:1",
                          "127.0.0.1.example.com:1", "localhost.example.com:1", "127.1:1", "[::]:1", "::1.x:1",
                          "user@127.0.0.1:1", "dns:127.0.0.1:1"}) {
    const auto target = target_of(far, false);
    ASSERT_FALSE(target) << far;
    EXPECT_NE(target.error().text.find("without TLS"), std::string::npos) << target.error().text;
  }
  for (const char* bad :
       {"", "localhost", "localhost:", "localhost:0", "localhost:65536", "localhost:1x", "unix:", "127.0.0.1", ":"}) {
    EXPECT_FALSE(target_of(bad, false)) << bad;
    EXPECT_FALSE(target_of(bad, true)) << bad;
  }
  EXPECT_FALSE(target_of("unix:/" + std::string(200, 'x'), true));
  EXPECT_FALSE(target_of("unix:/x", true)->secure);
  EXPECT_TRUE(target_of("control.example:50061", true)->secure);
  EXPECT_EQ(target_of("10.0.0.1:7", true)->text, "ipv4:10.0.0.1:7");
}

}  // namespace
}  // namespace rs::event
