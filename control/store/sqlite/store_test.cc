// SPDX-License-Identifier: Apache-2.0
//
// What every store has to do, tried on the SQLite store in a file and in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "control/model/sample_events.h"
#include "control/store/sqlite/sqlite_store.h"

namespace rs::store {
namespace {

constexpr uint64_t kStart = 1'700'000'000'000'000'000 / 3'600'000'000'000 * 3'600'000'000'000;  // a whole hour
constexpr uint64_t kSecond = 1'000'000'000;

Written write(Store& store, model::Batch batch) {
  std::promise<Written> written;
  store.write(std::move(batch), [&](const Written& w) { written.set_value(w); });
  return written.get_future().get();
}

class StoreTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    path_ = GetParam() ? ":memory:" : testing::TempDir() + "store_test_" + std::to_string(getpid()) + ".db";
    remove_files();
    reopen();
  }
  void TearDown() override {
    store_.reset();
    remove_files();
  }
  void reopen() {
    store_.reset();
    auto opened = sqlite::open({path_, 0, 0});
    ASSERT_TRUE(opened) << opened.error().text;
    store_ = std::move(*opened);
  }
  void remove_files() const {
    if (GetParam()) return;
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  }

  std::vector<model::Event> list(const ListQuery& query) {
    std::vector<model::Event> events;
    const auto done = store_->list(query, {}, [&](const model::Event& e) {
      events.push_back(e);
      return true;
    });
    EXPECT_TRUE(done) << done.error().text;
    return events;
  }
  std::vector<model::Event> all() { return list({.filter = {}, .range = {}, .after = {}, .limit = 1'000'000}); }

