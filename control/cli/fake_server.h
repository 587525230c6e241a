// SPDX-License-Identifier: Apache-2.0
//
// A control plane for tests: real gRPC, made-up endings. Remembers the last request of each call.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/query.grpc.pb.h"

namespace rs::cli {

namespace v1 = resetscope::v1;

// One full ending: a refused connection, with evidence, timeline and hostile text in the server's name.
v1::Event sample_event(uint64_t number = 0);

class FakeService final : public v1::Resetscope::Service {
 public:
  std::vector<v1::Event> events;
  uint64_t hidden_benign = 0;
  size_t largest_page = 10'000;  // a page may hold less than was asked for
  bool knows_skip = true;
  std::vector<std::string> notes;
  grpc::Status answer = grpc::Status::OK;  // of every unary call
  // Runs the n-th watch; the default sends all events and ends it with UNAVAILABLE.
  std::function<grpc::Status(int n, const v1::WatchResetsRequest&, grpc::ServerWriter<v1::WatchResetsResponse>*)> watch;
  std::atomic<int> watches{0};
  std::atomic<int> pages{0};

  v1::ListResetsRequest list_request;  // the first page's
  v1::TopRequest top_request;
  v1::HeatmapRequest heatmap_request;
  v1::HeatmapResponse heatmap;
  v1::ListIncidentsRequest incidents_request;
  v1::ListIncidentsResponse incidents;
  std::vector<v1::Incident> changes;  // what a watch of incidents sends before it ends
  v1::ListIdleTimeoutsRequest timeouts_request;
  v1::ListIdleTimeoutsResponse timeouts;
  v1::ListServicesRequest services_request;
  v1::WhyRequest why_request;

  grpc::Status ListResets(grpc::ServerContext*, const v1::ListResetsRequest*, v1::ListResetsResponse*) override;
  grpc::Status WatchResets(grpc::ServerContext*, const v1::WatchResetsRequest*,
                           grpc::ServerWriter<v1::WatchResetsResponse>*) override;
  grpc::Status Why(grpc::ServerContext*, const v1::WhyRequest*, v1::WhyResponse*) override;
  grpc::Status Top(grpc::ServerContext*, const v1::TopRequest*, v1::TopResponse*) override;
  grpc::Status Heatmap(grpc::ServerContext*, const v1::HeatmapRequest*, v1::HeatmapResponse*) override;
  grpc::Status ListIncidents(grpc::ServerContext*, const v1::ListIncidentsRequest*,
                             v1::ListIncidentsResponse*) override;
  grpc::Status WatchIncidents(grpc::ServerContext*, const v1::WatchIncidentsRequest*,
                              grpc::ServerWriter<v1::WatchIncidentsResponse>*) override;
  grpc::Status ListIdleTimeouts(grpc::ServerContext*, const v1::ListIdleTimeoutsRequest*,
                                v1::ListIdleTimeoutsResponse*) override;
  grpc::Status ListServices(grpc::ServerContext*, const v1::ListServicesRequest*, v1::ListServicesResponse*) override;
  grpc::Status ListSensors(grpc::ServerContext*, const v1::ListSensorsRequest*, v1::ListSensorsResponse*) override;
  grpc::Status GetServerInfo(grpc::ServerContext*, const v1::GetServerInfoRequest*,
                             v1::GetServerInfoResponse*) override;

 private:
  v1::Completeness completeness() const;
};

// Serves until it goes. `address` as in --server.
std::unique_ptr<grpc::Server> serve(FakeService& service, const std::string& address);

}  // namespace rs::cli
