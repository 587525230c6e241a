// SPDX-License-Identifier: Apache-2.0
//
// From stored batches to answers: merge, incidents, timeouts and chains over a real store and the real calls, through
// restarts and with a queue that gives way.
#include "control/correlator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "control/correlate/merge.h"
#include "control/model/sample_events.h"
#include "control/query/calls.h"
#include "control/query/feed.h"
#include "control/query/present.h"
#include "control/store/sqlite/sqlite_store.h"

namespace rs::control {
namespace {

namespace v1 = resetscope::v1;
using testing::HasSubstr;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;
constexpr uint64_t kStart = 1'700'000'000 * kSecond / (10 * kSecond) * (10 * kSecond);

const model::Endpoint kServer{model::from_v4(0x0a000209), 443};

class CorrelatorTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void TearDown() override {
    close();
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  }
  void open() {
    merger_ = std::make_unique<correlate::Merger>();
    store_ = std::move(*store::sqlite::open({path_, 0, 0}));
    store_->judge_by(merger_.get());
    correlation_ = std::make_unique<correlate::Correlation>();
    correlator_ = std::make_unique<Correlator>(*store_, *correlation_, names_);
    ASSERT_TRUE(correlator_->start());
    feed_ = std::make_unique<query::Feed>(*store_);
  }
  void close() {
    feed_.reset();
    correlator_.reset();
    correlation_.reset();
    store_.reset();
    merger_.reset();
  }
  void reopen() {
    close();
    open();
  }
  query::Parts parts() { return {*store_, presence_, *feed_, names_, *correlation_, kStart}; }