  std::string path_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(FileAndMemory, StoreTest, testing::Bool(),
                         [](const auto& with) { return with.param ? "memory" : "file"; });

TEST_P(StoreTest, GivesBackEveryField) {
  model::SampleEvents samples(1);
  const model::Batch batch = samples.batch("fra1", 1, 300, kStart);
  ASSERT_EQ(write(*store_, batch).new_events, 300u);
  for (const model::Event& e : batch.events) {
    const auto got = store_->get(e.id);
    ASSERT_TRUE(got && *got);
    const model::Event& g = **got;
    EXPECT_EQ(g.sensor, "fra1");
    EXPECT_EQ(g.time_ns, e.time_ns);
    EXPECT_EQ(g.start_ns, e.start_ns);
    EXPECT_EQ(g.client, e.client);
    EXPECT_EQ(g.server, e.server);
    EXPECT_EQ(g.network_tag, e.network_tag);
    EXPECT_EQ(g.claimed_sender, e.claimed_sender);
    EXPECT_EQ(g.origin, e.origin);
    EXPECT_EQ(g.stage, e.stage);
    EXPECT_EQ(g.ending, e.ending);
    EXPECT_EQ(g.cause, e.cause);
    EXPECT_EQ(g.second_cause, e.second_cause);
    EXPECT_EQ(g.severity, e.severity);
    EXPECT_EQ(g.confidence, e.confidence);
    EXPECT_EQ(g.second_confidence, e.second_confidence);
    EXPECT_EQ(g.meanings, e.meanings);
    EXPECT_EQ(g.server_name, e.server_name);
    EXPECT_EQ(g.idle_ns, e.idle_ns);
    EXPECT_EQ(g.rtt_client_ns, e.rtt_client_ns);
    EXPECT_EQ(g.rtt_server_ns, e.rtt_server_ns);
    EXPECT_EQ(g.client_bytes, e.client_bytes);
    EXPECT_EQ(g.server_bytes, e.server_bytes);
    EXPECT_EQ(g.client_pkts, e.client_pkts);
    EXPECT_EQ(g.server_pkts, e.server_pkts);
    EXPECT_EQ(g.lost_bytes, e.lost_bytes);
    EXPECT_EQ(g.rst_count, e.rst_count);
    EXPECT_EQ(g.count, e.count);
    EXPECT_EQ(g.flags, e.flags);
    EXPECT_EQ(g.zeek_state, e.zeek_state);
    EXPECT_EQ(g.cloudflare_stage, e.cloudflare_stage);
    EXPECT_EQ(g.linux_reason, e.linux_reason);
    ASSERT_EQ(g.evidence.size(), e.evidence.size());
    for (size_t i = 0; i < e.evidence.size(); ++i) {
      EXPECT_EQ(g.evidence[i].id, e.evidence[i].id);
      EXPECT_EQ(g.evidence[i].weight, e.evidence[i].weight);
      EXPECT_EQ(g.evidence[i].value, e.evidence[i].value);
    }
    ASSERT_EQ(g.timeline.size(), e.timeline.size());
    for (size_t i = 0; i < e.timeline.size(); ++i) {
      EXPECT_EQ(g.timeline[i].at_ns, e.timeline[i].at_ns);
      EXPECT_EQ(g.timeline[i].value, e.timeline[i].value);
      EXPECT_EQ(g.timeline[i].kind, e.timeline[i].kind);
      EXPECT_EQ(g.timeline[i].side, e.timeline[i].side);
    }
    ASSERT_EQ(g.exemplars.size(), e.exemplars.size());
    for (size_t i = 0; i < e.exemplars.size(); ++i) EXPECT_EQ(g.exemplars[i].client, e.exemplars[i].client);
  }
  EXPECT_FALSE(*store_->get(12345));
}

TEST_P(StoreTest, BatchSentTwiceCountsOnce) {
  model::SampleEvents samples(2);
  const model::Batch batch = samples.batch("fra1", 1, 50, kStart);
  EXPECT_EQ(write(*store_, batch).outcome, Outcome::kStored);
  EXPECT_EQ(write(*store_, batch).outcome, Outcome::kDuplicate);
  EXPECT_EQ(all().size(), 50u);
  EXPECT_EQ(store_->info()->events, 50u);
}

TEST_P(StoreTest, CaptureReadAgainCountsOnce) {
  model::SampleEvents samples(3);
  model::Batch batch = samples.batch("fra1", 1, 50, kStart);
  batch.input = 99;  // not the boot: a capture
  batch.services = {{.server = batch.events[0].server,
                     .from_ns = kStart,
                     .to_ns = kStart + 10 * kSecond,
                     .attempted = 7,
                     .by_cause = {}}};
  const uint64_t endings = [&] {
    uint64_t n = 0;
    for (const auto& e : batch.events) n += e.count;
    return n;
  }();
  write(*store_, batch);
  batch.boot = 2;  // another run over the same input
  batch.events.push_back(samples.event(kStart));
  const Written again = write(*store_, batch);
  EXPECT_EQ(again.outcome, Outcome::kStored);
  EXPECT_EQ(again.new_events, 1u);
  EXPECT_EQ(store_->info()->events, 51u);
  EXPECT_EQ(store_->info()->endings, endings + batch.events.back().count);
  EXPECT_EQ(store_->services({}, {})->at(0).attempted, 7u);
  batch.boot = 3;
  batch.input = 100;  // another input: these connections are others
  batch.sequence = 1;
  write(*store_, batch);
  EXPECT_EQ(store_->services({}, {})->at(0).attempted, 14u);
}

TEST_P(StoreTest, GapsAreLossUntilFilled) {
  model::SampleEvents samples(4);
  const auto send = [&](uint64_t sequence) { return write(*store_, samples.batch("fra1", sequence, 1, kStart)); };
  const auto missing = [&] { return store_->sensors()->at(0).missing_batches; };
  send(1);
  EXPECT_EQ(send(5).gap_batches, 3u);
  EXPECT_EQ(missing(), 3u);
  EXPECT_EQ(send(3).outcome, Outcome::kStored);  // late, not lost
  EXPECT_EQ(missing(), 2u);
  EXPECT_EQ(send(3).outcome, Outcome::kDuplicate);
  EXPECT_EQ(send(5).outcome, Outcome::kDuplicate);
  if (!GetParam()) reopen();
  EXPECT_EQ(send(1).outcome, Outcome::kDuplicate);
  EXPECT_EQ(send(2).outcome, Outcome::kStored);
  EXPECT_EQ(send(4).outcome, Outcome::kStored);
  EXPECT_EQ(missing(), 0u);
  EXPECT_EQ(all().size(), 5u);
}

TEST_P(StoreTest, ManyGapsAreBounded) {
  model::SampleEvents samples(5);
  for (uint64_t sequence = 1; sequence <= 1001; sequence += 2)
    write(*store_, samples.batch("fra1", sequence, 0, kStart));
  EXPECT_EQ(store_->sensors()->at(0).missing_batches, 500u);
  EXPECT_EQ(write(*store_, samples.batch("fra1", 2, 0, kStart)).outcome,
            Outcome::kDuplicate);  // forgotten, still counted
  EXPECT_EQ(write(*store_, samples.batch("fra1", 1000, 0, kStart)).outcome, Outcome::kStored);
}

TEST_P(StoreTest, PagesInBothDirectionsGiveAll) {
  model::SampleEvents samples(6);
  model::Batch batch = samples.batch("fra1", 1, 500, kStart);
  for (size_t i = 0; i < 200; ++i) batch.events[i].time_ns = kStart + 7;  // a page border within one instant
  write(*store_, batch);
  for (const bool newest_first : {false, true}) {
    std::vector<uint64_t> paged;
    ListQuery query{.filter = {}, .range = {}, .newest_first = newest_first, .after = {}, .limit = 37};
    for (;;) {
      const auto page = list(query);
      for (const auto& e : page) paged.push_back(e.cursor);
      if (page.size() < query.limit) break;
      query.after = Position{page.back().time_ns, page.back().cursor};
    }
    std::vector<uint64_t> whole;
    for (const auto& e : all()) whole.push_back(e.cursor);
    if (newest_first) std::ranges::reverse(whole);
    EXPECT_EQ(paged, whole);
  }
  const auto events = all();
  EXPECT_TRUE(std::ranges::is_sorted(events, {}, &model::Event::time_ns));
}

TEST_P(StoreTest, RangeIncludesSinceAndExcludesUntil) {
  model::SampleEvents samples(7);
  model::Batch batch = samples.batch("fra1", 1, 3, kStart);
  for (size_t i = 0; i < 3; ++i) batch.events[i].time_ns = kStart + i;
  write(*store_, batch);
  EXPECT_EQ(list({.filter = {}, .range = {kStart, kStart + 2}, .after = {}}).size(), 2u);
}

// Any filter: the SQL and the reference choose the same events.
model::Filter random_filter(model::SampleEvents& samples, const std::vector<model::Event>& events, int depth) {
  using namespace model;
  const uint64_t kind = depth > 0 ? samples.below(5) : 4;
  if (kind == 0) return negate(random_filter(samples, events, depth - 1));
  if (kind <= 3) {
    std::vector<Filter> children;
    for (uint64_t n = 1 + samples.below(3); n > 0; --n) children.push_back(random_filter(samples, events, depth - 1));
    return kind == 1 ? any_of(std::move(children)) : all_of(std::move(children));
  }
  const FieldInfo& field = fields()[samples.below(fields().size())];
  const auto value = [&]() -> Value {
    const Event& e = events[samples.below(events.size())];
    switch (field.type) {
      case Type::kAddress: {
        Prefix prefix{samples.below(2) == 0 ? e.client.ip : e.server.ip,
                      static_cast<uint8_t>(samples.below(3) == 0 ? 128 : samples.below(129))};
        prefix.ip = first_of(prefix);
        return prefix;
      }
      case Type::kName:
        return samples.below(field.names.size());
      case Type::kYesNo:
        return samples.below(2);
      case Type::kShare:
        return static_cast<double>(share_units(e.confidence)) / 10000;
      case Type::kDuration:
        return static_cast<double>(e.idle_ns) / 1e9;
      case Type::kText:
        return field.field == Field::kSensor ? std::string(samples.below(2) == 0 ? "fra1" : "ams2") : e.server_name;
      case Type::kNumber:
        break;
    }
    switch (field.field) {
      case Field::kTag:
        return uint64_t{e.network_tag};
      case Field::kCount:
        return e.count;
      default:
        return uint64_t{samples.below(2) == 0 ? e.client.port : e.server.port};
    }
  };
  if (samples.below(3) == 0) {
    std::vector<Value> values;
    for (uint64_t n = 1 + samples.below(4); n > 0; --n) values.push_back(value());
    return test_in(field.field, std::move(values));
  }
  const auto op = static_cast<Op>(samples.below(field.ordered ? 6 : 2));
  return model::test(field.field, op, value());
}

TEST_P(StoreTest, FiltersAgreeWithTheReference) {
  model::SampleEvents samples(8);
  write(*store_, samples.batch("fra1", 1, 400, kStart));
  write(*store_, samples.batch("ams2", 1, 400, kStart));
  const auto events = all();
  size_t partial = 0;
  for (int i = 0; i < 1500; ++i) {
    const model::Filter filter = random_filter(samples, events, 3);
    std::vector<uint64_t> expected;
    for (const auto& e : events)
      if (model::matches(filter, e)) expected.push_back(e.cursor);
    std::vector<uint64_t> got;
    for (const auto& e : list({.filter = filter, .range = {}, .after = {}, .limit = 10'000, .brief = true}))
      got.push_back(e.cursor);
    ASSERT_EQ(got, expected) << "filter " << i;
    if (!expected.empty() && expected.size() < events.size()) ++partial;
  }
  EXPECT_GT(partial, 500u);  // the filters are neither all empty nor all everything
}

TEST_P(StoreTest, WideFilterIsNoDeeperThanSqliteAllows) {
  model::SampleEvents samples(9);
  write(*store_, samples.batch("fra1", 1, 10, kStart));
  std::vector<model::Filter> many;
  for (uint64_t i = 0; i < 1024; ++i) many.push_back(model::test(model::Field::kTag, model::Op::kEq, i));
  EXPECT_EQ(list({.filter = model::any_of(many), .range = {}, .after = {}}).size(), 10u);
}

double sum(const std::vector<Group>& groups) {
  double total = 0;
  for (const Group& g : groups) total += g.value;
  return total;
}

void sort(std::vector<Group>& groups) { std::ranges::sort(groups, {}, &Group::keys); }

TEST_P(StoreTest, AggregatesAgreeWithTheEvents) {
  model::SampleEvents samples(10);
  for (uint64_t i = 1; i <= 4; ++i)
    write(*store_, samples.batch(i % 2 == 0 ? "fra1" : "ams2", i, 500, kStart + (i / 2) * 3600 * kSecond));
  const std::vector<std::vector<Dimension>> dimensions = {{},
                                                          {Dimension::kService},
                                                          {Dimension::kCause},
                                                          {Dimension::kFamily, Dimension::kSensor},
                                                          {Dimension::kTime, Dimension::kPort},
                                                          {Dimension::kServerNetwork, Dimension::kStage},
                                                          {Dimension::kOrigin, Dimension::kEnding},
                                                          {Dimension::kSeverity, Dimension::kServerIp}};
  const TimeRange ranges[] = {{},
                              {kStart + 17, kForever},
                              {kStart + 61 * kSecond + 5, kStart + 7300 * kSecond + 123},
                              {kStart + 3, kStart + 9}};
  const model::Filter filters[] = {{},
                                   model::test(model::Field::kSeverity, model::Op::kGe, uint64_t{2}),
                                   model::test_in(model::Field::kFamily, {uint64_t{1}, uint64_t{3}})};
  for (const auto& by : dimensions)
    for (const TimeRange& range : ranges)
      for (const model::Filter& filter : filters)
        for (const Metric metric : {Metric::kEndings, Metric::kResets, Metric::kLostBytes}) {
          AggregateQuery query{.filter = filter, .range = range, .by = by, .metric = metric, .step_ns = 60 * kSecond};
          auto rolled = store_->aggregate(query, {});
          query.rollups = false;
          auto counted = store_->aggregate(query, {});
          ASSERT_TRUE(rolled && counted);
          sort(*rolled);
          sort(*counted);
          double expected = 0;
          for (const auto& e : list({.filter = filter, .range = range, .after = {}, .limit = 10'000}))
            expected += metric == Metric::kLostBytes                              ? static_cast<double>(e.lost_bytes)
                        : metric == Metric::kResets && e.ending != Ending::kReset ? 0
                                                                                  : static_cast<double>(e.count);
          ASSERT_EQ(sum(*counted), expected);
          ASSERT_EQ(rolled->size(), counted->size());
          for (size_t i = 0; i < rolled->size(); ++i) {
            ASSERT_EQ((*rolled)[i].keys, (*counted)[i].keys);
            ASSERT_EQ((*rolled)[i].value, (*counted)[i].value);
            ASSERT_EQ((*rolled)[i].top_cause, (*counted)[i].top_cause);
            ASSERT_EQ((*rolled)[i].top_origin, (*counted)[i].top_origin);
            ASSERT_EQ((*rolled)[i].last_ns, (*counted)[i].last_ns);
          }
        }
}

TEST_P(StoreTest, TooManyGroupsIsAnError) {
  model::SampleEvents samples(11);
  write(*store_, samples.batch("fra1", 1, 200, kStart));
  const auto groups =
      store_->aggregate({.filter = {}, .range = {}, .by = {Dimension::kClientIp}, .max_groups = 10}, {});
  ASSERT_FALSE(groups);
  EXPECT_EQ(groups.error().code, Code::kResource);
}

TEST_P(StoreTest, ArrivalOrderAndCounts) {
  model::SampleEvents samples(12);
  write(*store_, samples.batch("fra1", 1, 30, kStart + 3600 * kSecond));
  const uint64_t middle = store_->newest_cursor();
  write(*store_, samples.batch("fra1", 2, 20, kStart));  // older traffic, later arrival
  std::vector<uint64_t> cursors;
  ASSERT_TRUE(store_->list_after(middle, {}, 100, {}, [&](const model::Event& e) {
    cursors.push_back(e.cursor);
    return true;
  }));
  EXPECT_EQ(cursors.size(), 20u);
  EXPECT_TRUE(std::ranges::is_sorted(cursors));
  EXPECT_EQ(cursors.back(), store_->newest_cursor());
  EXPECT_GE(*store_->count_between(middle, store_->newest_cursor(), {}, {}), 20u);
}

TEST_P(StoreTest, CoverageIsWhatTheRangeAdded) {
  model::SampleEvents samples(13);
  for (uint64_t i = 1; i <= 4; ++i) {
    model::Batch batch = samples.batch("fra1", i, 0, kStart);
    batch.health.emplace();
    batch.health->time_ns = kStart + i * 60 * kSecond;
    batch.health->version = "1.2";
    batch.health->ports = {"eth1", "eth2"};
    batch.health->rx_pkts = 1000 * i;
    batch.health->missed_pkts = 10 * i;
    batch.health->counters = {{"outcome.ok", 5 * i}};
    batch.health->losses = {{100 + i, 1, 2, 3, 4, 5}};
    batch.health->blind_seconds = i;
    batch.last = i == 4;
    write(*store_, batch);
  }
  const auto range = store_->coverage({kStart + 120 * kSecond, kStart + 200 * kSecond});
  ASSERT_EQ(range->size(), 1u);
  EXPECT_TRUE(range->at(0).reported);
  EXPECT_EQ(range->at(0).rx_pkts, 2000u);  // reports 2 and 3
  EXPECT_EQ(range->at(0).missed_pkts, 20u);
  EXPECT_FALSE(store_->coverage({kStart + 3600 * kSecond, kForever})->at(0).reported);
  const Sensor sensor = store_->sensors()->at(0);
  EXPECT_TRUE(sensor.ended);
  EXPECT_EQ(sensor.health.rx_pkts, 4000u);
  EXPECT_EQ(sensor.health.ports.size(), 2u);
  EXPECT_EQ(sensor.health.counters.at(0).value, 20u);
  ASSERT_EQ(sensor.health.losses.size(), 1u);
  EXPECT_EQ(sensor.health.losses[0].second, 104u);
  EXPECT_EQ(sensor.health.losses[0].evicted_flows, 4u);
  EXPECT_EQ(sensor.health.blind_seconds, 4u);
}

TEST_P(StoreTest, PatienceEnds) {
  model::SampleEvents samples(14);
  for (uint64_t i = 1; i <= 5; ++i) write(*store_, samples.batch("fra1", i, 2000, kStart));
  const Patience none{std::chrono::steady_clock::now() - std::chrono::seconds(1), {}};
  const auto counted =
      store_->count_between(0, kForever, model::test(model::Field::kTag, model::Op::kLt, uint64_t{9}), none);
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code, Code::kUnavailable);
  EXPECT_TRUE(store_->count_between(0, kForever, {}, {}));  // the connection is as good as new
}

class Recorder : public CommitListener {
 public:
  [[nodiscard]] bool wants_events() const override { return true; }
  void committed(std::vector<model::Event> fresh, uint64_t newest) override {
    for (auto& e : fresh) cursors.push_back(e.cursor);
    newest_cursor = newest;
  }
  std::vector<uint64_t> cursors;
  uint64_t newest_cursor = 0;
};

TEST_P(StoreTest, ListenerHearsOfNewEventsOnce) {
  Recorder recorder;
  store_->listen(&recorder);
  model::SampleEvents samples(15);
  model::Batch batch = samples.batch("fra1", 1, 10, kStart);
  write(*store_, batch);
  batch.boot = 9;
  write(*store_, batch);
  store_->listen(nullptr);
  EXPECT_EQ(recorder.cursors.size(), 10u);
  EXPECT_EQ(recorder.newest_cursor, recorder.cursors.back());
}

}  // namespace
}  // namespace rs::store
