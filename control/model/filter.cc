// SPDX-License-Identifier: Apache-2.0
#include "control/model/filter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace rs::model {
namespace {

constexpr uint64_t kAny = std::numeric_limits<int64_t>::max();

constexpr auto kFields = std::to_array<FieldInfo>({
    {Field::kClientIp, "client_ip", Type::kAddress, false, 0, {}, "address of the client"},
    {Field::kServerIp, "server_ip", Type::kAddress, false, 0, {}, "address of the server"},
    {Field::kIp, "ip", Type::kAddress, false, 0, {}, "address of either side"},
    {Field::kClientPort, "client_port", Type::kNumber, true, 65535, {}, "port of the client"},
    {Field::kServerPort, "server_port", Type::kNumber, true, 65535, {}, "port of the server"},
    {Field::kPort, "port", Type::kNumber, true, 65535, {}, "port of either side"},
    {Field::kCause, "cause", Type::kName, false, 0, kCauseNames, "why it ended"},
    {Field::kSecondCause, "second_cause", Type::kName, false, 0, kCauseNames, "the next best cause"},
    {Field::kFamily, "family", Type::kName, false, 0, kFamilyNames, "family of the cause"},
    {Field::kOrigin, "origin", Type::kName, false, 0, kOriginNames, "who really sent it"},
    {Field::kStage, "stage", Type::kName, true, 0, kStageNames, "how far the connection had come"},
    {Field::kEnding, "ending", Type::kName, false, 0, kEndingNames, "what the application was told"},
    {Field::kSeverity, "severity", Type::kName, true, 0, kSeverityNames, "benign < notice < problem < hostile"},
    {Field::kClaimedSender, "claimed_sender", Type::kName, false, 0, kSideNames, "whose address the reset bears"},
    {Field::kSensor, "sensor", Type::kText, false, 0, {}, "name of the sensor"},
    {Field::kConfidence, "confidence", Type::kShare, true, 1, {}, "of the cause, 0 to 1"},
    {Field::kCount, "count", Type::kNumber, true, kAny, {}, "endings folded into the event"},
    {Field::kIdle, "idle", Type::kDuration, true, 0, {}, "silence before the ending: seconds, or 350s, 5m, 1h"},
    {Field::kServerName, "server_name", Type::kText, false, 0, {}, "name the client asked for (SNI, Host)"},
    {Field::kOneSided, "one_sided", Type::kYesNo, false, 1, {}, "only one direction was seen"},
    {Field::kMidstream, "midstream", Type::kYesNo, false, 1, {}, "the connection's start was not seen"},
    {Field::kTag, "tag", Type::kNumber, true, 0xffffffff, {}, "VLAN or tunnel id"},
});

// The table's order is the enum's, so that info() is an index.
static_assert([] {
  for (size_t i = 0; i < kFields.size(); ++i)
    if (static_cast<size_t>(kFields[i].field) != i) return false;
  return kFields.size() == static_cast<size_t>(Field::kTag) + 1;
}());

template <class T>
bool compare(T left, Op op, T right) {
  switch (op) {
    case Op::kEq:
    case Op::kIn:
      return left == right;
    case Op::kNe:
      return left != right;
    case Op::kLt:
      return left < right;
    case Op::kLe:
      return left <= right;
    case Op::kGt:
      return left > right;
    case Op::kGe:
      return left >= right;
  }
  return false;
}

bool test_number(uint64_t have, Op op, const Value& value) { return compare(have, op, std::get<uint64_t>(value)); }

bool test_real(int64_t have, Op op, const Value& value, Type type) {
  return compare(static_cast<double>(have), op, units(type, std::get<double>(value)));
}

bool test_value(Field field, Op op, const Value& value, const Event& e) {
  switch (field) {
    case Field::kClientIp:
      return contains(std::get<Prefix>(value), e.client.ip);
    case Field::kServerIp:
      return contains(std::get<Prefix>(value), e.server.ip);
    case Field::kIp:
      return contains(std::get<Prefix>(value), e.client.ip) || contains(std::get<Prefix>(value), e.server.ip);
    case Field::kClientPort:
      return test_number(e.client.port, op, value);
    case Field::kServerPort:
      return test_number(e.server.port, op, value);
    case Field::kPort:
      return test_number(e.client.port, op, value) || test_number(e.server.port, op, value);
    case Field::kCause:
      return test_number(static_cast<uint64_t>(e.cause), op, value);
    case Field::kSecondCause:
      return test_number(static_cast<uint64_t>(e.second_cause), op, value);
    case Field::kFamily:
      return test_number(static_cast<uint64_t>(family_of(e.cause)), op, value);
    case Field::kOrigin:
      return test_number(static_cast<uint64_t>(e.origin), op, value);
    case Field::kStage:
      return test_number(static_cast<uint64_t>(e.stage), op, value);
    case Field::kEnding:
      return test_number(static_cast<uint64_t>(e.ending), op, value);
    case Field::kSeverity:
      return test_number(static_cast<uint64_t>(e.severity), op, value);
    case Field::kClaimedSender:
      return test_number(static_cast<uint64_t>(e.claimed_sender), op, value);
    case Field::kSensor:
      return e.sensor == std::get<std::string>(value);
    case Field::kConfidence:
      return test_real(share_units(e.confidence), op, value, Type::kShare);
    case Field::kCount:
      return test_number(e.count, op, value);
    case Field::kIdle:
      return test_real(static_cast<int64_t>(e.idle_ns), op, value, Type::kDuration);
    case Field::kServerName:
      return e.server_name == std::get<std::string>(value);
    case Field::kOneSided:
      return test_number(e.has(Flag::kOneSided) ? 1 : 0, op, value);
    case Field::kMidstream:
      return test_number(e.has(Flag::kMidstream) ? 1 : 0, op, value);
    case Field::kTag:
      return test_number(e.network_tag, op, value);
  }
  return false;
}

Filter join(Filter::Kind kind, std::vector<Filter> children) {
  Filter joined;
  joined.kind = kind;
  for (Filter& child : children) {
    if (child.kind == Filter::Kind::kAll && kind == Filter::Kind::kAnd) continue;
    if (child.kind == kind) {
      for (Filter& inner : child.children) joined.children.push_back(std::move(inner));
    } else {
      joined.children.push_back(std::move(child));
    }
  }
  if (joined.children.empty()) return Filter{};
  if (joined.children.size() == 1) {
    Filter only = std::move(joined.children.front());
    return only;
  }
  return joined;
}

}  // namespace

