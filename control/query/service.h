// SPDX-License-Identifier: Apache-2.0
//
// gRPC service resetscope.v1.Resetscope: forwards each call to its function in calls.h. Runs on gRPC's threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "control/access/gate.h"
#include "control/query/calls.h"
#include "proto/query.grpc.pb.h"

namespace rs::query {

// Hears of every call when it has been answered; on gRPC's threads.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void called(const std::string& call, grpc::StatusCode code, double seconds, bool watch) = 0;
};

// ListResets takes gRPC's "streamed unary" form, the same on the wire, in which the handler owns the response: a page
// of up to 10,000 events is built in one arena and freed at once.
class Service final : public v1::Resetscope::WithStreamedUnaryMethod_ListResets<v1::Resetscope::Service> {
 public:
  // Without a gate everybody may ask for everything.
  explicit Service(const Parts& parts, access::Gate* gate = nullptr, CallObserver* observer = nullptr)
      : parts_(parts), gate_(gate), observer_(observer) {}

  // control thread, at shutdown: waits for the calls under way, no longer than this.
  void drain(std::chrono::steady_clock::duration longest);

  grpc::Status StreamedListResets(
      grpc::ServerContext* context,
      grpc::ServerUnaryStreamer<v1::ListResetsRequest, v1::ListResetsResponse>* stream) override;
  grpc::Status WatchResets(grpc::ServerContext* context, const v1::WatchResetsRequest* in,
                           grpc::ServerWriter<v1::WatchResetsResponse>* out) override;
  grpc::Status GetReset(grpc::ServerContext* context, const v1::GetResetRequest* in,
                        v1::GetResetResponse* out) override;
  grpc::Status Why(grpc::ServerContext* context, const v1::WhyRequest* in, v1::WhyResponse* out) override;
  grpc::Status Top(grpc::ServerContext* context, const v1::TopRequest* in, v1::TopResponse* out) override;
  grpc::Status Heatmap(grpc::ServerContext* context, const v1::HeatmapRequest* in, v1::HeatmapResponse* out) override;
  grpc::Status Timeline(grpc::ServerContext* context, const v1::TimelineRequest* in,
                        v1::TimelineResponse* out) override;
  grpc::Status ListServices(grpc::ServerContext* context, const v1::ListServicesRequest* in,
                            v1::ListServicesResponse* out) override;
  grpc::Status ListIncidents(grpc::ServerContext* context, const v1::ListIncidentsRequest* in,
                             v1::ListIncidentsResponse* out) override;
  grpc::Status WatchIncidents(grpc::ServerContext* context, const v1::WatchIncidentsRequest* in,
                              grpc::ServerWriter<v1::WatchIncidentsResponse>* out) override;
  grpc::Status ListIdleTimeouts(grpc::ServerContext* context, const v1::ListIdleTimeoutsRequest* in,
                                v1::ListIdleTimeoutsResponse* out) override;
  grpc::Status ListSensors(grpc::ServerContext* context, const v1::ListSensorsRequest* in,
                           v1::ListSensorsResponse* out) override;
  grpc::Status ListNames(grpc::ServerContext* context, const v1::ListNamesRequest* in,
                         v1::ListNamesResponse* out) override;
  grpc::Status GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest* in,
                             v1::GetServerInfoResponse* out) override;

 private:
  // Runs the call if its caller may, and counts it while it runs.
  template <class Call>
  grpc::Status serve(const grpc::ServerContext& context, access::Need need, const google::protobuf::Message& in,
                     const Call& call);
  template <class Call>
  grpc::Status admitted(const grpc::ServerContext& context, access::Need need, const std::string& name,
                        const google::protobuf::Message& in, const Call& call);

  Parts parts_;
  access::Gate* const gate_;
  CallObserver* const observer_;
  std::mutex mutex_;
  std::condition_variable idle_;
  size_t under_way_ = 0;  // under mutex_
};

}  // namespace rs::query
