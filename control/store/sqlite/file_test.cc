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
#include <map>
#include <thread>
#include <tuple>

#include "control/model/sample_events.h"
#include "control/store/sqlite/database.h"
#include "control/store/sqlite/service_sums.h"
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

// A segment of the lookup and an unfinished one: what it finds is what reading along finds.
TEST_F(FileTest, LookupFindsWhatReadingAlongFinds) {
  auto store = open();
  for (uint64_t i = 1; i <= 7; ++i) write(*store, samples_.batch("fra1", i, 10'000, i * kHour)).get();
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
            query.range = {2 * kHour, 7 * kHour};
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

using Answer = std::map<std::array<Key, 2>, std::tuple<double, uint64_t, Cause, Origin>>;
Answer answer(Store& store, AggregateQuery query, bool from_rows) {
  query.rollups = !from_rows;
  const auto groups = store.aggregate(query, {});
  EXPECT_TRUE(groups) << groups.error().text;
  Answer out;
  for (const Group& g : *groups) out[g.keys] = {g.value, g.last_ns, g.top_cause, g.top_origin};
  return out;
}

// Sums that no rollup holds come from the columns, of finished segments and of the newest events, and are those of the
// rows: for every pair of dimensions, filter, metric and range.
void expect_columns_like_rows(Store& store) {
  const auto number = [](auto e) { return model::Value(static_cast<uint64_t>(e)); };
  const auto network = [](const char* text) { return model::Value(*model::parse_prefix(text)); };
  const auto severe = model::negate(model::test(model::Field::kSeverity, model::Op::kEq, number(Severity::kBenign)));
  const auto server = model::test(model::Field::kServerIp, model::Op::kEq, network("10.0.2.0/28"));
  const auto clients = model::test_in(model::Field::kClientIp, {network("192.168.1.0/24"), network("2001:db8:1::/48")});
  const auto sensor = model::test(model::Field::kSensor, model::Op::kEq, model::Value(std::string("fra1")));
  const std::vector<model::Filter> filters = {{}, severe, model::all_of({severe, server, clients}), sensor};
  const std::vector<std::vector<Dimension>> pairs = {{Dimension::kClientNetwork, Dimension::kServerNetwork},
                                                     {Dimension::kIdleTime, Dimension::kService},
                                                     {Dimension::kTime, Dimension::kClientNetwork},
                                                     {Dimension::kClientIp},
                                                     {Dimension::kClientIp, Dimension::kCause},
                                                     {Dimension::kSensor, Dimension::kIdleTime},
                                                     {Dimension::kPort, Dimension::kClientNetwork},
                                                     {Dimension::kIdleTime}};
  constexpr Metric kMetrics[] = {Metric::kEndings, Metric::kResets, Metric::kLostBytes};
  size_t groups = 0;
  for (size_t i = 0; i < pairs.size(); ++i)
    for (size_t k = 0; k < filters.size(); ++k) {  // metrics and ranges in turn: reading all rows is slow
      AggregateQuery query;
      query.filter = filters[k];
      query.by = pairs[i];
      query.metric = kMetrics[(i + k) % std::size(kMetrics)];
      if ((i + k / 2) % 2 == 1) query.range = {2 * kHour + 12'345, 3 * kHour + 678'901};
      query.step_ns = 600 * kSecond;
      const Answer rows = answer(store, query, true);
      EXPECT_EQ(answer(store, query, false), rows);
      groups += rows.size();
    }
  EXPECT_GT(groups, 2000u);
}

TEST_F(FileTest, ColumnsAgreeWithTheRows) {
  auto store = open();
  for (uint64_t i = 1; i <= 7; ++i)
    write(*store, samples_.batch(i % 2 == 0 ? "fra1" : "ams2", (i + 1) / 2, 10'000, i * kHour)).get();
  expect_columns_like_rows(*store);
  store.reset();
  store = open();
  expect_columns_like_rows(*store);
}

TEST_F(FileTest, TooManyGroupsOfColumnsIsAnError) {
  auto store = open();
  write(*store, samples_.batch("fra1", 1, 1000, kHour)).get();
  AggregateQuery query;
  query.by = {Dimension::kClientIp};
  query.max_groups = 100;
  const auto groups = store->aggregate(query, {});
  ASSERT_FALSE(groups);
  EXPECT_EQ(groups.error().code, Code::kResource);
  EXPECT_THAT(groups.error().text, HasSubstr("more than 100 groups"));
}

// A store of schema version 3 gets columns for what it holds, and its service statistics are taken over.
TEST_F(FileTest, StoresOfVersion3AreTakenOver) {
  ServiceQuery by_minute;
  by_minute.step_ns = 60 * kSecond;
  by_minute.by_sensor = true;
  const auto statistics = [&] {
    std::map<std::tuple<model::Endpoint, uint64_t, std::string>, std::array<uint64_t, 7>> out;
    const auto rows = open()->services(by_minute, {});
    EXPECT_TRUE(rows);
    for (const ServiceTotals& t : *rows)
      out[{t.server, t.at_ns, t.sensor}] = {t.attempted, t.established, t.closed_cleanly, t.refused,
                                            t.reset,     t.timed_out,   t.lost_bytes};
    return out;
  };
  {
    auto store = open();
    for (uint64_t i = 1; i <= 7; ++i) {
      model::Batch batch = samples_.batch("fra1", i, 10'000, i * kHour);
      for (uint64_t n = 0; n < 500; ++n) {
        model::ServiceStats& s = batch.services.emplace_back();
        s.server = batch.events[n].server;
        s.network_tag = batch.events[n].network_tag;
        s.from_ns = (i * 400 + n / 5 * 10) * kSecond;
        s.to_ns = s.from_ns + 10 * kSecond;
        s.attempted = n;
        s.lost_bytes = i;
      }
      write(*store, batch).get();
    }
  }
  const auto before = statistics();
  EXPECT_GT(before.size(), 500u);
  {
    auto db = sqlite::Connection::open(path_, SQLITE_OPEN_READWRITE);
    ASSERT_EQ(*db->scalar("SELECT count(*) FROM column_data"), 8);  // of one finished segment
    // As that version kept them.
    for (const std::string tier : {"10s", "1m", "1h"}) {
      ASSERT_TRUE(db->execute(
          "CREATE TABLE service_" + tier +
          "(at_s INTEGER NOT NULL, server_ip BLOB NOT NULL, server_port INTEGER NOT NULL, tag INTEGER NOT NULL,"
          " sensor INTEGER NOT NULL, attempted INTEGER NOT NULL, established INTEGER NOT NULL,"
          " closed_cleanly INTEGER NOT NULL, refused INTEGER NOT NULL, reset INTEGER NOT NULL,"
          " timed_out INTEGER NOT NULL, client_bytes INTEGER NOT NULL, server_bytes INTEGER NOT NULL,"
          " lost_bytes INTEGER NOT NULL, PRIMARY KEY(at_s, server_ip, server_port, tag, sensor)) WITHOUT ROWID"));
      auto read = db->prepare("SELECT at_s, sensor, sums FROM served_" + tier);
      auto insert = db->prepare("INSERT INTO service_" + tier + " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
      ASSERT_TRUE(read && insert);
      std::vector<sqlite::ServiceSum> sums;
      while (read->step() == SQLITE_ROW) {
        ASSERT_TRUE(sqlite::decode_services(read->blob(2), sums));
        for (const auto& sum : sums) {
          insert->bind(1, read->integer(0));
          insert->bind_ip(2, sum.key.server.ip);
          insert->bind(3, static_cast<int64_t>(sum.key.server.port));
          insert->bind(4, static_cast<int64_t>(sum.key.tag));
          insert->bind(5, read->integer(1));
          for (size_t i = 0; i < sum.counts.size(); ++i) insert->bind(6 + static_cast<int>(i), sum.counts[i]);
          ASSERT_EQ(insert->run(), SQLITE_OK);
        }
      }
      read->reset();
      ASSERT_TRUE(db->execute("DROP TABLE served_" + tier));
    }
    ASSERT_TRUE(
        db->execute("DROP TABLE column_data; DROP TABLE lookup_block; DELETE FROM migration WHERE version > 3;"
                    "PRAGMA user_version = 3"));
  }
  EXPECT_EQ(statistics(), before);
  {
    auto store = open();
    expect_columns_like_rows(*store);
  }
  auto db = sqlite::Connection::open(path_, SQLITE_OPEN_READWRITE);
  EXPECT_EQ(*db->scalar("SELECT count(*) FROM column_data"), 8);
  EXPECT_EQ(*db->scalar("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'service\\_1%' ESCAPE '\\'"), 0);
  EXPECT_EQ(*db->scalar("PRAGMA user_version"), 5);
}

TEST_F(FileTest, DamagedColumnsAreAnErrorNotAnAnswer) {
  {
    auto store = open();
    for (uint64_t i = 1; i <= 7; ++i) write(*store, samples_.batch("fra1", i, 10'000, i * kHour)).get();
  }
  {
    auto db = sqlite::Connection::open(path_, SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(db->execute("UPDATE column_data SET bytes = substr(bytes, 1, length(bytes) - 7) WHERE id = 1"));
  }
  AggregateQuery query;
  query.by = {Dimension::kIdleTime};
  const auto groups = open()->aggregate(query, {});
  ASSERT_FALSE(groups);
  EXPECT_EQ(groups.error().code, Code::kCorrupt);
}

// Hours go from the middle of segments, of a finished one and of the one in memory.
TEST_F(FileTest, RetentionTakesHoursFromColumns) {
  auto store = open(24 * kHour);
  for (uint64_t i = 1; i <= 7; ++i) {
    model::Batch batch = samples_.batch("fra1", i, 10'000, i * kHour);
    batch.received_ns = now_ns() - (i == 2 || i == 7 ? 48 * kHour : 0);
    write(*store, batch).get();
  }
  for (int i = 0; i < 100 && store->info()->events > 50'000; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(store->info()->events, 50'000u);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the step that follows the last event
  expect_columns_like_rows(*store);
  store.reset();
  store = open();
  expect_columns_like_rows(*store);
}

// A store of schema version 2, as the program before this one left it, is taken over whole.
TEST_F(FileTest, OlderStoresAreTakenOver) {
  {
    auto store = open();
    for (uint64_t i = 1; i <= 7; ++i) write(*store, samples_.batch("fra1", i, 10'000, i * kHour)).get();
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
  EXPECT_GT(after, 70'000);
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