  model::Event event(uint64_t at_ns, uint32_t client, model::Endpoint server, Cause cause, Stage stage, Ending ending) {
    model::Event e;
    e.id = ++next_id_;
    e.time_ns = at_ns;
    e.start_ns = at_ns - 300 * kMs;
    e.client = {model::from_v4(client), static_cast<uint16_t>(1024 + next_id_ % 60000)};
    e.server = server;
    e.claimed_sender = Side::kServer;
    e.origin = Origin::kServer;
    e.stage = stage;
    e.ending = ending;
    e.cause = cause;
    e.severity = Severity::kProblem;
    e.confidence = 0.9;
    return e;
  }
  void write(const std::string& sensor, std::vector<model::Event> events,
             std::vector<model::ServiceStats> services = {}, bool last = false) {
    model::Batch batch;
    batch.sensor = sensor;
    batch.boot = 1;
    batch.input = input_;
    batch.sequence = ++sequence_[sensor];
    batch.received_ns = kStart;
    batch.events = std::move(events);
    batch.services = std::move(services);
    batch.last = last;
    std::promise<void> stored;
    store_->write(std::move(batch), [&](const store::Written& written) {
      EXPECT_EQ(written.outcome, store::Outcome::kStored) << written.text;
      stored.set_value();
    });
    stored.get_future().wait();
  }
  std::vector<model::Event> scan(uint64_t from_ns, uint32_t ports) {
    std::vector<model::Event> out;
    for (uint32_t i = 0; i < ports; ++i)
      out.push_back(event(from_ns + i * 10 * kMs, 0x0a000107, {kServer.ip, static_cast<uint16_t>(1 + i)},
                          Cause::kPortClosed, Stage::kSyn, Ending::kRefused));
    return out;
  }
  v1::ListIncidentsResponse incidents(const v1::ListIncidentsRequest& request = {}) {
    correlator_->settle();
    grpc::ServerContext context;
    v1::ListIncidentsResponse response;
    EXPECT_TRUE(query::list_incidents(parts(), context, request, response).ok());
    return response;
  }
  v1::ListIdleTimeoutsResponse timeouts() {
    correlator_->settle();
    grpc::ServerContext context;
    v1::ListIdleTimeoutsResponse response;
    EXPECT_TRUE(query::list_idle_timeouts(parts(), context, {}, response).ok());
    return response;
  }
  v1::ListResetsResponse list(const std::string& filter = "") {
    correlator_->settle();
    grpc::ServerContext context;
    v1::ListResetsRequest request;
    request.set_filter(filter);
    request.set_page_size(10'000);
    v1::ListResetsResponse response;
    EXPECT_TRUE(query::list_resets(parts(), context, request, response).ok());
    return response;
  }

  std::string path_ = testing::TempDir() + "correlator_test_" + std::to_string(getpid()) + ".db";
  uint64_t next_id_ = 0;
  uint64_t input_ = 1;
  std::map<std::string, uint64_t> sequence_;
  model::Presence presence_;
  model::NamesHolder names_;
  std::unique_ptr<correlate::Merger> merger_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<correlate::Correlation> correlation_;
  std::unique_ptr<Correlator> correlator_;
  std::unique_ptr<query::Feed> feed_;
};

TEST_F(CorrelatorTest, AScanIsAnIncidentThatExplainsItsEndings) {
  write("a", scan(kStart, 100), {}, true);
  const auto found = incidents();
  ASSERT_EQ(found.incidents_size(), 1);
  const v1::Incident& incident = found.incidents(0);
  EXPECT_EQ(incident.kind(), v1::INCIDENT_KIND_SCAN);
  EXPECT_EQ(incident.state(), v1::INCIDENT_STATE_CLOSED);
  EXPECT_EQ(incident.endings(), 100u);
  EXPECT_EQ(incident.clients(), 1u);
  EXPECT_EQ(incident.sensors(0), "a");
  EXPECT_EQ(incident.top_causes(0), v1::CAUSE_PORT_CLOSED);
  EXPECT_THAT(incident.summary(), HasSubstr("10.0.1.7 scans: 100 attempts"));
  const auto events = list(incident.filter());  // the drill-down that it offers
  ASSERT_EQ(events.events_size(), 100);
  for (const v1::Event& e : events.events()) {
    EXPECT_EQ(e.incident_id(), incident.id());
    EXPECT_EQ(e.cause(), v1::CAUSE_PORT_CLOSED);  // the sensor's verdict stands
    EXPECT_EQ(e.revised_cause(), v1::CAUSE_PORT_SCAN);
    EXPECT_THAT(e.revised_reason(), HasSubstr("scans"));
  }
  v1::ListIncidentsRequest request;
  request.set_open_only(true);
  EXPECT_EQ(incidents(request).incidents_size(), 0);
  request.set_open_only(false);
  request.set_filter("client_ip = 10.0.1.7 and cause = port_scan");
  EXPECT_EQ(incidents(request).incidents_size(), 1);
  request.set_filter("client_ip = 10.0.1.8");
  EXPECT_EQ(incidents(request).incidents_size(), 0);
  grpc::ServerContext context;
  v1::ListIncidentsResponse response;
  request.set_filter("stage = syn");
  EXPECT_THAT(query::list_incidents(parts(), context, request, response).error_message(), HasSubstr("not by stage"));
}

TEST_F(CorrelatorTest, NothingCountsTwiceOrIsLostThroughRestarts) {
  const auto all = scan(kStart, 200);
  for (size_t at = 0; at < all.size(); at += 20) {
    write("a", {all.begin() + static_cast<ptrdiff_t>(at), all.begin() + static_cast<ptrdiff_t>(at) + 20});
    reopen();
  }
  const auto found = incidents();
  ASSERT_EQ(found.incidents_size(), 1);
  EXPECT_EQ(found.incidents(0).endings(), 200u);
  EXPECT_EQ(found.incidents(0).state(), v1::INCIDENT_STATE_OPEN);
}

// An analysis reads a capture with any number of workers: their batches come in any order.
TEST_F(CorrelatorTest, CapturesAreCorrelatedInTheOrderOfPacketTime) {
  std::vector<std::string> ids;
  const auto all = scan(kStart, 200);
  for (const bool turned : {false, true}) {
    close();
    store_ = std::move(*store::sqlite::open({":memory:", 0, 0}));
    correlation_ = std::make_unique<correlate::Correlation>();
    correlator_ = std::make_unique<Correlator>(*store_, *correlation_, names_, Correlator::Order::kPacketTime);
    ASSERT_TRUE(correlator_->start());
    feed_ = std::make_unique<query::Feed>(*store_);
    input_ = 7;  // not the boot: a capture
    sequence_.clear();
    const std::vector<model::Event> first(all.begin(), all.begin() + 100), second(all.begin() + 100, all.end());
    write("a", turned ? second : first);
    write("a", turned ? first : second, {}, true);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (correlation_->cursor() < store_->newest_cursor() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto found = incidents();
    ASSERT_EQ(found.incidents_size(), 1);
    EXPECT_EQ(found.incidents(0).endings(), 200u);
    ids.push_back(found.incidents(0).id());
  }
  EXPECT_EQ(ids[0], ids[1]);
}

TEST_F(CorrelatorTest, AQueueThatGivesWayLosesNothing) {
  // More than the queue holds, faster than it is worked off.
  constexpr size_t kBatches = 40, kEach = 5000;
  static_assert(kBatches * kEach > Correlator::kMaxQueued);
  model::SampleEvents samples(3);
  const uint64_t before = store_->newest_cursor();
  for (size_t b = 0; b < kBatches; ++b) {
    std::vector<model::Event> events;
    for (size_t i = 0; i < kEach; ++i) {
      auto e = event(kStart + (b * kEach + i) * kMs / 10, 0x0a000107, kServer, Cause::kRateLimit, Stage::kExchange,
                     Ending::kReset);
      e.evidence.clear();
      events.push_back(std::move(e));
    }
    write("a", std::move(events));
  }
  const auto found = incidents();
  EXPECT_EQ(store_->newest_cursor(), before + kBatches * kEach);
  EXPECT_EQ(correlation_->cursor(), store_->newest_cursor());
  ASSERT_EQ(found.incidents_size(), 1);
  EXPECT_EQ(found.incidents(0).endings(), kBatches * kEach);
}

TEST_F(CorrelatorTest, OneResetOfTwoSensorsIsOneEventWithSightings) {
  std::vector<model::Event> seen_by_a, seen_by_b;
  for (uint32_t i = 0; i < 5; ++i) {
    auto e = event(kStart + i * kSecond, 0x0a000107, kServer, Cause::kAppAbortUnread, Stage::kExchange, Ending::kReset);
    e.rtt_client_ns = kMs;
    e.rtt_server_ns = 9 * kMs;
    e.evidence = {{FactId::kRstTtl, 0, 62}};
    auto same = e;
    same.id = ++next_id_;
    same.time_ns += 2 * kMs;
    same.rtt_client_ns = 6 * kMs;
    same.rtt_server_ns = 4 * kMs;
    same.evidence = {{FactId::kRstTtl, 0, 63}};
    seen_by_a.push_back(e);
    seen_by_b.push_back(same);
  }
  const auto served = [&](uint64_t attempted) {
    return std::vector<model::ServiceStats>{{.server = kServer,
                                             .from_ns = kStart,
                                             .to_ns = kStart + 10 * kSecond,
                                             .attempted = attempted,
                                             .established = attempted,
                                             .reset = 5,
                                             .by_cause = {}}};
  };
  write("a", seen_by_a, served(1000));
  write("b", seen_by_b, served(990));
  reopen();
  const auto events = list();
  ASSERT_EQ(events.events_size(), 5);
  EXPECT_EQ(store_->info()->endings, 5u);
  for (const v1::Event& e : events.events()) {
    EXPECT_EQ(e.sensor(), "a");
    ASSERT_EQ(e.sightings_size(), 2);
    EXPECT_EQ(e.sightings(1).sensor(), "b");
    EXPECT_EQ(e.sightings(1).rst_ttl(), 63u);
  }
  // The connections are the same ones, too: not 1,990.
  grpc::ServerContext context;
  v1::ListServicesResponse services;
  ASSERT_TRUE(query::list_services(parts(), context, {}, services).ok());
  ASSERT_EQ(services.services_size(), 1);
  EXPECT_EQ(services.services(0).attempted(), 1000u);
  EXPECT_EQ(services.services(0).reset(), 5u);
}

TEST_F(CorrelatorTest, AFirewallBetweenTwoTapsIsFound) {
  // client - a - firewall - b - server: first both see the same resets, then one that only a sees.
  const auto pair = [&](uint64_t at_ns) {
    auto e = event(at_ns, 0x0a000107, kServer, Cause::kAppAbortUnread, Stage::kExchange, Ending::kReset);
    e.rtt_client_ns = kMs;
    e.rtt_server_ns = 9 * kMs;
    auto same = e;
    same.id = ++next_id_;
    same.rtt_client_ns = 6 * kMs;
    same.rtt_server_ns = 4 * kMs;
    return std::pair(e, same);
  };
  std::vector<model::Event> a, b;
  for (uint32_t i = 0; i < 5; ++i) {
    const auto [one, other] = pair(kStart + i * kSecond);
    a.push_back(one);
    b.push_back(other);
  }
  a.push_back(pair(kStart + 7 * kSecond).first);
  const uint64_t odd = a.back().id;
  const std::vector<model::ServiceStats> served = {{.server = kServer,
                                                    .from_ns = kStart,
                                                    .to_ns = kStart + 20 * kSecond,
                                                    .attempted = 9,
                                                    .established = 9,
                                                    .by_cause = {}}};
  write("a", a, served);
  write("b", b, served);
  int placed = 0;
  const auto events = list();
  for (const v1::Event& e : events.events()) {
    if (e.id() != query::id_text(odd)) {
      EXPECT_NE(e.location().origin(), v1::ORIGIN_MIDDLEBOX);
      continue;
    }
    ++placed;
    EXPECT_EQ(e.location().after(), "b");
    EXPECT_EQ(e.location().before(), "a");
    EXPECT_EQ(e.origin(), v1::ORIGIN_SERVER);
    EXPECT_EQ(e.revised_origin(), v1::ORIGIN_MIDDLEBOX);
    EXPECT_EQ(e.revised_cause(), v1::CAUSE_FW_MIDSTREAM_REJECT);
  }
  EXPECT_EQ(placed, 1);
}

TEST_F(CorrelatorTest, TimeoutsAreLearnedAndKept) {
  std::vector<model::Event> events;
  for (uint32_t i = 0; i < 10; ++i) {
    auto e = event(kStart + i * kSecond, 0x0a000100 + i, kServer, Cause::kIdleTimeoutRst, Stage::kIdle, Ending::kReset);
    e.origin = Origin::kMiddlebox;
    e.idle_ns = 350 * kSecond + i * 20 * kMs;
    e.evidence = {{FactId::kIdleSpontaneous, 0, 1}};
    events.push_back(e);
  }
  write("a", events);
  reopen();
  const auto found = timeouts();
  ASSERT_EQ(found.timeouts_size(), 1);
  const v1::IdleTimeout& t = found.timeouts(0);
  EXPECT_NEAR(static_cast<double>(t.value().seconds()), 350, 7);
  EXPECT_EQ(t.samples(), 10u);
  EXPECT_EQ(t.enforced_by(), v1::ORIGIN_MIDDLEBOX);
  EXPECT_THAT(t.known_default(), HasSubstr("350 s: AWS"));
  EXPECT_EQ(t.keepalive_to_set().seconds(), 150);
  EXPECT_THAT(t.advice(), HasSubstr("A device on the path ends connections after 350 s"));
  EXPECT_EQ(t.path(), "from 10.0.1.0/24 to 10.0.2.9:443");
}

TEST_F(CorrelatorTest, AProxyRelaysAndItsRootIsShown) {
  const model::Endpoint front{model::from_v4(0x0a000005), 443};
  std::vector<model::Event> events;
  for (uint32_t i = 0; i < 8; ++i) {
    const uint64_t at = kStart + i * 10 * kSecond;
    events.push_back(
        event(at, model::v4_of(front.ip), kServer, Cause::kAppAbortUnread, Stage::kRequest, Ending::kReset));
    events.push_back(
        event(at + 4 * kMs, 0xc0a80001 + i, front, Cause::kAppAbortUnread, Stage::kRequest, Ending::kReset));
  }
  write("a", events);
  (void)list();
  reopen();  // the relations are kept
  const auto all = list();
  ASSERT_EQ(all.events_size(), 16);
  for (int i = 0; i < all.events_size(); i += 2) {
    EXPECT_EQ(all.events(i).root_event_id(), "");
    EXPECT_EQ(all.events(i + 1).root_event_id(), all.events(i).id());
    EXPECT_EQ(all.events(i + 1).revised_cause(), v1::CAUSE_PROXY_RELAYED);
  }
}

TEST_F(CorrelatorTest, NamesReadInEveryAnswer) {
  names_.set(
      model::Names({{.network = {kServer.ip, 128}, .port = 443, .site = "fra1", .service = "shop", .owner = ""}}, {}),
      "test");
  write("a", {event(kStart, 0x0a000107, kServer, Cause::kOverload, Stage::kExchange, Ending::kReset)});
  const auto events = list();
  ASSERT_EQ(events.events_size(), 1);
  EXPECT_EQ(events.events(0).server().name(), "shop");
  EXPECT_EQ(events.events(0).server().site(), "fra1");
  grpc::ServerContext context;
  v1::TopRequest request;
  request.add_by(v1::DIMENSION_SERVICE);
  v1::TopResponse top;
  ASSERT_TRUE(query::top(parts(), context, request, top).ok());
  EXPECT_EQ(top.rows(0).keys(0), "shop @ fra1 (10.0.2.9:443)");
}

}  // namespace
}  // namespace rs::control
