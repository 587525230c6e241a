// SPDX-License-Identifier: Apache-2.0
//
// The calls over a real server and the generated client, with a store in memory behind them.
#include "control/query/service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <set>
#include <thread>

#include "control/model/sample_events.h"
#include "control/query/encode.h"
#include "control/query/feed.h"
#include "control/store/sqlite/sqlite_store.h"

namespace rs::query {
namespace {

using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kStart = 1'700'000'000'000'000'000 / (3600 * kSecond) * (3600 * kSecond);

class QueryTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = std::move(*store::sqlite::open({":memory:", 0, 0}));
    feed_ = std::make_unique<Feed>(*store_);
    service_ = std::make_unique<Service>(Parts{*store_, presence_, *feed_, names_, correlation_, kStart});
    const std::string address = "unix:" + testing::TempDir() + "query_test_" + std::to_string(getpid()) + ".sock";
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_TRUE(server_);
    stub_ = v1::Resetscope::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  }
  void TearDown() override {
    feed_->stop();
    service_->drain(std::chrono::seconds(5));
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
    service_.reset();
    feed_.reset();
    store_.reset();
  }

  void write(model::Batch batch) {
    std::promise<void> stored;
    store_->write(std::move(batch), [&](const store::Written&) { stored.set_value(); });
    stored.get_future().wait();
  }
  model::Batch batch(size_t events) { return samples_.batch("fra1", ++sequence_, events, kStart); }

