// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/body.h"

#include "control/model/filter.h"
#include "control/model/ip.h"

namespace rs::store::sqlite {
namespace {

using model::put_zigzag;

constexpr uint64_t kFormat = 1;

void put_enum(std::string& out, auto v) { put_varint(out, static_cast<uint64_t>(v)); }

void put_ip(std::string& out, const model::Ip& ip) {
  const bool v4 = model::is_v4(ip);
  out.push_back(v4 ? 4 : 16);
  const auto* bytes = reinterpret_cast<const char*>(ip.data());
  out.append(v4 ? bytes + 12 : bytes, v4 ? 4 : 16);
}

bool take_ip(BodyReader& in, model::Ip& ip) {
  const std::string_view bytes = in.text();  // the length byte is a varint below 128
  if (bytes.size() != 4 && bytes.size() != 16) return false;
  if (bytes.size() == 4) ip = model::from_v4(0);
  for (size_t i = 0; i < bytes.size(); ++i) ip[16 - bytes.size() + i] = static_cast<uint8_t>(bytes[i]);
  return true;
}

// Numbers were checked when they came in; a newer program may have stored newer ones.
template <class E>
E take_enum(BodyReader& in, size_t count) {
  const uint64_t v = in.varint();
  return v < count ? static_cast<E>(v) : E{};
}

bool decode_detail(BodyReader& in, model::Event& e) {
  e.evidence.resize(in.count(3));
  for (model::Fact& fact : e.evidence) {
    fact.id = static_cast<FactId>(in.varint());
    fact.weight = static_cast<int16_t>(in.zigzag());
    fact.value = in.zigzag();
  }
  e.timeline.resize(in.count(4));
  for (model::Step& step : e.timeline) {
    step.at_ns = in.zigzag();
    step.value = static_cast<uint32_t>(in.varint());
    step.kind = take_enum<StepKind>(in, kStepKindCount);
    step.side = take_enum<Side>(in, kSideCount);
  }
  e.exemplars.resize(in.count(7));
  for (model::Exemplar& exemplar : e.exemplars) {
    exemplar.time_ns = in.varint();
    if (!take_ip(in, exemplar.client.ip)) return false;
    exemplar.client.port = static_cast<uint16_t>(in.varint());
  }
  return in.ok();
}

}  // namespace

void encode_body(const model::Event& e, std::string& out) {
  out.clear();
  put_varint(out, kFormat);
  put_zigzag(out, static_cast<int64_t>(e.time_ns - e.start_ns));
  put_varint(out, e.rtt_client_ns);
  put_varint(out, e.rtt_server_ns);
  put_varint(out, e.client_bytes);
  put_varint(out, e.server_bytes);
  put_varint(out, e.client_pkts);
  put_varint(out, e.server_pkts);
  put_varint(out, e.rst_count);
  put_enum(out, e.zeek_state);
  put_enum(out, e.cloudflare_stage);
  put_enum(out, e.linux_reason);
  put_varint(out, static_cast<uint64_t>(model::share_units(e.second_confidence)));
  put_varint(out, e.meanings.size());
  for (const std::string& meaning : e.meanings) put_text(out, meaning);

  put_varint(out, e.evidence.size());
  for (const model::Fact& fact : e.evidence) {
    put_enum(out, fact.id);
    put_zigzag(out, fact.weight);
    put_zigzag(out, fact.value);
  }
  put_varint(out, e.timeline.size());
  for (const model::Step& step : e.timeline) {
    put_zigzag(out, step.at_ns);
    put_varint(out, step.value);
    put_enum(out, step.kind);
    put_enum(out, step.side);
  }
  put_varint(out, e.exemplars.size());
  for (const model::Exemplar& exemplar : e.exemplars) {
    put_varint(out, exemplar.time_ns);
    put_ip(out, exemplar.client.ip);
    put_varint(out, exemplar.client.port);
  }
}

bool decode_body(std::string_view body, bool brief, model::Event& e) {
  BodyReader in(body);
  if (in.varint() != kFormat) return false;
  e.start_ns = e.time_ns - static_cast<uint64_t>(in.zigzag());
  e.rtt_client_ns = in.varint();
  e.rtt_server_ns = in.varint();
  e.client_bytes = in.varint();
  e.server_bytes = in.varint();
  e.client_pkts = in.varint();
  e.server_pkts = in.varint();
  e.rst_count = static_cast<uint32_t>(in.varint());
  e.zeek_state = take_enum<ZeekState>(in, kZeekStateCount);
  e.cloudflare_stage = take_enum<CloudflareStage>(in, kCloudflareStageCount);
  e.linux_reason = take_enum<LinuxReason>(in, kLinuxReasonCount);
  e.second_confidence = static_cast<double>(in.varint()) / model::kShareUnits;
  e.meanings.resize(in.count(1));
  for (std::string& meaning : e.meanings) meaning = in.text();
  e.evidence.clear();
  e.timeline.clear();
  e.exemplars.clear();
  return in.ok() && (brief || decode_detail(in, e));
}

}  // namespace rs::store::sqlite
