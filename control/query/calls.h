// SPDX-License-Identifier: Apache-2.0
//
// The calls of query.proto as free functions: each checks its request, reads the store, fills the response. Any
// thread. One file a subject; service.cc only forwards.
#pragma once

#include <grpcpp/grpcpp.h>

#include "control/query/request.h"
#include "proto/query.grpc.pb.h"

namespace rs::query {

// list.cc
grpc::Status list_resets(const Parts& parts, grpc::ServerContext& context, const v1::ListResetsRequest& in,
                         v1::ListResetsResponse& out);
// why.cc
grpc::Status get_reset(const Parts& parts, grpc::ServerContext& context, const v1::GetResetRequest& in,
                       v1::GetResetResponse& out);
grpc::Status why(const Parts& parts, grpc::ServerContext& context, const v1::WhyRequest& in, v1::WhyResponse& out);
// watch.cc
grpc::Status watch_resets(const Parts& parts, grpc::ServerContext& context, const v1::WatchResetsRequest& in,
                          grpc::ServerWriter<v1::WatchResetsResponse>& out);
// top.cc
grpc::Status top(const Parts& parts, grpc::ServerContext& context, const v1::TopRequest& in, v1::TopResponse& out);
// heatmap.cc
grpc::Status heatmap(const Parts& parts, grpc::ServerContext& context, const v1::HeatmapRequest& in,
                     v1::HeatmapResponse& out);
// timeline.cc
grpc::Status timeline(const Parts& parts, grpc::ServerContext& context, const v1::TimelineRequest& in,
                      v1::TimelineResponse& out);
// services.cc
grpc::Status list_services(const Parts& parts, grpc::ServerContext& context, const v1::ListServicesRequest& in,
                           v1::ListServicesResponse& out);
// incidents.cc
grpc::Status list_incidents(const Parts& parts, grpc::ServerContext& context, const v1::ListIncidentsRequest& in,
                            v1::ListIncidentsResponse& out);
grpc::Status watch_incidents(const Parts& parts, grpc::ServerContext& context, const v1::WatchIncidentsRequest& in,
                             grpc::ServerWriter<v1::WatchIncidentsResponse>& out);
// timeouts.cc
grpc::Status list_idle_timeouts(const Parts& parts, grpc::ServerContext& context, const v1::ListIdleTimeoutsRequest& in,
                                v1::ListIdleTimeoutsResponse& out);
// names.cc
grpc::Status list_names(const Parts& parts, grpc::ServerContext& context, const v1::ListNamesRequest& in,
                        v1::ListNamesResponse& out);
// sensors.cc
grpc::Status list_sensors(const Parts& parts, grpc::ServerContext& context, v1::ListSensorsResponse& out);
grpc::Status server_info(const Parts& parts, grpc::ServerContext& context, v1::GetServerInfoResponse& out);

}  // namespace rs::query
