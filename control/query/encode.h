// SPDX-License-Identifier: Apache-2.0
//
// model -> messages of query.proto. Pure, any thread.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <optional>
#include <string>
#include <string_view>

#include "control/model/event.h"
#include "control/model/names.h"
#include "proto/query.pb.h"

namespace rs::query {

namespace v1 = resetscope::v1;

enum class Detail : uint8_t {
  kBrief,  // no evidence, timeline, exemplars
  kList,   // all, but without the sentences of facts and steps: they are most of the bytes
  kFull,
};

void encode(const model::Event& event, Detail detail, const model::Names& names, v1::Event& out);
// What to do about `cause`, one of the event's two.
void encode_advice(const model::Event& event, Cause cause, v1::Advice& out);
void encode(const model::Endpoint& endpoint, const model::Names& names, v1::Endpoint& out);

void encode_time(uint64_t unix_ns, google::protobuf::Timestamp& out);
void encode_duration(int64_t ns, google::protobuf::Duration& out);

// 16 hexadecimal digits.
std::string id_text(uint64_t id);
std::optional<uint64_t> parse_id(std::string_view text);
// "2026-11-21T10:00:00Z", with as many digits of fraction as are needed.
std::string time_text(uint64_t unix_ns);

}  // namespace rs::query