std::string_view text_of(Op op) {
  constexpr std::array<std::string_view, 7> kTexts = {"=", "!=", "<", "<=", ">", ">=", "in"};
  return kTexts[static_cast<size_t>(op)];
}

std::span<const FieldInfo> fields() { return kFields; }
const FieldInfo& info(Field field) { return kFields[static_cast<size_t>(field)]; }

Filter all_of(std::vector<Filter> children) { return join(Filter::Kind::kAnd, std::move(children)); }
Filter any_of(std::vector<Filter> children) { return join(Filter::Kind::kOr, std::move(children)); }

Filter negate(Filter child) {
  Filter f;
  f.kind = Filter::Kind::kNot;
  f.children.push_back(std::move(child));
  return f;
}

Filter test(Field field, Op op, Value value) {
  // "ip != x" means that neither side is x, so "not equal" is the negation of "equal" for every field.
  if (op == Op::kNe) return negate(test(field, Op::kEq, std::move(value)));
  Filter f;
  f.kind = Filter::Kind::kTest;
  f.field = field;
  f.op = op;
  f.values.push_back(std::move(value));
  return f;
}

Filter test_in(Field field, std::vector<Value> values) {
  Filter f;
  f.kind = Filter::Kind::kTest;
  f.field = field;
  f.op = Op::kIn;
  f.values = std::move(values);
  return f;
}

bool matches(const Filter& f, const Event& event) {
  const auto holds = [&](const Filter& child) { return matches(child, event); };
  switch (f.kind) {
    case Filter::Kind::kAll:
      return true;
    case Filter::Kind::kAnd:
      return std::ranges::all_of(f.children, holds);
    case Filter::Kind::kOr:
      return std::ranges::any_of(f.children, holds);
    case Filter::Kind::kNot:
      return !matches(f.children.front(), event);
    case Filter::Kind::kTest:
      return std::ranges::any_of(f.values, [&](const Value& v) { return test_value(f.field, f.op, v, event); });
  }
  return false;
}

bool mentions(const Filter& f, Field field) {
  if (f.kind == Filter::Kind::kTest) return f.field == field;
  return std::ranges::any_of(f.children, [&](const Filter& child) { return mentions(child, field); });
}

double units(Type type, double value) {
  constexpr double kNsPerSecond = 1e9;
  constexpr double kBlur = 1e-6;  // far above the error of one product, far below one unit
  const double exact = value * (type == Type::kShare ? kShareUnits : kNsPerSecond);
  const double whole = std::round(exact);
  return std::abs(exact - whole) < kBlur ? whole : exact;
}

int64_t share_units(double share) {
  if (!(share > 0)) return 0;  // also for NaN
  return std::llround(std::min(share, 1.0) * kShareUnits);
}

}  // namespace rs::model
