// SPDX-License-Identifier: Apache-2.0
#include "control/query/service.h"

#include <google/protobuf/arena.h>

namespace rs::query {
template <class Call>
grpc::Status Service::serve(const Call& call) {
  {
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  grpc::Status status = call();
  const std::lock_guard lock(mutex_);
  if (--under_way_ == 0) idle_.notify_all();
  return status;
}

void Service::drain(std::chrono::steady_clock::duration longest) {
  std::unique_lock lock(mutex_);
  idle_.wait_for(lock, longest, [this] { return under_way_ == 0; });
}

grpc::Status Service::StreamedListResets(
    grpc::ServerContext* context, grpc::ServerUnaryStreamer<v1::ListResetsRequest, v1::ListResetsResponse>* stream) {
  return serve([&] {
    v1::ListResetsRequest in;
    if (!stream->Read(&in)) return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "the request cannot be read");
    google::protobuf::Arena arena;
    auto& out = *google::protobuf::Arena::CreateMessage<v1::ListResetsResponse>(&arena);
    grpc::Status status = list_resets(parts_, *context, in, out);
    if (status.ok()) stream->Write(out);
    return status;
  });
}

grpc::Status Service::WatchResets(grpc::ServerContext* context, const v1::WatchResetsRequest* in,
                                  grpc::ServerWriter<v1::WatchResetsResponse>* out) {
  return serve([&] { return watch_resets(parts_, *context, *in, *out); });
}
grpc::Status Service::GetReset(grpc::ServerContext* context, const v1::GetResetRequest* in, v1::GetResetResponse* out) {
  return serve([&] { return get_reset(parts_, *context, *in, *out); });
}
grpc::Status Service::Why(grpc::ServerContext* context, const v1::WhyRequest* in, v1::WhyResponse* out) {
  return serve([&] { return why(parts_, *context, *in, *out); });
}
grpc::Status Service::Top(grpc::ServerContext* context, const v1::TopRequest* in, v1::TopResponse* out) {
  return serve([&] { return top(parts_, *context, *in, *out); });
}
grpc::Status Service::Heatmap(grpc::ServerContext* context, const v1::HeatmapRequest* in, v1::HeatmapResponse* out) {
  return serve([&] { return heatmap(parts_, *context, *in, *out); });
}
grpc::Status Service::Timeline(grpc::ServerContext* context, const v1::TimelineRequest* in, v1::TimelineResponse* out) {
  return serve([&] { return timeline(parts_, *context, *in, *out); });
}
grpc::Status Service::ListServices(grpc::ServerContext* context, const v1::ListServicesRequest* in,
                                   v1::ListServicesResponse* out) {
  return serve([&] { return list_services(parts_, *context, *in, *out); });
}
grpc::Status Service::ListIncidents(grpc::ServerContext* context, const v1::ListIncidentsRequest* in,
                                    v1::ListIncidentsResponse* out) {
  return serve([&] { return list_incidents(parts_, *context, *in, *out); });
}
grpc::Status Service::WatchIncidents(grpc::ServerContext* context, const v1::WatchIncidentsRequest* in,
                                     grpc::ServerWriter<v1::WatchIncidentsResponse>* out) {
  return serve([&] { return watch_incidents(parts_, *context, *in, *out); });
}
grpc::Status Service::ListIdleTimeouts(grpc::ServerContext* context, const v1::ListIdleTimeoutsRequest* in,
                                       v1::ListIdleTimeoutsResponse* out) {
  return serve([&] { return list_idle_timeouts(parts_, *context, *in, *out); });
}
grpc::Status Service::ListSensors(grpc::ServerContext* context, const v1::ListSensorsRequest*,
                                  v1::ListSensorsResponse* out) {
  return serve([&] { return list_sensors(parts_, *context, *out); });
}
grpc::Status Service::GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest*,
                                    v1::GetServerInfoResponse* out) {
  return serve([&] { return server_info(parts_, *context, *out); });
}

}  // namespace rs::query
