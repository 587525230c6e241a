// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/incident_pack.h"

#include <cmath>

#include "control/model/pack.h"

namespace rs::correlate {
namespace {

using model::put_text;
using model::put_varint;
using model::put_zigzag;

constexpr uint64_t kFormat = 1;
constexpr double kWeightUnits = 1000;

void put_prefix(std::string& out, const std::optional<model::Prefix>& prefix) {
  put_varint(out, prefix ? 1 + uint64_t{prefix->bits} : 0);
  if (prefix) out.append(reinterpret_cast<const char*>(prefix->ip.data()), prefix->ip.size());
}

std::optional<model::Prefix> take_prefix(model::PackReader& in) {
  const uint64_t bits = in.varint();
  if (bits == 0) return std::nullopt;
  model::Prefix prefix;
  prefix.bits = static_cast<uint8_t>(bits - 1);
  for (uint8_t& byte : prefix.ip) byte = static_cast<uint8_t>(in.byte());
  return prefix;
}

// Most registers are small and many are 0: two a byte would save little, a run of zeros saves most.
void put_distinct(std::string& out, const model::Distinct& distinct) {
  const auto& registers = distinct.registers();
  for (size_t i = 0; i < registers.size();) {
    size_t zeros = 0;
    while (i + zeros < registers.size() && registers[i + zeros] == 0) ++zeros;
    put_varint(out, zeros);
    i += zeros;
    if (i < registers.size()) out.push_back(static_cast<char>(registers[i++]));
  }
}

void take_distinct(model::PackReader& in, model::Distinct& distinct) {
  auto& registers = distinct.registers();
  for (size_t i = 0; i < registers.size() && in.ok();) {
    i += in.varint();
    if (i < registers.size()) registers[i++] = static_cast<uint8_t>(in.byte());
  }
}

}  // namespace

std::string pack(const model::Incident& incident) {
  std::string out;
  put_varint(out, kFormat);
  for (const uint64_t n :
       {incident.id, uint64_t{static_cast<uint8_t>(incident.kind)}, uint64_t{incident.open}, incident.start_ns,
        incident.end_ns, incident.updated_ns, incident.revision, uint64_t{static_cast<uint8_t>(incident.cause)},
        incident.endings, incident.attempted, incident.counted_cursor, incident.scope.causes,
        uint64_t{incident.scope.stages}, uint64_t{incident.scope.endings},
        incident.scope.port ? 1 + uint64_t{*incident.scope.port} : 0})
    put_varint(out, n);
  put_prefix(out, incident.scope.client);
  put_prefix(out, incident.scope.server);
  put_zigzag(out, std::llround(incident.confidence * kWeightUnits));
  for (const uint64_t n : incident.by_cause) put_varint(out, n);
  put_varint(out, incident.sensors.size());
  for (const std::string& sensor : incident.sensors) put_text(out, sensor);
  put_varint(out, incident.evidence.size());
  for (const model::IncidentFact& fact : incident.evidence) {
    put_text(out, fact.name);
    put_zigzag(out, fact.value);
    put_zigzag(out, std::llround(fact.weight * kWeightUnits));
  }
  put_distinct(out, incident.clients);
  put_distinct(out, incident.servers);
  return out;
}

std::optional<model::Incident> unpack(std::string_view bytes) {
  model::PackReader in(bytes);
  if (in.varint() != kFormat) return std::nullopt;
  model::Incident out;
  out.id = in.varint();
  const uint64_t kind = in.varint();
  out.kind = kind < model::kIncidentKinds ? static_cast<model::IncidentKind>(kind) : model::IncidentKind::kUnspecified;
  out.open = in.varint() != 0;
  for (uint64_t* n : {&out.start_ns, &out.end_ns, &out.updated_ns, &out.revision}) *n = in.varint();
  const uint64_t cause = in.varint();
  out.cause = cause < kCauseCount ? static_cast<Cause>(cause) : Cause::kUnknown;
  for (uint64_t* n : {&out.endings, &out.attempted, &out.counted_cursor, &out.scope.causes}) *n = in.varint();
  out.scope.stages = static_cast<uint16_t>(in.varint());
  out.scope.endings = static_cast<uint8_t>(in.varint());
  if (const uint64_t port = in.varint(); port != 0) out.scope.port = static_cast<uint16_t>(port - 1);
  out.scope.client = take_prefix(in);
  out.scope.server = take_prefix(in);
  out.confidence = static_cast<double>(in.zigzag()) / kWeightUnits;
  for (uint64_t& n : out.by_cause) n = in.varint();
  out.sensors.resize(in.count(1));
  for (std::string& sensor : out.sensors) sensor = in.text();
  out.evidence.resize(in.count(3));
  for (model::IncidentFact& fact : out.evidence) {
    fact.name = in.text();
    fact.value = in.zigzag();
    fact.weight = static_cast<double>(in.zigzag()) / kWeightUnits;
  }
  take_distinct(in, out.clients);
  take_distinct(in, out.servers);
  if (!in.ok() || out.id == 0) return std::nullopt;
  return out;
}

}  // namespace rs::correlate
