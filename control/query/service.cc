// SPDX-License-Identifier: Apache-2.0
#include "control/query/service.h"

#include <google/protobuf/arena.h>

#include <optional>

#include "control/access/caller.h"

namespace rs::query {
namespace {

using access::Need;

// "ListResetsRequest" -> "ListResets"
std::string call_name(const google::protobuf::Message& in) {
  std::string name = in.GetDescriptor()->name();
  constexpr std::string_view kSuffix = "Request";
  if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
  return name;
}

}  // namespace

template <class Call>
grpc::Status Service::serve(const grpc::ServerContext& context, Need need, const google::protobuf::Message& in,
                            const Call& call) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string name = call_name(in);
  grpc::Status status = admitted(context, need, name, in, call);
  if (observer_ != nullptr) {
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    observer_->called(name, status.error_code(), took, need == Need::kWatch);
  }
  return status;
}

template <class Call>
grpc::Status Service::admitted(const grpc::ServerContext& context, Need need, const std::string& name,
                               const google::protobuf::Message& in, const Call& call) {
  std::optional<access::Gate::Pass> pass;
  if (gate_ != nullptr) {
    if (const size_t bytes = in.ByteSizeLong(); bytes > access::Gate::kMaxRequestBytes)
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "a request of " + std::to_string(bytes) + " bytes; the most is " +
                                                        std::to_string(access::Gate::kMaxRequestBytes)};
    auto entered = gate_->enter(access::caller_of(context), need, name);
    if (!entered) return access::refusal(entered.error());
    pass.emplace(std::move(*entered));
  }
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
  v1::ListResetsRequest in;
  if (!stream->Read(&in)) return {grpc::StatusCode::INVALID_ARGUMENT, "the request cannot be read"};
  return serve(*context, Need::kRead, in, [&] {
    google::protobuf::Arena arena;
    auto& out = *google::protobuf::Arena::CreateMessage<v1::ListResetsResponse>(&arena);
    grpc::Status status = list_resets(parts_, *context, in, out);
    if (status.ok()) stream->Write(out);
    return status;
  });
}

grpc::Status Service::WatchResets(grpc::ServerContext* context, const v1::WatchResetsRequest* in,
                                  grpc::ServerWriter<v1::WatchResetsResponse>* out) {
  return serve(*context, Need::kWatch, *in, [&] { return watch_resets(parts_, *context, *in, *out); });
}
grpc::Status Service::GetReset(grpc::ServerContext* context, const v1::GetResetRequest* in, v1::GetResetResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return get_reset(parts_, *context, *in, *out); });
}
grpc::Status Service::Why(grpc::ServerContext* context, const v1::WhyRequest* in, v1::WhyResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return why(parts_, *context, *in, *out); });
}
grpc::Status Service::Top(grpc::ServerContext* context, const v1::TopRequest* in, v1::TopResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return top(parts_, *context, *in, *out); });
}
grpc::Status Service::Heatmap(grpc::ServerContext* context, const v1::HeatmapRequest* in, v1::HeatmapResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return heatmap(parts_, *context, *in, *out); });
}
grpc::Status Service::Timeline(grpc::ServerContext* context, const v1::TimelineRequest* in, v1::TimelineResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return timeline(parts_, *context, *in, *out); });
}
grpc::Status Service::ListServices(grpc::ServerContext* context, const v1::ListServicesRequest* in,
                                   v1::ListServicesResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return list_services(parts_, *context, *in, *out); });
}
grpc::Status Service::ListIncidents(grpc::ServerContext* context, const v1::ListIncidentsRequest* in,
                                    v1::ListIncidentsResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return list_incidents(parts_, *context, *in, *out); });
}
grpc::Status Service::WatchIncidents(grpc::ServerContext* context, const v1::WatchIncidentsRequest* in,
                                     grpc::ServerWriter<v1::WatchIncidentsResponse>* out) {
  return serve(*context, Need::kWatch, *in, [&] { return watch_incidents(parts_, *context, *in, *out); });
}
grpc::Status Service::ListIdleTimeouts(grpc::ServerContext* context, const v1::ListIdleTimeoutsRequest* in,
                                       v1::ListIdleTimeoutsResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return list_idle_timeouts(parts_, *context, *in, *out); });
}
grpc::Status Service::ListSensors(grpc::ServerContext* context, const v1::ListSensorsRequest* in,
                                  v1::ListSensorsResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return list_sensors(parts_, *context, *out); });
}
grpc::Status Service::ListNames(grpc::ServerContext* context, const v1::ListNamesRequest* in,
                                v1::ListNamesResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return list_names(parts_, *context, *in, *out); });
}
grpc::Status Service::GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest* in,
                                    v1::GetServerInfoResponse* out) {
  return serve(*context, Need::kRead, *in, [&] { return server_info(parts_, *context, *out); });
}

}  // namespace rs::query
