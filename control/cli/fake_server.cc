// SPDX-License-Identifier: Apache-2.0
#include "control/cli/fake_server.h"

#include <algorithm>
#include <cstdio>

#include "control/cli/when.h"

namespace rs::cli {
namespace {

constexpr int64_t kTime = 1'795'603'398'123'456'789;  // 2026-11-25 10:43:18 UTC

void add_fact(v1::Event& event, const char* name, int64_t value, double weight, const char* text) {
  v1::Fact* fact = event.add_evidence();
  fact->set_name(name);
  fact->set_value(value);
  fact->set_weight(weight);
  fact->set_text(text);
}

void add_step(v1::Event& event, int64_t at_ns, v1::StepKind kind, v1::Side side, const char* text) {
  v1::Step* step = event.add_timeline();
  *step->mutable_time() = to_timestamp(to_ns(event.start()) + at_ns);
  step->set_kind(kind);
  step->set_side(side);
  step->set_text(text);
}

v1::Advice sample_advice() {
  v1::Advice a;
  a.set_cause(v1::CAUSE_PORT_CLOSED);
  a.set_title("Port closed");
  a.set_meaning("The host is up, but no program has this port open.");
  a.set_whose_side("server side: nothing listens on 10.0.2.9:8080");
  a.set_confused_with("A firewall that rejects with a reset.");
  a.add_check_first("ss -ltnp 'sport = :8080'   # on 10.0.2.9: no line: nothing listens");
  a.add_check_first("# on the firewall: its log");
  a.set_usual_fix("Start the service.");
  return a;
}

}  // namespace

v1::Event sample_event(uint64_t number) {
  v1::Event e;
  char id[17];
  std::snprintf(id, sizeof id, "%016llx", 0xabc0ULL + static_cast<unsigned long long>(number));
  e.set_id(id);
  const int64_t time = kTime + static_cast<int64_t>(number) * 1'000'000'000;
  *e.mutable_time() = to_timestamp(time);
  *e.mutable_start() = to_timestamp(time - 1'500'000);
  e.mutable_client()->set_ip("10.0.1.7");
  e.mutable_client()->set_port(40123);
  e.mutable_server()->set_ip("10.0.2.9");
  e.mutable_server()->set_port(8080);
  e.set_claimed_sender(v1::SIDE_SERVER);
  e.set_origin(v1::ORIGIN_SERVER);
  e.set_stage(v1::STAGE_SYN);
  e.set_ending(v1::ENDING_REFUSED);
  e.set_cause(v1::CAUSE_PORT_CLOSED);
  e.set_family(v1::FAMILY_REFUSAL);
  e.set_severity(v1::SEVERITY_PROBLEM);
  e.set_confidence(0.949999988079071);  // 0.95 as a float
  e.set_second_cause(v1::CAUSE_HOST_FW_REJECT);
  e.set_second_confidence(0.04);
  add_fact(e, "image_stateless_ack", 1, 2.1, "the RST has the shape of a refusal");
  add_fact(e, "rst_ttl", 64, 0, "the RST's TTL was 64");
  add_fact(e, "tos_unmarked", 1, -0.25, "the type-of-service test says nothing");
  e.add_meanings("http.status=503");
  e.set_server_name("shop\x1b[31m\".example");
  e.mutable_idle()->set_seconds(1);
  e.mutable_idle()->set_nanos(500'000'000);
  e.mutable_rtt_server()->set_nanos(1'250'000);
  e.set_client_packets(1);
  e.set_server_packets(1);
  e.set_rst_count(1);
  e.set_count(3);
  v1::Exemplar* exemplar = e.add_exemplars();
  *exemplar->mutable_time() = to_timestamp(time + 1);
  exemplar->mutable_client()->set_ip("10.0.1.8");
  exemplar->mutable_client()->set_port(5);
  add_step(e, 0, v1::STEP_KIND_SYN, v1::SIDE_CLIENT, "the client asks to connect (SYN)");
  add_step(e, 1'500'000, v1::STEP_KIND_RST, v1::SIDE_SERVER, "reset in the name of the server (sequence exact)");
  e.set_zeek_state(v1::ZEEK_STATE_REJ);
  e.set_cloudflare_stage(v1::CLOUDFLARE_STAGE_POST_SYN);
  e.set_linux_reason(v1::LINUX_REASON_NO_SOCKET);
  e.set_sensor("fra1");
  e.set_summary("10.0.2.9:8080 refused 10.0.1.7: nothing listens on that port.");
  e.set_cursor(number + 1);
  return e;
}

v1::Completeness FakeService::completeness() const {
  v1::Completeness c;
  c.set_sensors_reporting(1);
  c.set_sensors_expected(1);
  c.set_hidden_benign(hidden_benign);
  for (const std::string& note : notes) c.add_notes(note);
  return c;
}

grpc::Status FakeService::ListResets(grpc::ServerContext*, const v1::ListResetsRequest* request,
                                     v1::ListResetsResponse* response) {
  if (pages++ == 0) list_request = *request;
  const size_t size = std::min<size_t>(request->page_size() == 0 ? 100 : request->page_size(), largest_page);
  size_t given = request->page_token().empty() ? 0 : std::stoul(request->page_token());  // from the end with `last`
  if (request->skip() != 0 && knows_skip) {
    given += request->skip();
    if (given > events.size()) return answer;
    response->set_skipped_to(std::to_string(given));
  }
  const size_t now = std::min(size, events.size() - given);
  const size_t begin = request->last() ? events.size() - given - now : given;
  for (size_t i = begin; i < begin + now; ++i) *response->add_events() = events[i];
  if (given + now < events.size()) response->set_next_page_token(std::to_string(given + now));
  if (given == 0) *response->mutable_completeness() = completeness();
  return answer;
}

grpc::Status FakeService::WatchResets(grpc::ServerContext*, const v1::WatchResetsRequest* request,
                                      grpc::ServerWriter<v1::WatchResetsResponse>* writer) {
  const int n = watches++;
  if (watch) return watch(n, *request, writer);
  for (const v1::Event& event : events) {
    v1::WatchResetsResponse response;
    *response.mutable_event() = event;
    writer->Write(response);
  }
  return {grpc::StatusCode::UNAVAILABLE, "going down"};
}

grpc::Status FakeService::Why(grpc::ServerContext*, const v1::WhyRequest* request, v1::WhyResponse* response) {
  why_request = *request;
  for (const v1::Event& event : events) {
    v1::Explanation* x = response->add_explanations();
    *x->mutable_event() = event;
    *x->mutable_advice() = sample_advice();
    x->mutable_second()->set_title("Rejected by the server's own firewall");
    x->set_margin(0.91);
  }
  response->set_matching(events.size() + 4);
  *response->mutable_completeness() = completeness();
  return answer;
}

grpc::Status FakeService::Top(grpc::ServerContext*, const v1::TopRequest* request, v1::TopResponse* response) {
  if (request->by_size() == 1 && request->by(0) == v1::DIMENSION_ENDING) {
    for (const auto& [ending, count] :
         {std::pair("refused", 500), std::pair("reset", 60), std::pair("timed_out", 40)}) {
      v1::TopRow* row = response->add_rows();
      row->add_keys(ending);
      row->set_value(count);
    }
    return answer;
  }
  top_request = *request;
  v1::TopRow* row = response->add_rows();
  for (int i = 0; i < request->by_size(); ++i) row->add_keys(i == 0 ? "10.0.2.9:8080" : "port_closed");
  row->set_value(1234);
  row->set_share(0.75);
  row->set_top_cause(v1::CAUSE_PORT_CLOSED);
  row->set_top_origin(v1::ORIGIN_SERVER);
  *row->mutable_last_seen() = to_timestamp(kTime);
  if (request->compare()) row->mutable_before()->set_yesterday(617);
  response->set_total(1645);
  response->set_other(411);
  *response->mutable_completeness() = completeness();
  return answer;
}

grpc::Status FakeService::Heatmap(grpc::ServerContext*, const v1::HeatmapRequest* request,
                                  v1::HeatmapResponse* response) {
  heatmap_request = *request;
  *response = heatmap;
  *response->mutable_completeness() = completeness();
  return answer;
}

grpc::Status FakeService::ListIncidents(grpc::ServerContext*, const v1::ListIncidentsRequest* request,
                                        v1::ListIncidentsResponse* response) {
  incidents_request = *request;
  *response = incidents;
  return answer;
}

grpc::Status FakeService::WatchIncidents(grpc::ServerContext*, const v1::WatchIncidentsRequest*,
                                         grpc::ServerWriter<v1::WatchIncidentsResponse>* writer) {
  for (const v1::Incident& incident : changes) {
    v1::WatchIncidentsResponse response;
    *response.mutable_incident() = incident;
    writer->Write(response);
    writer->Write(v1::WatchIncidentsResponse{});  // a heartbeat
  }
  return {grpc::StatusCode::UNAVAILABLE, "going down"};
}

grpc::Status FakeService::ListIdleTimeouts(grpc::ServerContext*, const v1::ListIdleTimeoutsRequest* request,
                                           v1::ListIdleTimeoutsResponse* response) {
  timeouts_request = *request;
  *response = timeouts;
  return answer;
}

grpc::Status FakeService::ListServices(grpc::ServerContext*, const v1::ListServicesRequest* request,
                                       v1::ListServicesResponse* response) {
  services_request = *request;
  v1::Service* service = response->add_services();
  service->set_key("10.0.2.9:8080");
  service->set_failed_per_1000(300);
  if (request->compare()) service->mutable_before()->set_yesterday(12.5);
  service->set_attempted(2000);
  service->set_established(1500);
  service->set_closed_cleanly(1400);
  service->set_refused(500);
  service->set_reset(60);
  service->set_timed_out(40);
  return answer;
}

grpc::Status FakeService::ListSensors(grpc::ServerContext*, const v1::ListSensorsRequest*,
                                      v1::ListSensorsResponse* response) {
  v1::Sensor* s = response->add_sensors();
  s->set_name("fra1");
  s->set_version("0.1.0");
  s->set_connected(true);
  *s->mutable_last_seen() = to_timestamp(kTime);
  s->add_ports("eth1");
  s->set_workers(2);
  s->set_received_packets(1'000'000);
  s->set_received_bytes(123'456'789);
  s->set_missed_packets(12);
  s->set_blind_seconds(3);
  v1::LossSecond* lost = s->add_losses();
  *lost->mutable_second() = to_timestamp(kTime);
  lost->set_missed_packets(12);
  s->set_flows(77);
  s->set_boot(0xffff'ffff'ffff'ffffULL);
  (*s->mutable_counters())["tracked"] = 900'000;
  (*s->mutable_counters())["mirror_duplicate"] = 1'000;
  (*s->mutable_counters())["bad_tcp"] = 3;
  return answer;
}

grpc::Status FakeService::GetServerInfo(grpc::ServerContext*, const v1::GetServerInfoRequest*,
                                        v1::GetServerInfoResponse* response) {
  response->set_version("0.1.0");
  response->set_store("sqlite /var/lib/resetscope/events.db");
  *response->mutable_started() = to_timestamp(kTime);
  *response->mutable_oldest() = to_timestamp(kTime);
  *response->mutable_newest() = to_timestamp(kTime + 60'000'000'000);
  response->set_events(12'345);
  response->set_correlated_cursor(12'345);
  response->set_endings(20'000);
  response->set_sensors(1);
  return answer;
}

std::unique_ptr<grpc::Server> serve(FakeService& service, const std::string& address) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(&service);
  return builder.BuildAndStart();
}

}  // namespace rs::cli
