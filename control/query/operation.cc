// SPDX-License-Identifier: Apache-2.0
#include "control/query/operation.h"

#include "control/access/caller.h"
#include "control/query/encode.h"
#include "control/query/request.h"

namespace rs::query {
namespace {

using access::Need;

constexpr size_t kMaxLevelBytes = 64;
constexpr size_t kDefaultEntries = 100;

}  // namespace

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& one : list) text.append(text.empty() ? "" : ", ").append(one);
  return text;
}

grpc::Status Operation::SetLogLevel(grpc::ServerContext* context, const v1::SetLogLevelRequest* in,
                                    v1::SetLogLevelResponse* out) {
  const access::Caller caller = access::caller_of(*context);
  const auto pass = gate_.enter(caller, Need::kOperate, "SetLogLevel");
  if (!pass) return access::refusal(pass.error());
  const auto before = levers_.set_log_level(in->level().substr(0, kMaxLevelBytes));
  gate_.audit().write({0, caller.name, caller.address, "SetLogLevel", in->level().substr(0, kMaxLevelBytes), true,
                       before ? "done; it was " + *before : before.error().text});
  if (!before) return status_of(before.error(), *context);
  out->set_before(*before);
  return grpc::Status::OK;
}

grpc::Status Operation::Reload(grpc::ServerContext* context, const v1::ReloadRequest*, v1::ReloadResponse* out) {
  const access::Caller caller = access::caller_of(*context);
  const auto pass = gate_.enter(caller, Need::kOperate, "Reload");
  if (!pass) return access::refusal(pass.error());
  const auto done = levers_.reload();
  std::string outcome = done ? "done; changed: " + (done->changed.empty() ? "nothing" : joined(done->changed)) : "";
  if (done && !done->restart.empty()) outcome += "; needs a restart: " + joined(done->restart);
  gate_.audit().write(
      {0, caller.name, caller.address, "Reload", "", true, done ? outcome : "refused: " + done.error().text});
  if (!done) return {grpc::StatusCode::FAILED_PRECONDITION, done.error().text};
  for (const std::string& key : done->changed) out->add_changed(key);
  for (const std::string& key : done->restart) out->add_restart(key);
  return grpc::Status::OK;
}

grpc::Status Operation::ListAudit(grpc::ServerContext* context, const v1::ListAuditRequest* in,
                                  v1::ListAuditResponse* out) {
  const auto pass = gate_.enter(access::caller_of(*context), Need::kOperate, "ListAudit");
  if (!pass) return access::refusal(pass.error());
  const auto limit = limit_of(in->limit(), kDefaultEntries, access::Audit::kKept, "limit");
  if (!limit) return status_of(limit.error(), *context);
  for (const access::AuditEntry& entry : gate_.audit().newest(*limit)) {
    v1::AuditEntry& one = *out->add_entries();
    encode_time(entry.time_ns, *one.mutable_time());
    one.set_who(entry.who);
    one.set_from(entry.from);
    one.set_action(entry.action);
    one.set_detail(entry.detail);
    one.set_allowed(entry.allowed);
    one.set_outcome(entry.outcome);
  }
  return grpc::Status::OK;
}

}  // namespace rs::query
