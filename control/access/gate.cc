// SPDX-License-Identifier: Apache-2.0
#include "control/access/gate.h"

#include <algorithm>
#include <bit>

namespace rs::access {
namespace {

constexpr std::array<std::string_view, kRoleCount> kRoles = {"sensor", "reader", "operator"};
constexpr std::array<std::string_view, kNeedCount> kWanted = {"role sensor", "role reader or operator",
                                                              "role reader or operator", "role operator"};
constexpr std::string_view kUnitPrefix = "resetscope-";

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

}  // namespace

std::string_view name(Role role) { return kRoles[static_cast<size_t>(role)]; }

bool Caller::may_be(std::string_view sensor) const { return local || name == sensor || contains(names, sensor); }

Gate::Pass::~Pass() {
  if (gate_ != nullptr) gate_->leave(name_);
}

void Gate::set(Policy policy) {
  const std::lock_guard lock(mutex_);
  policy_ = std::move(policy);
  for (auto& [name, use] : uses_) use.tokens = 2.0 * policy_.calls_per_s;  // the old limit says nothing of the new one
}

bool Gate::has(const Caller& caller, Role role) const {
  if (contains(caller.units, std::string(kUnitPrefix).append(name(role)))) return true;
  const std::vector<std::string>& list = role == Role::kSensor   ? policy_.sensors
                                         : role == Role::kReader ? policy_.readers
                                                                 : policy_.operators;
  return contains(list, "*") || contains(list, caller.name) ||
         std::ranges::any_of(caller.names, [&](const std::string& one) { return contains(list, one); });
}

bool Gate::may(const Caller& caller, Need need) const {
  if (!caller.fault.empty()) return false;
  if (caller.local) return true;
  if (need == Need::kPublish) return has(caller, Role::kSensor);
  if (need == Need::kOperate) return has(caller, Role::kOperator);
  return has(caller, Role::kReader) || has(caller, Role::kOperator);
}

std::string Gate::roles_text(const Caller& caller) const {
  std::string text;
  for (size_t i = 0; i < kRoleCount; ++i)
    if (has(caller, static_cast<Role>(i))) text.append(text.empty() ? "" : ", ").append(kRoles[i]);
  return text.empty() ? "no role" : "role " + text;
}

// The bucket of a name, filled up to now. Where there are too many, the one that has been silent longest goes, and
// starts full if it comes back: it had time to fill.
Gate::Use& Gate::use_of(const std::string& name, Clock::time_point now) {
  const double most = 2.0 * policy_.calls_per_s;
  const auto found = uses_.find(name);
  if (found != uses_.end()) {
    Use& use = found->second;
    const double passed = std::chrono::duration<double>(now - use.filled).count();
    use.tokens = std::min(most, use.tokens + std::max(0.0, passed) * policy_.calls_per_s);
    use.filled = now;
    return use;
  }
  if (uses_.size() >= kMaxNames) {
    auto oldest = uses_.end();
    for (auto it = uses_.begin(); it != uses_.end(); ++it)
      if (it->second.watches == 0 && (oldest == uses_.end() || it->second.filled < oldest->second.filled)) oldest = it;
    if (oldest != uses_.end()) uses_.erase(oldest);
  }
  return uses_.emplace(name, Use{most, now, 0, 0}).first->second;
}

Result<Gate::Pass> Gate::enter(const Caller& caller, Need need, std::string_view call, Clock::time_point now) {
  std::unique_lock lock(mutex_);
  if (!may(caller, need)) {
    ++refused_[static_cast<size_t>(need)];
    std::string why = caller.fault;
    if (why.empty())
      why = std::string(caller.shown) + " \"" + caller.name + "\" has " + roles_text(caller) + "; " +
            std::string(call) + " needs " + std::string(kWanted[static_cast<size_t>(need)]);
    lock.unlock();
    if (need == Need::kOperate || need == Need::kPublish) note_refusal(caller, call, "", why);
    return Error{Code::kPermission, why};
  }
  if (caller.local) return Pass();
  Use& use = use_of(caller.name, now);
  if (policy_.calls_per_s > 0) {
    if (use.tokens < 1) {
      ++limited_;
      return Error{Code::kResource, "more than " + std::to_string(policy_.calls_per_s) + " calls a second by \"" +
                                        caller.name + "\": try again later"};
    }
    use.tokens -= 1;
  }
  if (need != Need::kWatch) return Pass();
  if (policy_.watches > 0 && use.watches >= policy_.watches) {
    ++limited_;
    return Error{Code::kResource, "\"" + caller.name + "\" has " + std::to_string(use.watches) +
                                      " watches already, the most it may have"};
  }
  ++use.watches;
  return Pass(this, caller.name);
}

void Gate::leave(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = uses_.find(name);
  if (found != uses_.end() && found->second.watches > 0) --found->second.watches;
}

void Gate::note_refusal(const Caller& caller, std::string_view action, const std::string& detail,
                        const std::string& why) {
  uint64_t refusals = 0;
  {
    const std::lock_guard lock(mutex_);
    refusals = ++use_of(caller.name, Clock::now()).refusals;
  }
  if (!std::has_single_bit(refusals)) return;
  audit_.write({0, caller.name, caller.address, std::string(action), detail, false,
                why + (refusals > 1 ? " (" + std::to_string(refusals) + " refusals so far)" : "")});
}

void Gate::turned_away(const Caller& caller, Need need, std::string_view action, const std::string& why) {
  ++refused_[static_cast<size_t>(need)];
  note_refusal(caller, action, "", why);
}

Result<void> Gate::claim(const Caller& caller, const std::string& sensor) {
  if (caller.may_be(sensor)) return {};
  ++refused_[static_cast<size_t>(Need::kPublish)];
  const std::string why =
      "certificate \"" + caller.name + "\" is not that of sensor \"" + sensor + "\": a sensor writes only as itself";
  note_refusal(caller, "Publish", "as sensor " + sensor, why);
  return Error{Code::kPermission, why};
}

}  // namespace rs::access
