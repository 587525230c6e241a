// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/filter_sql.h"

#include <algorithm>

namespace rs::store::sqlite {
namespace {

using model::Field;
using model::Filter;
using model::Op;
using model::Value;

class Writer {
 public:
  Condition take() { return {std::move(sql_), std::move(parameters_)}; }

  void write(const Filter& f) {
    switch (f.kind) {
      case Filter::Kind::kAll:
        sql_ += "1";
        return;
      case Filter::Kind::kAnd:
        join(f, " AND ");
        return;
      case Filter::Kind::kOr:
        join(f, " OR ");
        return;
      case Filter::Kind::kNot:
        sql_ += "NOT ";
        write(f.children.front());
        return;
      case Filter::Kind::kTest:
        test(f);
        return;
    }
  }

 private:
  // A balanced tree, since SQLite limits the depth of an expression to 1,000 and a chain of ANDs is as deep as long.
  void join_range(const auto& items, size_t from, size_t to, const char* with, const auto& each) {
    sql_ += '(';
    if (to - from == 1) {
      each(items[from]);
    } else {
      const size_t middle = from + (to - from) / 2;
      join_range(items, from, middle, with, each);
      sql_ += with;
      join_range(items, middle, to, with, each);
    }
    sql_ += ')';
  }

  void join(const Filter& f, const char* with) {
    join_range(f.children, 0, f.children.size(), with, [this](const Filter& child) { write(child); });
  }

  void parameter(Condition::Parameter p) {
    sql_ += '?';
    parameters_.push_back(std::move(p));
  }

  void bound(const model::Prefix& prefix, const model::Ip& ip) {
    if (model::is_v4(prefix))
      parameter(ip);
    else
      parameter(Condition::Bound{ip});
  }

  void address(const char* column, const Filter& f) {
    join_range(f.values, 0, f.values.size(), " OR ", [&](const Value& value) {
      const auto& prefix = std::get<model::Prefix>(value);
      sql_ += column;
      if (prefix.bits == 128) {
        sql_ += '=';
        parameter(prefix.ip);
      } else {
        sql_ += " BETWEEN ";
        bound(prefix, model::first_of(prefix));
        sql_ += " AND ";
        bound(prefix, model::last_of(prefix));
      }
    });
  }

  void number(const char* column, const Filter& f, const auto& convert) {
    sql_ += column;
    if (f.op != Op::kIn) {
      sql_ += model::text_of(f.op);
      parameter(convert(f.values.front()));
      return;
    }
    sql_ += " IN (";
    for (size_t i = 0; i < f.values.size(); ++i) {
      if (i > 0) sql_ += ',';
      parameter(convert(f.values[i]));
    }
    sql_ += ')';
  }

  void integer(const char* column, const Filter& f) {
    number(column, f, [](const Value& v) { return Condition::Parameter(static_cast<int64_t>(std::get<uint64_t>(v))); });
  }
  void real(const char* column, const Filter& f, model::Type type) {
    number(column, f, [type](const Value& v) { return Condition::Parameter(model::units(type, std::get<double>(v))); });
  }

  void flag(Flag flag, const Filter& f) {
    const std::string column = "(flags & " + std::to_string(static_cast<unsigned>(flag)) + " <> 0)";
    integer(column.c_str(), f);
  }

  // Written out as the causes of the families, so that an index or a rollup can serve it.
  void family(const Filter& f) {
    sql_ += "cause IN (";
    bool first = true;
    for (size_t cause = 0; cause < kCauseCount; ++cause) {
      const auto family = static_cast<uint64_t>(family_of(static_cast<Cause>(cause)));
      if (std::ranges::find(f.values, Value(family)) == f.values.end()) continue;
      if (!first) sql_ += ',';
      sql_ += std::to_string(cause);
      first = false;
    }
    sql_ += ')';
  }

  void sensor(const Filter& f) {
    sql_ += "sensor IN (SELECT id FROM sensor WHERE ";
    number("name", f, [](const Value& v) { return Condition::Parameter(std::get<std::string>(v)); });
    sql_ += ')';
  }

  void either(const auto& left, const auto& right) {
    sql_ += '(';
    left();
    sql_ += " OR ";
    right();
    sql_ += ')';
  }

  void test(const Filter& f) {
    switch (f.field) {
      case Field::kClientIp:
        return address("client_ip", f);
      case Field::kServerIp:
        return address("server_ip", f);
      case Field::kIp:
        return either([&] { address("client_ip", f); }, [&] { address("server_ip", f); });
      case Field::kClientPort:
        return integer("client_port", f);
      case Field::kServerPort:
        return integer("server_port", f);
      case Field::kPort:
        return either([&] { integer("client_port", f); }, [&] { integer("server_port", f); });
      case Field::kCause:
        return integer("cause", f);
      case Field::kSecondCause:
        return integer("second_cause", f);
      case Field::kFamily:
        return family(f);
      case Field::kOrigin:
        return integer("origin", f);
      case Field::kStage:
        return integer("stage", f);
      case Field::kEnding:
        return integer("ending", f);
      case Field::kSeverity:
        return integer("severity", f);
      case Field::kClaimedSender:
        return integer("claimed_sender", f);
      case Field::kSensor:
        return sensor(f);
      case Field::kConfidence:
        return real("confidence", f, model::Type::kShare);
      case Field::kCount:
        return integer("count", f);
      case Field::kIdle:
        return real("idle_ns", f, model::Type::kDuration);
      case Field::kServerName:
        return number("server_name", f, [](const Value& v) { return Condition::Parameter(std::get<std::string>(v)); });
      case Field::kOneSided:
        return flag(Flag::kOneSided, f);
      case Field::kMidstream:
        return flag(Flag::kMidstream, f);
      case Field::kTag:
        return integer("tag", f);
    }
  }

  std::string sql_;
  std::vector<Condition::Parameter> parameters_;
};

bool only(const Filter& f, const auto& allowed) {
  if (f.kind == Filter::Kind::kTest) return allowed(f.field);
  return std::ranges::all_of(f.children, [&](const Filter& child) { return only(child, allowed); });
}

bool of_service(Field field) {
  return field == Field::kServerIp || field == Field::kServerPort || field == Field::kTag || field == Field::kSensor;
}

}  // namespace

Condition condition_of(const Filter& filter) {
  Writer writer;
  writer.write(filter);
  return writer.take();
}

int bind_parameters(Statement& s, int first, const Condition& condition) {
  for (const auto& parameter : condition.parameters) {
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, model::Ip>)
            s.bind_ip(first, v);
          else if constexpr (std::is_same_v<T, Condition::Bound>)
            s.bind_raw_ip(first, v.ip);
          else if constexpr (std::is_same_v<T, std::string>)
            s.bind_copy(first, v);
          else
            s.bind(first, v);
        },
        parameter);
    ++first;
  }
  return first;
}

bool rollups_answer(const Filter& filter) {
  return only(filter, [](Field f) {
    return of_service(f) || f == Field::kCause || f == Field::kFamily || f == Field::kOrigin || f == Field::kStage ||
           f == Field::kEnding || f == Field::kSeverity;
  });
}

bool services_answer(const Filter& filter) { return only(filter, of_service); }

}  // namespace rs::store::sqlite
