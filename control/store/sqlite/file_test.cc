// SPDX-License-Identifier: Apache-2.0
//
// What only a file can suffer: damage, foreign files, a full disk, SIGKILL, age and size.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "control/model/sample_events.h"
#include "control/store/sqlite/database.h"
#include "control/store/sqlite/sqlite_store.h"

namespace rs::store {
namespace {

using testing::HasSubstr;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kHour = 3600 * kSecond;

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

class FileTest : public testing::Test {
 protected:
  void SetUp() override { remove_files(); }
  void TearDown() override { remove_files(); }
  void remove_files() const {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  }
  std::unique_ptr<Store> open(uint64_t retention_ns = 0, uint64_t max_bytes = 0) {
    auto opened = sqlite::open({path_, retention_ns, max_bytes});
    EXPECT_TRUE(opened) << opened.error().text;
    return std::move(*opened);
  }
  std::string refusal() {
    const auto opened = sqlite::open({path_, 0, 0});
    EXPECT_FALSE(opened);
    return opened ? "" : opened.error().text;
  }
  static std::future<Written> write(Store& store, model::Batch batch) {
    auto promise = std::make_shared<std::promise<Written>>();
    store.write(std::move(batch), [promise](const Written& w) { promise->set_value(w); });
    return promise->get_future();
  }

