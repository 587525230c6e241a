// SPDX-License-Identifier: Apache-2.0
//
// Heatmap, rates and comparisons with a store in memory and on disk, checked against sums over the events themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <map>

#include "control/model/sample_events.h"
#include "control/query/calls.h"
#include "control/query/encode.h"
#include "control/query/feed.h"
#include "control/store/sqlite/sqlite_store.h"

namespace rs::query {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kHour = 3600 * kSecond;
constexpr uint64_t kStart = 1'700'000'000'000'000'000 / (24 * kHour) * (24 * kHour);

google::protobuf::Timestamp at(uint64_t ns) {
  google::protobuf::Timestamp time;
  encode_time(ns, time);
  return time;
}

class HeatmapTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    path_ = GetParam() ? ":memory:" : testing::TempDir() + "heatmap_test_" + std::to_string(getpid()) + ".db";
    store_ = std::move(*store::sqlite::open({path_, 0, 0}));
    feed_ = std::make_unique<Feed>(*store_);
  }
  void TearDown() override {
    feed_.reset();
    store_.reset();
    if (!GetParam())
      for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  }
  Parts parts() { return {*store_, presence_, *feed_, names_, correlation_, kStart}; }
  void write(model::Batch batch) {
    std::promise<void> stored;
    store_->write(std::move(batch), [&](const store::Written&) { stored.set_value(); });
    stored.get_future().wait();
  }
  v1::HeatmapResponse map(const v1::HeatmapRequest& request) {
    grpc::ServerContext context;
    v1::HeatmapResponse response;
    const grpc::Status status = heatmap(parts(), context, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  static std::map<std::pair<std::string, std::string>, double> cells(const v1::HeatmapResponse& response) {
    std::map<std::pair<std::string, std::string>, double> out;
    for (const auto& cell : response.cells())
      out[{response.x_labels(static_cast<int>(cell.x())), response.y_labels(static_cast<int>(cell.y()))}] =
          cell.value();
    return out;
  }

  std::string path_;
  model::SampleEvents samples_{11};
  std::unique_ptr<store::Store> store_;
  model::Presence presence_;
  model::NamesHolder names_;
  correlate::Correlation correlation_;
  std::unique_ptr<Feed> feed_;
};

INSTANTIATE_TEST_SUITE_P(Stores, HeatmapTest, testing::Bool(),
                         [](const auto& one) { return one.param ? "memory" : "file"; });

TEST_P(HeatmapTest, EveryPairOfDimensionsAddsUp) {
  const model::Batch sent = samples_.batch("fra1", 1, 600, kStart);
  double total = 0;
  for (const auto& e : sent.events) total += static_cast<double>(e.count);
  write(sent);
  const v1::Dimension dimensions[] = {v1::DIMENSION_TIME,           v1::DIMENSION_SERVICE, v1::DIMENSION_SERVER_NETWORK,
                                      v1::DIMENSION_CLIENT_NETWORK, v1::DIMENSION_SITE,    v1::DIMENSION_CAUSE,
                                      v1::DIMENSION_ORIGIN,         v1::DIMENSION_STAGE,   v1::DIMENSION_SENSOR,
                                      v1::DIMENSION_IDLE_TIME};
  for (const auto x : dimensions)
    for (const auto y : dimensions) {
      if (x == y) continue;
      v1::HeatmapRequest request;
      request.set_x(x);
      request.set_y(y);
      request.set_include_benign(true);
      request.set_rows(5);
      const auto response = map(request);
      double sum = 0;
      for (const auto& cell : response.cells()) sum += cell.value();
      EXPECT_EQ(sum, total) << x << " " << y;
      EXPECT_EQ(response.total(), total);
      EXPECT_LE(response.y_labels_size(), y == v1::DIMENSION_TIME ? 60 : 5);
      EXPECT_EQ(response.y_other(), response.y_labels_size() == 5 && response.y_labels(4) == "other");
    }
}

TEST_P(HeatmapTest, CellsAreThoseOfTheEvents) {
  const model::Batch sent = samples_.batch("fra1", 1, 500, kStart);
  std::map<std::pair<std::string, std::string>, double> want;
  for (const auto& e : sent.events)
    if (e.severity != Severity::kBenign)
      want[{std::string(name(e.stage)), std::string(name(e.cause))}] += static_cast<double>(e.count);
  write(sent);
  v1::HeatmapRequest request;
  request.set_x(v1::DIMENSION_STAGE);
  request.set_y(v1::DIMENSION_CAUSE);
  request.set_rows(100);
  const auto response = map(request);
  for (const auto& [keys, value] : cells(response)) EXPECT_EQ(value, (want.contains(keys) ? want[keys] : 0));
  EXPECT_EQ(static_cast<size_t>(response.cells_size()),
            static_cast<size_t>(response.x_labels_size()) * static_cast<size_t>(response.y_labels_size()));
  EXPECT_THAT(std::vector<std::string>(response.x_labels().begin(), response.x_labels().begin() + 3),
              ElementsAre("unknown", "syn", "syn_ack"));
  EXPECT_GT(response.completeness().hidden_benign(), 0u);
}

// Three hours: watched with an ending, watched without one, blind in part, not watched at all.
TEST_P(HeatmapTest, TellsNothingFromNobodyLooking) {
  const auto report = [&](uint64_t sequence, uint64_t at_ns, uint64_t missed) {
    model::Batch b = samples_.batch("fra1", sequence, 0, kStart);
    b.health.emplace();
    b.health->time_ns = at_ns;
    b.health->rx_pkts = 1000 * sequence;
    b.health->missed_pkts = missed;
    return b;
  };
  model::Batch first = report(1, kStart + 10 * kSecond, 0);
  first.events.push_back(samples_.event(kStart));
  first.events[0].time_ns = kStart + 20 * kSecond;
  first.events[0].severity = Severity::kProblem;
  first.events[0].count = 3;
  write(first);
  write(report(2, kStart + kHour + kHour / 2, 0));
  write(report(3, kStart + 2 * kHour + kHour / 2, 7));
  model::Batch last = report(4, kStart + 3 * kHour - kSecond, 7);
  last.last = true;
  write(last);
  v1::HeatmapRequest request;
  request.set_x(v1::DIMENSION_TIME);
  request.set_y(v1::DIMENSION_SERVICE);
  *request.mutable_range()->mutable_since() = at(kStart);
  *request.mutable_range()->mutable_until() = at(kStart + 5 * kHour);
  request.set_columns(6);
  const auto response = map(request);
  EXPECT_EQ(response.step().seconds(), 3600);
  ASSERT_EQ(response.x_labels_size(), 5);
  ASSERT_EQ(response.cells_size(), 3);
  EXPECT_EQ(response.cells(0).value(), 3);
  EXPECT_EQ(response.cells(1).value(), 0);
  EXPECT_FALSE(response.cells(0).incomplete());
  EXPECT_FALSE(response.cells(1).incomplete());
  EXPECT_TRUE(response.cells(2).incomplete());  // it missed 7 packets
}

TEST_P(HeatmapTest, SilenceOfOneOfTwoSensorsIsIncomplete) {
  for (const auto& [sensor, until] : {std::pair("a", kStart + 3 * kHour), std::pair("b", kStart + kHour)}) {
    model::Batch b = samples_.batch(sensor, 1, 0, kStart);
    b.services = {
        {.server = {model::from_v4(1), 80}, .from_ns = kStart, .to_ns = kStart + 10 * kSecond, .by_cause = {}}};
    b.health.emplace();
    b.health->time_ns = until - kSecond;
    b.events.push_back(samples_.event(kStart));
    b.events[0].time_ns = kStart;
    b.events[0].severity = Severity::kProblem;
    write(b);
  }
  v1::HeatmapRequest request;
  request.set_x(v1::DIMENSION_TIME);
  request.set_y(v1::DIMENSION_SENSOR);
  *request.mutable_range()->mutable_since() = at(kStart);
  *request.mutable_range()->mutable_until() = at(kStart + 3 * kHour);
  request.set_columns(4);
  const auto response = map(request);
  ASSERT_EQ(response.y_labels_size(), 2);
  ASSERT_EQ(response.cells_size(), 4);  // b: one hour, a: three
  for (const auto& cell : response.cells()) EXPECT_FALSE(cell.incomplete());
  request.set_y(v1::DIMENSION_CAUSE);
  const auto by_cause = map(request);
  for (const auto& cell : by_cause.cells()) EXPECT_EQ(cell.incomplete(), cell.x() > 0);
}

TEST_P(HeatmapTest, RatesHaveDenominatorsOrNoCell) {
  model::Batch sent = samples_.batch("fra1", 1, 40, kStart);
  const model::Endpoint counted{model::from_v4(0x0a000001), 80};
  const model::Endpoint uncounted{model::from_v4(0x0a000002), 80};
  for (size_t i = 0; i < sent.events.size(); ++i) {
    sent.events[i].server = i % 2 == 0 ? counted : uncounted;
    sent.events[i].severity = Severity::kProblem;
    sent.events[i].cause = i % 4 == 0 ? Cause::kPortClosed : Cause::kOverload;
    sent.events[i].count = 1;
    sent.events[i].time_ns = kStart + (i % 2) * kHour;
  }
  sent.services = {
      {.server = counted, .from_ns = kStart, .to_ns = kStart + 10 * kSecond, .attempted = 2000, .by_cause = {}}};
  write(sent);
  v1::HeatmapRequest request;
  request.set_x(v1::DIMENSION_CAUSE);
  request.set_y(v1::DIMENSION_SERVICE);
  request.set_metric(v1::METRIC_PER_1000_CONNECTIONS);
  auto response = map(request);
  EXPECT_EQ(cells(response), (std::map<std::pair<std::string, std::string>, double>{
                                 {{"overload", "10.0.0.1:80"}, 5}, {{"port_closed", "10.0.0.1:80"}, 5}}));
  EXPECT_THAT(response.completeness().notes(0), HasSubstr("no sensor reported how many connections"));
  request.set_x(v1::DIMENSION_TIME);
  *request.mutable_range()->mutable_since() = at(kStart);
  *request.mutable_range()->mutable_until() = at(kStart + 2 * kHour);
  response = map(request);
  ASSERT_EQ(response.cells_size(), 1);
  EXPECT_EQ(response.cells(0).value(), 10);  // 20 of 2,000
  request.set_x(v1::DIMENSION_CLIENT_NETWORK);
  response = map(request);
  EXPECT_THAT(response.completeness().notes(1), HasSubstr("not counted by client"));
}

TEST_P(HeatmapTest, SitesComeFromNames) {
  model::Batch sent = samples_.batch("fra1", 1, 100, kStart);
  for (size_t i = 0; i < sent.events.size(); ++i) {
    sent.events[i].server.ip =
        model::from_v4(0x0a000000u + (i % 2 == 0 ? 0x0100u : 0x0200u) + static_cast<uint32_t>(i % 10));
    sent.events[i].severity = Severity::kProblem;
    sent.events[i].count = 1;
  }
  write(sent);
  names_.set(
      model::Names({{.network = *model::parse_prefix("10.0.1.0/24"), .site = "fra1", .service = "", .owner = ""}}, {}),
      "test");
  v1::HeatmapRequest request;
  request.set_x(v1::DIMENSION_ENDING);
  request.set_y(v1::DIMENSION_SITE);
  const auto response = map(request);
  EXPECT_THAT(std::vector<std::string>(response.y_labels().begin(), response.y_labels().end()),
              testing::UnorderedElementsAre("fra1", "(no site)"));
  // What a line stands for, as a filter, has its numbers.
  for (int y = 0; y < response.y_labels_size(); ++y) {
    double line = 0;
    for (const auto& cell : response.cells())
      if (cell.y() == static_cast<uint32_t>(y)) line += cell.value();
    request.set_filter(response.y_labels(y) == "fra1" ? "site = fra1" : "site = ''");
    const auto one = map(request);
    ASSERT_EQ(one.y_labels_size(), 1);
    EXPECT_EQ(one.y_labels(0), response.y_labels(y));
    EXPECT_EQ(one.total(), line);
  }
  EXPECT_EQ(response.total(), 100);
  grpc::ServerContext context;
  v1::HeatmapResponse refused;
  request.set_filter("site = fra2");
  EXPECT_THAT(heatmap(parts(), context, request, refused).error_message(), HasSubstr("did you mean fra1"));
}

TEST_P(HeatmapTest, NamesAreListedForCompletion) {
  const auto entry = [](const char* cidr, const char* service, const char* owner) {
    return model::NameEntry{*model::parse_prefix(cidr), 0, "", service, owner, model::Role::kProxy};
  };
  names_.set(
      model::Names({entry("10.0.1.1", "Shop", "b"), entry("10.0.1.2", "workshop", "a"), entry("10.0.1.3", "db", "a")},
                   {}),
      "test");
  const auto listed = [&](const char* field, const char* part, uint32_t limit = 0) {
    grpc::ServerContext context;
    v1::ListNamesRequest request;
    v1::ListNamesResponse response;
    request.set_field(field);
    request.set_part(part);
    request.set_limit(limit);
    const auto status = list_names(parts(), context, request, response);
    std::string text = status.ok() ? "" : status.error_message();
    for (const std::string& value : response.values()) text.append(text.empty() ? "" : " ").append(value);
    return text + (response.more() ? " ..." : "");
  };
  EXPECT_EQ(listed("service", ""), "Shop db workshop");
  EXPECT_EQ(listed("client_service", "SHOP"), "Shop workshop");
  EXPECT_EQ(listed("owner", ""), "a b");
  EXPECT_EQ(listed("owner", "", 1), "a ...");
  EXPECT_EQ(listed("role", "p"), "proxy");
  EXPECT_EQ(listed("site", ""), "");
  EXPECT_THAT(listed("cause", ""), HasSubstr("site, service, owner and role"));
  EXPECT_THAT(listed("site", "", 100'000), HasSubstr("at most 1000"));
}

TEST_P(HeatmapTest, RefusesNonsense) {
  const auto refusal = [&](const v1::HeatmapRequest& request) {
    grpc::ServerContext context;
    v1::HeatmapResponse response;
    return heatmap(parts(), context, request, response).error_message();
  };
  v1::HeatmapRequest request;
  EXPECT_THAT(refusal(request), HasSubstr("two different dimensions"));
  request.set_x(v1::DIMENSION_TIME);
  EXPECT_THAT(refusal(request), HasSubstr("y: dimension 0 is unspecified"));
  request.set_y(v1::DIMENSION_SERVICE);
  request.set_columns(401);
  EXPECT_THAT(refusal(request), HasSubstr("columns 401: at most 400"));
  request.set_columns(0);
  request.set_filter("cause = nonsense");
  EXPECT_THAT(refusal(request), HasSubstr("nonsense"));
  request.set_filter("");
  request.set_metric(v1::METRIC_PER_1000_CONNECTIONS);
  request.set_filter("client_ip = 10.0.0.1");
  EXPECT_THAT(refusal(request), HasSubstr("connections are not counted by anything else"));
  request.clear_filter();
  EXPECT_EQ(map(request).cells_size(), 0);  // an empty store
}

TEST_P(HeatmapTest, TopAndServicesCompareWithOtherDays) {
  const model::Endpoint server{model::from_v4(0x0a000001), 80};
  uint64_t sequence = 0;
  const auto day = [&](uint64_t start, size_t endings) {
    model::Batch b = samples_.batch("fra1", ++sequence, endings, start);
    for (auto& e : b.events) e.server = server, e.severity = Severity::kProblem, e.count = 1;
    b.services = {{.server = server,
                   .from_ns = start,
                   .to_ns = start + 10 * kSecond,
                   .attempted = 100,
                   .reset = endings,
                   .by_cause = {}}};
    write(b);
  };
  day(kStart + 7 * 24 * kHour, 30);
  day(kStart + 6 * 24 * kHour, 10);
  v1::TopRequest request;
  request.add_by(v1::DIMENSION_SERVICE);
  request.set_compare(true);
  grpc::ServerContext context;
  v1::TopResponse top_response;
  EXPECT_THAT(top(parts(), context, request, top_response).error_message(), HasSubstr("range.since"));
  *request.mutable_range()->mutable_since() = at(kStart + 7 * 24 * kHour);
  *request.mutable_range()->mutable_until() = at(kStart + 7 * 24 * kHour + kHour);
  ASSERT_TRUE(top(parts(), context, request, top_response).ok());
  ASSERT_EQ(top_response.rows_size(), 1);
  EXPECT_EQ(top_response.rows(0).value(), 30);
  EXPECT_EQ(top_response.rows(0).before().yesterday(), 10);
  EXPECT_FALSE(top_response.rows(0).before().has_last_week());  // nobody watched then
  EXPECT_EQ(top_response.before().yesterday(), 10);
  v1::ListServicesRequest list;
  *list.mutable_range() = request.range();
  list.set_compare(true);
  v1::ListServicesResponse services;
  ASSERT_TRUE(list_services(parts(), context, list, services).ok());
  ASSERT_EQ(services.services_size(), 1);
  EXPECT_EQ(services.services(0).failed_per_1000(), 300);
  EXPECT_EQ(services.services(0).before().yesterday(), 100);
  EXPECT_FALSE(services.services(0).before().has_last_week());
  list.set_by(v1::DIMENSION_SERVER_NETWORK);
  services.Clear();
  ASSERT_TRUE(list_services(parts(), context, list, services).ok());
  EXPECT_EQ(services.services(0).key(), "10.0.0.0/24");
  list.set_by(v1::DIMENSION_CAUSE);
  EXPECT_FALSE(list_services(parts(), context, list, services).ok());
}

}  // namespace
}  // namespace rs::query
