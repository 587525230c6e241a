// SPDX-License-Identifier: Apache-2.0
#include "control/web/api.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>

namespace rs::web {
namespace {

using Stub = v1::Resetscope::Stub;
using google::protobuf::Arena;

constexpr auto kLongestCall = std::chrono::seconds(30);  // a page that waits longer is asked to narrow the range

std::string_view code_name(grpc::StatusCode code) {
  constexpr std::array<std::string_view, 17> kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto i = static_cast<size_t>(code);
  return i < kNames.size() ? kNames[i] : "UNKNOWN";
}

// The mapping that google/rpc/code.proto documents beside each code.
int http_status(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return 200;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return 400;
    case grpc::StatusCode::UNAUTHENTICATED:
      return 401;
    case grpc::StatusCode::PERMISSION_DENIED:
      return 403;
    case grpc::StatusCode::NOT_FOUND:
      return 404;
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::ALREADY_EXISTS:
      return 409;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return 429;
    case grpc::StatusCode::UNIMPLEMENTED:
      return 501;
    case grpc::StatusCode::UNAVAILABLE:
      return 503;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return 504;
    default:
      return 500;
  }
}

// A JSON string (RFC 8259 section 7). Bytes beyond ASCII pass: gRPC's messages are UTF-8 already.
std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

Answer answer_of(const grpc::Status& status) {
  std::string json = "{\"code\":\"";
  json.append(code_name(status.error_code())).append("\",\"message\":").append(quoted(status.error_message()));
  return {http_status(status.error_code()), json + "}"};
}

grpc::Status read(const std::string& json, google::protobuf::Message& into) {
  if (json.empty()) return grpc::Status::OK;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &into);
  if (parsed.ok()) return grpc::Status::OK;
  return {grpc::StatusCode::INVALID_ARGUMENT,
          "the request is no " + into.GetDescriptor()->name() + " in JSON: " + std::string(parsed.message())};
}

grpc::Status write(const google::protobuf::Message& message, std::string& json) {
  const auto written = google::protobuf::util::MessageToJsonString(message, &json);
  if (written.ok()) return grpc::Status::OK;
  return {grpc::StatusCode::INTERNAL, "the answer cannot be written as JSON: " + std::string(written.message())};
}

template <class In, class Out>
Answer unary(Stub& stub, const std::string& request,
             grpc::Status (Stub::*method)(grpc::ClientContext*, const In&, Out*)) {
  Arena arena;
  auto& in = *Arena::CreateMessage<In>(&arena);
  if (auto good = read(request, in); !good.ok()) return answer_of(good);
  auto& out = *Arena::CreateMessage<Out>(&arena);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLongestCall);
  if (auto done = (stub.*method)(&context, in, &out); !done.ok()) return answer_of(done);
  Answer answer;
  if (auto written = write(out, answer.json); !written.ok()) return answer_of(written);
  return answer;
}

struct Call {
  std::string_view name;
  Answer (*run)(Stub&, const std::string&);
};

constexpr auto kCalls = std::to_array<Call>({
    {"ListResets", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::ListResets); }},
    {"GetReset", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::GetReset); }},
    {"Why", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::Why); }},
    {"Top", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::Top); }},
    {"Heatmap", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::Heatmap); }},
    {"Timeline", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::Timeline); }},
    {"ListServices", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::ListServices); }},
    {"ListIncidents", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::ListIncidents); }},
    {"ListIdleTimeouts", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::ListIdleTimeouts); }},
    {"ListSensors", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::ListSensors); }},
    {"ListNames", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::ListNames); }},
    {"GetServerInfo", [](Stub& stub, const std::string& in) { return unary(stub, in, &Stub::GetServerInfo); }},
});
constexpr std::string_view kWatchResets = "WatchResets";
constexpr std::string_view kWatchIncidents = "WatchIncidents";

std::optional<uint64_t> number_of(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void resume_after(v1::WatchResetsRequest& in, uint64_t id) {
  in.set_resume_cursor(id);
  in.set_last(0);  // they were sent before the stream broke
}
void resume_after(v1::WatchIncidentsRequest& in, uint64_t id) { in.set_resume_revision(id); }

// 0: the item gives no place to resume at.
uint64_t id_of(const v1::WatchResetsResponse& item) {
  return item.has_event() ? item.event().cursor() : item.heartbeat_cursor();
}
uint64_t id_of(const v1::WatchIncidentsResponse& item) {
  return item.has_incident() ? item.incident().revision() : item.heartbeat_revision();
}

template <class In, class Out>
grpc::Status follow(Stub& stub, const std::string& request, const std::string& resume, const Send& send,
                    std::unique_ptr<grpc::ClientReader<Out>> (Stub::*method)(grpc::ClientContext*, const In&)) {
  In in;
  if (auto good = read(request, in); !good.ok()) return good;
  if (!resume.empty()) {
    const auto id = number_of(resume);
    if (!id) return {grpc::StatusCode::INVALID_ARGUMENT, "Last-Event-ID is not one of this stream's"};
    resume_after(in, *id);
  }
  grpc::ClientContext context;
  const auto reader = (stub.*method)(&context, in);
  Out item;
  std::string json;
  while (reader->Read(&item)) {
    json.clear();
    const uint64_t id = id_of(item);
    if (auto written = write(item, json); !written.ok()) return written;
    if (send(id == 0 ? "" : std::to_string(id), {}, json)) continue;
    context.TryCancel();
    break;
  }
  return reader->Finish();
}

}  // namespace

bool Api::has_call(std::string_view name) { return std::ranges::find(kCalls, name, &Call::name) != kCalls.end(); }

bool Api::has_stream(std::string_view name) { return name == kWatchResets || name == kWatchIncidents; }

Answer Api::call(std::string_view name, const std::string& request) const {
  const auto* found = std::ranges::find(kCalls, name, &Call::name);
  if (found == kCalls.end())
    return answer_of({grpc::StatusCode::UNIMPLEMENTED, "query.proto has no call " + std::string(name)});
  return found->run(*stub_, request);
}

void Api::stream(std::string_view name, const std::string& request, const std::string& resume, const Send& send) const {
  const grpc::Status done = name == kWatchIncidents ? follow(*stub_, request, resume, send, &Stub::WatchIncidents)
                                                    : follow(*stub_, request, resume, send, &Stub::WatchResets);
  if (!done.ok() && done.error_code() != grpc::StatusCode::CANCELLED) send({}, "failed", answer_of(done).json);
}

}  // namespace rs::web
