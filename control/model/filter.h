// SPDX-License-Identifier: Apache-2.0
//
// A filter as a typed tree: what query/filter_text makes of text, what a store turns into its own query language
// and what a watch evaluates in memory. `matches` is the reference: every store must agree with it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/model/event.h"
#include "control/model/ip.h"

namespace rs::model {

enum class Field : uint8_t {
  kClientIp,
  kServerIp,
  kIp,
  kClientPort,
  kServerPort,
  kPort,
  kCause,
  kSecondCause,
  kFamily,
  kOrigin,
  kStage,
  kEnding,
  kSeverity,
  kClaimedSender,
  kSensor,
  kConfidence,
  kCount,
  kIdle,
  kServerName,
  kOneSided,
  kMidstream,
  kTag,
};

// What a field is compared with.
enum class Type : uint8_t {
  kAddress,   // Prefix
  kNumber,    // uint64_t
  kName,      // uint64_t: an enumerator's number, written by its name
  kText,      // std::string, compared byte by byte
  kShare,     // double, 0..1; events carry ten-thousandths
  kDuration,  // double, seconds; events carry nanoseconds
  kYesNo,     // uint64_t: 0 or 1
};

enum class Op : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn };
std::string_view text_of(Op op);

using Value = std::variant<Prefix, uint64_t, double, std::string>;

// One row a field: the table is parser, checker and help.
struct FieldInfo {
  Field field;
  std::string_view name;
  Type type;
  bool ordered;                             // < <= > >= make sense
  uint64_t max;                             // greatest number
  std::span<const std::string_view> names;  // kName only: enumerators by number
  std::string_view help;
};
std::span<const FieldInfo> fields();
const FieldInfo& info(Field field);

struct Filter {
  enum class Kind : uint8_t { kAll, kAnd, kOr, kNot, kTest };
  Kind kind = Kind::kAll;
  std::vector<Filter> children;  // kAnd, kOr: any number; kNot: one
  Field field = Field::kCause;   // kTest from here on
  Op op = Op::kEq;
  std::vector<Value> values;  // kIn: one or more; else one
};

// Both flatten, and are kAll when there are no children.
Filter all_of(std::vector<Filter> children);
Filter any_of(std::vector<Filter> children);
Filter negate(Filter child);
Filter test(Field field, Op op, Value value);
Filter test_in(Field field, std::vector<Value> values);

bool matches(const Filter& filter, const Event& event);
// Whether any test is on this field.
bool mentions(const Filter& filter, Field field);

// Confidence in the units the store keeps: whole ten-thousandths, so that 0.9 means 0.9 whatever a float made of it.
int64_t share_units(double share);
inline constexpr double kShareUnits = 10000;
// A kShare or kDuration value in ten-thousandths or nanoseconds, freed of binary fractions: 0.57 is 5700.
double units(Type type, double value);

}  // namespace rs::model