  template <class Request, class Response>
  grpc::Status call(grpc::Status (v1::Resetscope::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    return ((*stub_).*method)(&context, request, response);
  }
  v1::ListResetsResponse list(const v1::ListResetsRequest& request) {
    v1::ListResetsResponse response;
    const grpc::Status status = call(&v1::Resetscope::Stub::ListResets, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  model::SampleEvents samples_{1};
  uint64_t sequence_ = 0;
  std::unique_ptr<store::Store> store_;
  model::Presence presence_;
  model::NamesHolder names_;
  correlate::Correlation correlation_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Resetscope::Stub> stub_;
};

TEST_F(QueryTest, ListsNewestLastAndHidesBenign) {
  const model::Batch sent = batch(300);
  uint64_t benign_endings = 0;
  int shown = 0;
  for (const auto& e : sent.events) {
    if (e.severity == Severity::kBenign)
      benign_endings += e.count;
    else
      ++shown;
  }
  write(sent);
  v1::ListResetsRequest request;
  request.set_page_size(1000);
  auto response = list(request);
  EXPECT_EQ(response.events_size(), shown);
  EXPECT_EQ(response.completeness().hidden_benign(), benign_endings);
  for (int i = 1; i < response.events_size(); ++i) {
    const auto& a = response.events(i - 1).time();
    const auto& b = response.events(i).time();
    EXPECT_LE(std::pair(a.seconds(), a.nanos()), std::pair(b.seconds(), b.nanos()));
  }
  request.set_include_benign(true);
  EXPECT_EQ(list(request).events_size(), 300);
  EXPECT_EQ(list(request).completeness().hidden_benign(), 0u);
  request.set_include_benign(false);
  request.set_filter("severity = benign");  // asked for by name
  EXPECT_EQ(list(request).events_size(), 300 - shown);
}

v1::ListResetsRequest seventy(bool last) {
  v1::ListResetsRequest request;
  request.set_include_benign(true);
  request.set_page_size(70);
  request.set_last(last);
  return request;
}

TEST_F(QueryTest, PagesCoverEverythingOnceInBothDirections) {
  write(batch(500));
  for (const bool last : {false, true}) {
    v1::ListResetsRequest request = seventy(last);
    std::set<std::string> ids;
    int pages = 0;
    for (;; ++pages) {
      const auto response = list(request);
      for (const auto& e : response.events()) EXPECT_TRUE(ids.insert(e.id()).second);
      if (response.next_page_token().empty()) break;
      EXPECT_EQ(response.events_size(), 70);
      request.set_page_token(response.next_page_token());
    }
    EXPECT_EQ(ids.size(), 500u);
    EXPECT_EQ(pages, 7);
  }
}

TEST_F(QueryTest, APageIsFoundByItsDistanceToo) {
  write(batch(500));
  for (const bool last : {false, true}) {
    v1::ListResetsRequest request = seventy(last);
    const auto first = list(request);
    request.set_page_token(first.next_page_token());
    const auto second = list(request);
    request.clear_page_token();
    request.set_skip(70);
    const auto by_distance = list(request);
    EXPECT_EQ(by_distance.skipped_to(), first.next_page_token());
    EXPECT_EQ(by_distance.next_page_token(), second.next_page_token());
    ASSERT_EQ(by_distance.events_size(), 70);
    for (int i = 0; i < 70; ++i) EXPECT_EQ(by_distance.events(i).id(), second.events(i).id());
    request.set_skip(500);  // all of them, and nothing after
    EXPECT_EQ(list(request).events_size(), 0);
    EXPECT_FALSE(list(request).skipped_to().empty());
    request.set_skip(501);
    EXPECT_EQ(list(request).events_size(), 0);
    EXPECT_TRUE(list(request).skipped_to().empty());
  }
}

TEST_F(QueryTest, LargePagesFitADefaultClient) {
  for (int i = 0; i < 10; ++i) write(batch(1000));
  v1::ListResetsRequest request;
  request.set_include_benign(true);
  request.set_page_size(10'000);
  size_t events = 0;
  for (;;) {
    const auto response = list(request);  // the client's limit is gRPC's default, 4 MiB
    events += static_cast<size_t>(response.events_size());
    if (response.next_page_token().empty()) break;
    request.set_page_token(response.next_page_token());
  }
  EXPECT_EQ(events, 10'000u);
}

TEST_F(QueryTest, BriefLeavesTheDetailOut) {
  write(batch(20));
  v1::ListResetsRequest request;
  request.set_include_benign(true);
  const auto full = list(request);
  request.set_brief(true);
  const auto brief = list(request);
  ASSERT_EQ(brief.events_size(), full.events_size());
  EXPECT_GT(full.events(0).evidence_size(), 0);
  EXPECT_EQ(brief.events(0).evidence_size(), 0);
  EXPECT_EQ(brief.events(0).timeline_size(), 0);
  EXPECT_EQ(brief.events(0).summary(), full.events(0).summary());
  EXPECT_FALSE(brief.events(0).summary().empty());
}

TEST_F(QueryTest, RefusalsSayWhatIsWrong) {
  const auto refused = [&](const v1::ListResetsRequest& request) {
    v1::ListResetsResponse response;
    const auto status = call(&v1::Resetscope::Stub::ListResets, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  v1::ListResetsRequest request;
  request.set_filter("cause = port_closed and bogus = 1");
  EXPECT_THAT(refused(request), HasSubstr("column 25: unknown field"));
  request.set_filter("");
  request.set_page_size(10'001);
  EXPECT_THAT(refused(request), HasSubstr("at most 10000"));
  request.set_page_size(0);
  request.set_skip(10'001);
  EXPECT_THAT(refused(request), HasSubstr("skip 10001: at most 10000"));
  request.clear_skip();
  request.set_page_token("garbage");
  EXPECT_THAT(refused(request), HasSubstr("page_token"));
  request.clear_page_token();
  request.mutable_range()->mutable_since()->set_seconds(20);
  request.mutable_range()->mutable_until()->set_seconds(10);
  EXPECT_THAT(refused(request), HasSubstr("after range.until"));
  request.mutable_range()->mutable_until()->set_nanos(-1);
  EXPECT_THAT(refused(request), HasSubstr("nanos -1"));
}

TEST_F(QueryTest, DeadlineIsHonoured) {
  for (int i = 0; i < 20; ++i) write(batch(2000));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::microseconds(500));
  v1::TopRequest request;
  request.add_by(v1::DIMENSION_CLIENT_IP);
  v1::TopResponse response;
  const auto start = Clock::now();
  EXPECT_EQ(stub_->Top(&context, request, &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(1));
}

TEST_F(QueryTest, GetAndWhyExplain) {
  model::Batch sent = batch(50);
  model::Event& e = sent.events[7];
  e.client = *model::parse_endpoint("10.99.0.1:40000");
  e.server = *model::parse_endpoint("[2001:db8:99::2]:443");
  e.cause = Cause::kPortClosed;
  e.second_cause = Cause::kPathFwReject;
  e.severity = Severity::kBenign;  // Why hides nothing
  e.count = 3;
  write(sent);

  v1::GetResetRequest get;
  get.set_id(id_text(e.id));
  v1::GetResetResponse got;
  ASSERT_TRUE(call(&v1::Resetscope::Stub::GetReset, get, &got).ok());
  EXPECT_EQ(got.event().server().ip(), "2001:db8:99::2");
  EXPECT_EQ(got.advice().cause(), v1::CAUSE_PORT_CLOSED);
  EXPECT_FALSE(got.event().evidence(0).text().empty());
  get.set_id("0000000000000000");
  EXPECT_EQ(call(&v1::Resetscope::Stub::GetReset, get, &got).error_code(), grpc::StatusCode::NOT_FOUND);
  get.set_id("zz");
  EXPECT_EQ(call(&v1::Resetscope::Stub::GetReset, get, &got).error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  for (const auto& [client, server] :
       {std::pair("10.99.0.1", "[2001:db8:99::2]:443"), std::pair("2001:db8:99::2", "10.99.0.1:40000"),
        std::pair("10.99.0.1:40000", "")}) {
    v1::WhyRequest why;
    why.set_client(client);
    why.set_server(server);
    v1::WhyResponse because;
    ASSERT_TRUE(call(&v1::Resetscope::Stub::Why, why, &because).ok());
    ASSERT_EQ(because.explanations_size(), 1) << client;
    EXPECT_EQ(because.explanations(0).event().id(), id_text(e.id));
    EXPECT_EQ(because.explanations(0).second().cause(), v1::CAUSE_PATH_FW_REJECT);
    EXPECT_EQ(because.matching(), 3u);
  }
  v1::WhyRequest nothing;
  v1::WhyResponse because;
  EXPECT_EQ(call(&v1::Resetscope::Stub::Why, nothing, &because).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  nothing.set_client("10.99.0.1");
  nothing.set_server("10.99.0.3");
  ASSERT_TRUE(call(&v1::Resetscope::Stub::Why, nothing, &because).ok());
  EXPECT_EQ(because.explanations_size(), 0);
}

TEST_F(QueryTest, TopAddsUp) {
  const model::Batch sent = batch(1000);
  double total = 0;
  for (const auto& e : sent.events) total += static_cast<double>(e.count);
  write(sent);
  v1::TopRequest request;
  request.add_by(v1::DIMENSION_CAUSE);
  request.set_include_benign(true);
  request.set_limit(5);
  v1::TopResponse response;
  ASSERT_TRUE(call(&v1::Resetscope::Stub::Top, request, &response).ok());
  ASSERT_EQ(response.rows_size(), 5);
  EXPECT_EQ(response.total(), total);
  double sum = response.other();
  for (const auto& row : response.rows()) sum += row.value();
  EXPECT_DOUBLE_EQ(sum, total);
  EXPECT_GE(response.rows(0).value(), response.rows(1).value());
  EXPECT_TRUE(parse_cause(response.rows(0).keys(0)));
  EXPECT_EQ(name(static_cast<Cause>(response.rows(0).top_cause())), response.rows(0).keys(0));
  request.add_by(v1::DIMENSION_CLIENT_NETWORK);
  ASSERT_TRUE(call(&v1::Resetscope::Stub::Top, request, &response).ok());
  EXPECT_EQ(response.rows(0).keys_size(), 2);
  EXPECT_THAT(response.rows(0).keys(1), HasSubstr("/"));
  request.add_by(v1::DIMENSION_STAGE);
  EXPECT_EQ(call(&v1::Resetscope::Stub::Top, request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(QueryTest, RatesNeedDenominators) {
  model::Batch sent = batch(0);
  for (int i = 0; i < 2; ++i) {
    model::Event e = samples_.event(kStart);
    e.server = *model::parse_endpoint(i == 0 ? "10.0.0.1:80" : "10.0.0.2:80");
    e.severity = Severity::kProblem;
    e.count = 5;
    sent.events.push_back(e);
  }
  model::ServiceStats stats;
  stats.server = sent.events[0].server;
  stats.from_ns = kStart;
  stats.attempted = 100;
  stats.reset = 5;
  sent.services = {stats};
  write(sent);
  v1::TopRequest request;
  request.add_by(v1::DIMENSION_SERVICE);
  request.set_metric(v1::METRIC_PER_1000_CONNECTIONS);
  v1::TopResponse response;
  ASSERT_TRUE(call(&v1::Resetscope::Stub::Top, request, &response).ok());
  ASSERT_EQ(response.rows_size(), 1);
  EXPECT_EQ(response.rows(0).keys(0), "10.0.0.1:80");
  EXPECT_EQ(response.rows(0).value(), 50);
  EXPECT_THAT(response.completeness().notes(0), HasSubstr("1 rows are left out"));
  request.set_filter("client_ip = 10.0.0.9");
  EXPECT_EQ(call(&v1::Resetscope::Stub::Top, request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  v1::ListServicesRequest list_request;
  v1::ListServicesResponse services;
  ASSERT_TRUE(call(&v1::Resetscope::Stub::ListServices, list_request, &services).ok());
  ASSERT_EQ(services.services_size(), 1);
  EXPECT_EQ(services.services(0).attempted(), 100u);
  EXPECT_EQ(services.services(0).top_cause(), static_cast<v1::Cause>(sent.events[0].cause));
  list_request.set_filter("cause = port_closed");
  EXPECT_EQ(call(&v1::Resetscope::Stub::ListServices, list_request, &services).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(QueryTest, TimelineAddsUp) {
  const model::Batch sent = batch(1000);
  double total = 0;
  for (const auto& e : sent.events) total += static_cast<double>(e.count);
  write(sent);
  v1::TimelineRequest request;
  request.set_include_benign(true);
  for (const auto split : {v1::DIMENSION_UNSPECIFIED, v1::DIMENSION_FAMILY, v1::DIMENSION_CAUSE}) {
    request.set_split_by(split);
    v1::TimelineResponse response;
    ASSERT_TRUE(call(&v1::Resetscope::Stub::Timeline, request, &response).ok());
    double sum = 0;
    for (const auto& series : response.series())
      for (const double v : series.values()) sum += v;
    EXPECT_EQ(sum, total);
    EXPECT_LE(response.series_size(), 8);
    EXPECT_LE(response.series(0).values_size(), 201);
  }
}

TEST_F(QueryTest, WatchDeliversSoonAndResumes) {
  write(batch(10));
  const uint64_t before = store_->newest_cursor();
  grpc::ClientContext context;
  v1::WatchResetsRequest request;
  request.set_include_benign(true);
  const auto reader = stub_->WatchResets(&context, request);
  reader->WaitForInitialMetadata();
  const auto committed = Clock::now();
  write(batch(20));
  v1::WatchResetsResponse response;
  for (uint64_t i = 1; i <= 20; ++i) {
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.event().cursor(), before + i);
  }
  EXPECT_LT(Clock::now() - committed, std::chrono::milliseconds(500));  // tens of milliseconds when the machine is free
  context.TryCancel();

  grpc::ClientContext again;
  request.set_resume_cursor(before + 15);
  const auto resumed = stub_->WatchResets(&again, request);
  for (uint64_t i = 16; i <= 20; ++i) {
    ASSERT_TRUE(resumed->Read(&response));
    EXPECT_EQ(response.event().cursor(), before + i);
  }
  write(batch(1));
  ASSERT_TRUE(resumed->Read(&response));
  EXPECT_EQ(response.event().cursor(), before + 21);
  again.TryCancel();

  grpc::ClientContext beyond;
  request.set_resume_cursor(1'000'000);
  const auto refused = stub_->WatchResets(&beyond, request);
  EXPECT_FALSE(refused->Read(&response));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

TEST_F(QueryTest, WatchFiltersStartsWithTheLastAndBeats) {
  write(batch(100));
  grpc::ClientContext context;
  v1::WatchResetsRequest request;
  request.set_filter("severity = problem");
  request.set_last(3);
  const auto reader = stub_->WatchResets(&context, request);
  v1::WatchResetsResponse response;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.event().severity(), v1::SEVERITY_PROBLEM);
  }
  const auto start = Clock::now();
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.heartbeat_cursor(), store_->newest_cursor());
  EXPECT_GT(Clock::now() - start, std::chrono::seconds(3));
  context.TryCancel();
}

// A client that does not read falls behind in the store, then is told what it lost; every event is either sent or
// counted, and memory does not grow with what it missed.
TEST_F(QueryTest, SlowWatchIsToldWhatItLost) {
  grpc::ClientContext context;
  v1::WatchResetsRequest request;
  request.set_include_benign(true);
  const auto reader = stub_->WatchResets(&context, request);
  reader->WaitForInitialMetadata();
  constexpr uint64_t kBatches = 100;
  uint64_t endings = 0;
  for (uint64_t i = 0; i < kBatches; ++i) {
    model::Batch sent = batch(1000);
    for (auto& e : sent.events) e.count = 1;
    endings += sent.events.size();
    write(std::move(sent));
  }
  uint64_t seen = 0;
  uint64_t lost = 0;
  v1::WatchResetsResponse response;
  while (seen + lost < endings && reader->Read(&response)) {
    seen += response.has_event() ? 1 : 0;
    lost += response.item_case() == v1::WatchResetsResponse::kLostEvents ? response.lost_events() : 0;
  }
  EXPECT_EQ(seen + lost, endings);
  EXPECT_GT(lost, 0u);
  EXPECT_GT(seen, 0u);
  context.TryCancel();
}

TEST_F(QueryTest, StopEndsWatches) {
  grpc::ClientContext context;
  const auto reader = stub_->WatchResets(&context, {});
  reader->WaitForInitialMetadata();
  feed_->stop();
  v1::WatchResetsResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(QueryTest, SensorsAndCompleteness) {
  model::Batch sent = batch(5);
  sent.received_ns =
      static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1)) -
      60 * kSecond;
  sent.health.emplace();
  sent.health->time_ns = kStart;
  sent.health->rx_pkts = 1000;
  sent.health->missed_pkts = 50;
  sent.health->counters = {{"outcome.ok", 950}};
  write(sent);
  v1::ListSensorsResponse sensors;
  ASSERT_TRUE(call(&v1::Resetscope::Stub::ListSensors, {}, &sensors).ok());
  ASSERT_EQ(sensors.sensors_size(), 1);
  EXPECT_EQ(sensors.sensors(0).name(), "fra1");
  EXPECT_EQ(sensors.sensors(0).events(), 5u);
  EXPECT_FALSE(sensors.sensors(0).connected());
  EXPECT_EQ(sensors.sensors(0).counters().at("outcome.ok"), 950u);
  const auto completeness = list({}).completeness();
  EXPECT_EQ(completeness.sensors_reporting(), 1u);
  EXPECT_EQ(completeness.sensors_expected(), 1u);
  EXPECT_EQ(completeness.missed_packets(), 50u);
  ASSERT_EQ(completeness.notes_size(), 2);
  EXPECT_THAT(completeness.notes(0), HasSubstr("sensor fra1 has been silent since"));
  EXPECT_THAT(completeness.notes(1), HasSubstr("missed 50 of 1050 packets"));
  presence_.connected("fra1");
  EXPECT_EQ(list({}).completeness().notes_size(), 1);
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(call(&v1::Resetscope::Stub::GetServerInfo, {}, &info).ok());
  EXPECT_EQ(info.events(), 5u);
  EXPECT_EQ(info.sensors(), 1u);
}

// The open incident first, then each change; a watch resumes after a revision.
TEST_F(QueryTest, WatchesIncidents) {
  const auto scan = [&](uint32_t from, uint32_t ports) {
    correlate::Intake intake;
    for (uint32_t i = from; i < from + ports; ++i) {
      model::Ended e;
      e.id = e.cursor = intake.cursor = i + 1;
      e.time_ns = kStart + i * kSecond / 100;
      e.client = {model::from_v4(0x0a000107), 4000};
      e.server = {model::from_v4(0x0a000209), static_cast<uint16_t>(i + 1)};
      e.stage = Stage::kSyn;
      e.ending = Ending::kRefused;
      e.cause = Cause::kPortClosed;
      intake.ended.push_back(e);
    }
    correlation_.take(intake, {"fra1"}, kStart);
  };
  scan(0, 50);
  grpc::ClientContext context;
  const auto reader = stub_->WatchIncidents(&context, {});
  v1::WatchIncidentsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.incident().kind(), v1::INCIDENT_KIND_SCAN);
  EXPECT_EQ(response.incident().endings(), 50u);
  const uint64_t revision = response.heartbeat_revision();
  scan(50, 10);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.incident().endings(), 60u);
  context.TryCancel();
  grpc::ClientContext again;
  v1::WatchIncidentsRequest request;
  request.set_resume_revision(revision);
  const auto resumed = stub_->WatchIncidents(&again, request);
  ASSERT_TRUE(resumed->Read(&response));
  EXPECT_EQ(response.incident().endings(), 60u);
  again.TryCancel();
  grpc::ClientContext beyond;
  request.set_resume_revision(1'000'000);
  const auto refused = stub_->WatchIncidents(&beyond, request);
  EXPECT_FALSE(refused->Read(&response));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

TEST(TimeText, HasTheDigitsItNeeds) {
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time_text(1'700'000'000'120'000'000), "2023-11-14T22:13:20.12Z");
  EXPECT_EQ(parse_id(id_text(0xfedcba9876543210)), 0xfedcba9876543210);
}

}  // namespace
}  // namespace rs::query
