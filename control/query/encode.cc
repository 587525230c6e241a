// SPDX-License-Identifier: Apache-2.0
#include "control/query/encode.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "control/correlate/knowledge.h"

namespace rs::query {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;
constexpr double kWeightUnits = 100;  // 1/100 log-odds in the event

void encode_lists(const model::Event& e, bool sentences, const model::Names& names, v1::Event& out) {
  out.mutable_evidence()->Reserve(static_cast<int>(e.evidence.size()));
  for (const model::Fact& fact : e.evidence) {
    v1::Fact& f = *out.add_evidence();
    f.set_name(correlate::fact_name(fact.id));
    f.set_value(fact.value);
    f.set_weight(fact.weight / kWeightUnits);
    if (sentences) f.set_text(correlate::fact_text(e, fact));
  }
  out.mutable_timeline()->Reserve(static_cast<int>(e.timeline.size()));
  for (const model::Step& step : e.timeline) {
    v1::Step& s = *out.add_timeline();
    encode_time(e.start_ns + static_cast<uint64_t>(step.at_ns), *s.mutable_time());
    s.set_kind(static_cast<v1::StepKind>(step.kind));
    s.set_side(static_cast<v1::Side>(step.side));
    s.set_value(step.value);
    if (sentences) s.set_text(correlate::step_text(e, step));
  }
  for (const model::Exemplar& exemplar : e.exemplars) {
    v1::Exemplar& x = *out.add_exemplars();
    encode_time(exemplar.time_ns, *x.mutable_time());
    encode(exemplar.client, names, *x.mutable_client());
  }
}

}  // namespace

void encode_time(uint64_t unix_ns, google::protobuf::Timestamp& out) {
  out.set_seconds(static_cast<int64_t>(unix_ns / kNsPerS));
  out.set_nanos(static_cast<int32_t>(unix_ns % kNsPerS));
}

void encode_duration(int64_t ns, google::protobuf::Duration& out) {
  out.set_seconds(ns / static_cast<int64_t>(kNsPerS));
  out.set_nanos(static_cast<int32_t>(ns % static_cast<int64_t>(kNsPerS)));
}

std::string id_text(uint64_t id) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; id >>= 4) text[i] = kDigits[id & 15];
  return text;
}

std::optional<uint64_t> parse_id(std::string_view text) {
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (text.size() != 16 || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return id;
}

std::string time_text(uint64_t unix_ns) {
  const auto seconds = static_cast<time_t>(unix_ns / kNsPerS);
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> buffer{};
  std::string text(buffer.data(), strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S", &parts));
  if (const uint64_t fraction = unix_ns % kNsPerS; fraction > 0) {
    const int size = snprintf(buffer.data(), buffer.size(), ".%09u", static_cast<unsigned>(fraction));
    text.append(buffer.data(), static_cast<size_t>(size));
    while (text.back() == '0') text.pop_back();
  }
  return text + "Z";
}

void encode(const model::Endpoint& endpoint, const model::Names& names, v1::Endpoint& out) {
  out.set_ip(correlate::ip_text(endpoint.ip));
  out.set_port(endpoint.port);
  const model::Named named = names.find(endpoint);
  out.set_name(std::string(named.service));
  out.set_site(std::string(named.site));
}

void encode(const model::Event& e, Detail detail, const model::Names& names, v1::Event& out) {
  out.set_id(id_text(e.id));
  encode_time(e.time_ns, *out.mutable_time());
  encode_time(e.start_ns, *out.mutable_start());
  encode(e.client, names, *out.mutable_client());
  encode(e.server, names, *out.mutable_server());
  out.set_network_tag(e.network_tag);
  // Both files carry the same numbers; proto/vocabulary_test.cc compares them.
  out.set_claimed_sender(static_cast<v1::Side>(e.claimed_sender));
  out.set_origin(static_cast<v1::Origin>(e.origin));
  out.set_stage(static_cast<v1::Stage>(e.stage));
  out.set_ending(static_cast<v1::Ending>(e.ending));
  out.set_cause(static_cast<v1::Cause>(e.cause));
  out.set_family(static_cast<v1::Family>(family_of(e.cause)));
  out.set_severity(static_cast<v1::Severity>(e.severity));
  out.set_confidence(e.confidence);
  out.set_second_cause(static_cast<v1::Cause>(e.second_cause));
  out.set_second_confidence(e.second_confidence);
  for (const std::string& meaning : e.meanings) out.add_meanings(meaning);
  out.set_server_name(e.server_name);
  encode_duration(static_cast<int64_t>(e.idle_ns), *out.mutable_idle());
  encode_duration(static_cast<int64_t>(e.rtt_client_ns), *out.mutable_rtt_client());
  encode_duration(static_cast<int64_t>(e.rtt_server_ns), *out.mutable_rtt_server());
  out.set_client_bytes(e.client_bytes);
  out.set_server_bytes(e.server_bytes);
  out.set_client_packets(e.client_pkts);
  out.set_server_packets(e.server_pkts);
  out.set_lost_bytes(e.lost_bytes);
  out.set_rst_count(e.rst_count);
  out.set_count(e.count);
  if (detail != Detail::kBrief) encode_lists(e, detail == Detail::kFull, names, out);
  out.set_one_sided(e.has(Flag::kOneSided));
  out.set_midstream(e.has(Flag::kMidstream));
  out.set_client_guessed(e.has(Flag::kClientGuessed));
  out.set_lossy(e.has(Flag::kLossy));
  out.set_zeek_state(static_cast<v1::ZeekState>(e.zeek_state));
  out.set_cloudflare_stage(static_cast<v1::CloudflareStage>(e.cloudflare_stage));
  out.set_linux_reason(static_cast<v1::LinuxReason>(e.linux_reason));
  out.set_sensor(e.sensor);
  out.set_summary(correlate::summary(e));
  out.set_cursor(e.cursor);
}

void encode_advice(const model::Event& event, Cause cause, v1::Advice& out) {
  const correlate::Advice advice = correlate::advice(event, cause);
  out.set_cause(static_cast<v1::Cause>(cause));
  out.set_title(advice.title);
  out.set_meaning(advice.meaning);
  out.set_whose_side(advice.whose_side);
  out.set_confused_with(advice.confused_with);
  for (const std::string& command : advice.check_first) out.add_check_first(command);
  out.set_usual_fix(advice.usual_fix);
}

}  // namespace rs::query
