// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/body.h"

#include <cstring>

#include "control/model/filter.h"
#include "control/model/ip.h"

namespace rs::store::sqlite {
namespace {

constexpr uint64_t kFormat = 1;

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
  // Room for the longest, then cut: some seventy numbers an event, each by itself would ask for room.
  size_t texts = 0;
  for (const std::string& meaning : e.meanings) texts += meaning.size() + model::kMostVarintBytes;
  constexpr size_t kFixed = 17;
  constexpr size_t kAddressBytes = 17;
  out.resize(texts + model::kMostVarintBytes * (kFixed + 3 * e.evidence.size() + 4 * e.timeline.size()) +
             (2 * model::kMostVarintBytes + kAddressBytes) * e.exemplars.size());
  char* to = out.data();
  const auto put = [&to](auto v) { to = model::write_varint(to, static_cast<uint64_t>(v)); };
  const auto put_signed = [&put](int64_t v) { put(model::to_zigzag(v)); };
  const auto copy = [&to](const void* from, size_t size) {
    std::memcpy(to, from, size);
    to += size;
  };
  put(kFormat);
  put_signed(static_cast<int64_t>(e.time_ns - e.start_ns));
  put(e.rtt_client_ns);
  put(e.rtt_server_ns);
  put(e.client_bytes);
  put(e.server_bytes);
  put(e.client_pkts);
  put(e.server_pkts);
  put(e.rst_count);
  put(e.zeek_state);
  put(e.cloudflare_stage);
  put(e.linux_reason);
  put(model::share_units(e.second_confidence));
  put(e.meanings.size());
  for (const std::string& meaning : e.meanings) {
    put(meaning.size());
    copy(meaning.data(), meaning.size());
  }

  put(e.evidence.size());
  for (const model::Fact& fact : e.evidence) {
    put(fact.id);
    put_signed(fact.weight);
    put_signed(fact.value);
  }
  put(e.timeline.size());
  for (const model::Step& step : e.timeline) {
    put_signed(step.at_ns);
    put(step.value);
    put(step.kind);
    put(step.side);
  }
  put(e.exemplars.size());
  for (const model::Exemplar& exemplar : e.exemplars) {
    put(exemplar.time_ns);
    const bool v4 = model::is_v4(exemplar.client.ip);
    put(v4 ? 4 : 16);
    copy(exemplar.client.ip.data() + (v4 ? 12 : 0), v4 ? 4 : 16);
    put(exemplar.client.port);
  }
  out.resize(static_cast<size_t>(to - out.data()));
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