  model::SampleEvents samples_{1};
  std::string path_ = testing::TempDir() + "file_test_" + std::to_string(getpid()) + ".db";
};

TEST_F(FileTest, SurvivesAReopening) {
  for (uint64_t i = 1; i <= 3; ++i) {
    auto store = open();
    EXPECT_EQ(write(*store, samples_.batch("fra1", i, 100, kHour)).get().outcome, Outcome::kStored);
    EXPECT_EQ(store->info()->events, i * 100);
    EXPECT_EQ(store->newest_cursor(), i * 100);
  }
}

TEST_F(FileTest, DestroyingStoresWhatWaits) {
  std::vector<std::future<Written>> all;
  {
    auto store = open();
    for (uint64_t i = 1; i <= 50; ++i) all.push_back(write(*store, samples_.batch("fra1", i, 100, kHour)));
  }
  for (auto& one : all) EXPECT_EQ(one.get().outcome, Outcome::kStored);
  EXPECT_EQ(open()->info()->events, 5000u);
}

TEST_F(FileTest, RefusesDamageWithAdvice) {
  {
    auto store = open();
    write(*store, samples_.batch("fra1", 1, 3000, kHour)).get();
  }
  {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    const auto size = static_cast<long>(std::filesystem::file_size(path_));
    for (long at = size / 2 / 4096 * 4096; at + 4096 < size; at += 4096 * 5) {  // beyond the schema, among the rows
      file.seekp(at);
      file << std::string(512, '\x77');
    }
  }
  const std::string text = refusal();
  EXPECT_THAT(text, HasSubstr(path_ + " is damaged: "));
  EXPECT_THAT(text, HasSubstr(".recover"));
}

TEST_F(FileTest, RefusesForeignFilesAndLeavesThemAlone) {
  const std::string words =
      "this is a letter, not a database, and it is long enough to have a header's length and more than that, too.";
  std::ofstream(path_) << words;
  EXPECT_THAT(refusal(), HasSubstr("is no usable database"));
  std::string kept;
  std::getline(std::ifstream(path_), kept);
  EXPECT_EQ(kept, words);
  remove_files();
  auto other = sqlite::Connection::open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  ASSERT_TRUE(other->execute("CREATE TABLE recipe(name TEXT)"));
  EXPECT_THAT(refusal(), HasSubstr("database of another program"));
}

TEST_F(FileTest, RefusesANewerSchemaAndAMissingFolder) {
  open();
  {
    auto db = sqlite::Connection::open(path_, SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(db->execute("PRAGMA user_version = 99"));
  }
  EXPECT_THAT(refusal(), HasSubstr("schema version 99, newer than this program's"));
  const auto nowhere = sqlite::open({"/nonexistent/events.db", 0, 0});
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().text, HasSubstr("the folder /nonexistent does not exist"));
}

// A file-size limit is the kernel's refusal to write more, as a full disk is.
TEST_F(FileTest, FullDiskHoldsTheBatchUntilThereIsRoom) {
  auto store = open();
  ASSERT_EQ(write(*store, samples_.batch("fra1", 1, 100, kHour)).get().outcome, Outcome::kStored);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{std::filesystem::file_size(path_ + "-wal") + 8192, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  auto held = write(*store, samples_.batch("fra1", 2, 5000, kHour));
  const bool answered = held.wait_for(std::chrono::milliseconds(1500)) == std::future_status::ready;
  const std::string trouble = store->trouble();
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(answered);
  EXPECT_THAT(trouble, HasSubstr("cannot write to " + path_));
  EXPECT_EQ(store->info()->events, 100u);  // readers see the last good state
  EXPECT_EQ(held.get().outcome, Outcome::kStored);
  EXPECT_EQ(store->trouble(), "");
  EXPECT_EQ(store->info()->events, 5100u);
}

TEST_F(FileTest, FullDiskAtTheEndAnswersAborted) {
  std::future<Written> held;
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  {
    auto store = open();
    const rlimit tight{std::filesystem::file_size(path_ + "-wal") + 8192, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    held = write(*store, samples_.batch("fra1", 1, 5000, kHour));
    while (store->trouble().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(held.get().outcome, Outcome::kAborted);
  EXPECT_EQ(open()->info()->events, 0u);
}

// More than two segments of the lookup, the newest unfinished: what it finds is what reading along finds.
TEST_F(FileTest, LookupFindsWhatReadingAlongFinds) {
  auto store = open();
  for (uint64_t i = 1; i <= 14; ++i) write(*store, samples_.batch("fra1", i, 10'000, i * kHour)).get();
  const auto ip = [](const char* text) { return model::Value(model::Prefix{*model::parse_ip(text), 128}); };
  const auto client = model::test(model::Field::kClientIp, model::Op::kEq, ip("192.168.0.77"));
  const auto server = model::test_in(model::Field::kServerIp, {ip("10.0.2.3"), ip("2001:db8::4")});
  const auto reset = model::test(model::Field::kEnding, model::Op::kEq, static_cast<uint64_t>(Ending::kReset));
  // NOT NOT says the same and has no keys.
  const auto plainly = [](const model::Filter& f) { return model::negate(model::negate(f)); };
  for (int round = 0; round < 2; ++round) {
    for (const model::Filter& filter : {client, model::all_of({server, reset}), model::any_of({client, server})})
      for (const bool newest_first : {false, true})
        for (const size_t limit : {size_t{1}, size_t{50}, size_t{100'000}}) {
          std::vector<uint64_t> found[2];
          for (const bool plain : {false, true}) {
            ListQuery query;
            query.filter = plain ? plainly(filter) : filter;
            query.newest_first = newest_first;
            query.limit = limit;
            query.range = {2 * kHour, 14 * kHour};
            query.brief = true;
            ASSERT_TRUE(store->list(query, {}, [&](const model::Event& e) {
              found[plain].push_back(e.cursor);
              return true;
            }));
          }
          EXPECT_FALSE(found[0].empty());
          EXPECT_EQ(found[0], found[1]);
        }
    double sums[2] = {0, 0};
    for (const bool plain : {false, true}) {
      AggregateQuery query;
      query.filter = plain ? plainly(client) : client;
      const auto groups = store->aggregate(query, {});
      ASSERT_TRUE(groups);
      for (const Group& group : *groups) sums[plain] += group.value;
    }
    EXPECT_GT(sums[0], 0);
    EXPECT_EQ(sums[0], sums[1]);
    for (const bool newest_first : {false, true}) {
      ListQuery query;
      query.limit = 3;
      query.newest_first = newest_first;
      std::vector<uint64_t> ids;
      ASSERT_TRUE(store->list(query, {}, [&](const model::Event& e) {
        ids.push_back(e.id);
        return true;
      }));
      for (const uint64_t id : ids) EXPECT_EQ((*store->get(id))->id, id);
    }
    EXPECT_FALSE(*store->get(1));
    store.reset();
    store = open();
  }
}

// A store of schema version 2, as the program before this one left it, is taken over whole.
TEST_F(FileTest, OlderStoresAreTakenOver) {
  {
    auto store = open();
    for (uint64_t i = 1; i <= 8; ++i) write(*store, samples_.batch("fra1", i, 10'000, i * kHour)).get();
  }
  double before = 0;
  {
    auto store = open();
    const auto groups = store->aggregate({}, {});
    for (const Group& group : *groups) before += group.value;
  }
  {
    auto db = sqlite::Connection::open(path_, SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(
        db->execute("DELETE FROM segment; DELETE FROM lookup; DELETE FROM rollup_10s; DELETE FROM rollup_1m;"
                    "DELETE FROM rollup_1h; DELETE FROM total_10s; DELETE FROM total_1m; DELETE FROM total_1h;"
                    "UPDATE meta SET value = 1 WHERE key = 'sums_missing'"));
  }
  auto store = open();
  double after = 0;
  const auto groups = store->aggregate({}, {});
  for (const Group& group : *groups) after += group.value;
  EXPECT_EQ(after, before);
  EXPECT_GT(after, 80'000);
  ListQuery query;
  query.filter = model::test(model::Field::kClientIp, model::Op::kEq,
                             model::Value(model::Prefix{*model::parse_ip("192.168.0.77"), 128}));
  size_t found = 0;
  ASSERT_TRUE(store->list(query, {}, [&](const model::Event&) { return ++found > 0; }));
  EXPECT_GT(found, 10u);
}

// Whatever was acknowledged before SIGKILL is there after it, once, however often this happens.
TEST_F(FileTest, KilledAtAnyInstantLosesAndDoublesNothing) {
  uint64_t acknowledged = 0;
  for (int round = 0; round < 10; ++round) {
    int report[2];
    ASSERT_EQ(pipe(report), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto opened = sqlite::open({path_, 0, 0});
      model::SampleEvents samples(7);  // the same events every time, as a sensor's spool has them
      for (uint64_t i = 1; opened; ++i)
        (*opened)->write(samples.batch("fra1", i, 20, kHour),
                         [&report, i](const Written&) { (void)!::write(report[1], &i, sizeof i); });
      _exit(1);
    }
    close(report[1]);
    std::this_thread::sleep_for(std::chrono::milliseconds(30 + 17 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (uint64_t sequence = 0; read(report[0], &sequence, sizeof sequence) == sizeof sequence;)
      acknowledged = std::max(acknowledged, sequence);
    close(report[0]);

    auto store = open();
    const uint64_t events = store->info()->events;
    EXPECT_GE(events, acknowledged * 20);
    EXPECT_EQ(events % 20, 0u);  // whole batches only
    uint64_t rows = 0;
    uint64_t endings = 0;
    ListQuery query;
    query.limit = SIZE_MAX >> 1;
    ASSERT_TRUE(store->list(query, {}, [&](const model::Event& e) {
      ++rows;
      endings += e.count;
      return true;
    }));
    EXPECT_EQ(rows, events);
    EXPECT_EQ(store->info()->endings, endings);
    const auto groups = store->aggregate({}, {});
    double rolled = 0;
    for (const Group& group : *groups) rolled += group.value;
    EXPECT_EQ(rolled, static_cast<double>(endings));
  }
  EXPECT_GT(acknowledged, 0u);
}

TEST_F(FileTest, RetentionByAgeOfArrivalTakesWholeHours) {
  auto store = open(24 * kHour);
  model::Batch old = samples_.batch("fra1", 1, 12'000, 5 * kHour);  // more than one step of retention
  old.received_ns = now_ns() - 48 * kHour;
  model::Batch capture = samples_.batch("fra1", 2, 100, 9 * kHour);  // traffic as old, but read just now
  capture.received_ns = now_ns();
  write(*store, old).get();
  write(*store, capture).get();
  for (int i = 0; i < 100 && store->info()->events > 100; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(store->info()->events, 100u);
  for (const bool rollups : {true, false}) {
    AggregateQuery query;
    query.rollups = rollups;
    const auto groups = store->aggregate(query, {});
    double value = 0;
    for (const Group& group : *groups) value += group.value;
    EXPECT_EQ(value, static_cast<double>(store->info()->endings));
  }
}

TEST_F(FileTest, RetentionBySizeKeepsTheNewest) {
  auto store = open(0, 6 << 20);
  for (uint64_t i = 1; i <= 10; ++i) {
    model::Batch batch = samples_.batch("fra1", i, 2000, i * kHour);
    batch.received_ns = i * kHour;
    write(*store, batch).get();
  }
  for (int i = 0; i < 100 && store->info()->bytes > 6 << 20; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const auto info = store->info();
  EXPECT_LE(info->bytes, 6u << 20);
  EXPECT_GT(info->events, 0u);
  EXPECT_GT(*info->oldest_ns, kHour);
  EXPECT_GE(*info->newest_ns, 10 * kHour);
}

}  // namespace
}  // namespace rs::store
