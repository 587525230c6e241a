// SPDX-License-Identifier: Apache-2.0
//
// Who may do what, and how much of it. Every call passes the gate before it does anything: the caller is known by its
// certificate, by a token (web page), or as local when it came over a Unix socket or the loopback, where the file's
// rights or the machine's decide. Any thread; one lock, a few operations a call.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "control/access/audit.h"
#include "proto/result.h"

namespace rs::access {

// What a call asks for.
enum class Need : uint8_t { kPublish, kRead, kWatch, kOperate };
inline constexpr size_t kNeedCount = 4;

enum class Role : uint8_t { kSensor, kReader, kOperator };
inline constexpr size_t kRoleCount = 3;
// "sensor", "reader", "operator"; in a certificate the organisational unit "resetscope-reader" and so on.
std::string_view name(Role role);

// As the connection shows it.
struct Caller {
  bool local = false;                      // plaintext, from this machine
  std::string name;                        // certificate's common name, else its first alternative name; "local"
  std::vector<std::string> names;          // all its alternative names
  std::vector<std::string> units;          // organisational units
  std::string address;                     // of the peer
  std::string fault;                       // why it is nobody: everything is refused
  std::string_view shown = "certificate";  // what its roles come from; or "token"

  // A sensor may only write as itself.
  [[nodiscard]] bool may_be(std::string_view sensor) const;
};

// Roles by name beside those in the certificates ("*": any certificate of the CA), and what one name may take.
struct Policy {
  std::vector<std::string> sensors;
  std::vector<std::string> readers;
  std::vector<std::string> operators;
  uint32_t calls_per_s = 100;  // of one name, with bursts of as many again; 0: no limit. Local callers have none
  uint32_t watches = 32;       // of one name at a time; 0: no limit. Local callers have none
  bool operator==(const Policy&) const = default;
};

class Gate {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr size_t kMaxNames = 4096;             // whose calls are counted; beyond, the longest silent go
  static constexpr size_t kMaxRequestBytes = 2u << 20;  // of a client; a sensor's batch has its own limit

  explicit Gate(Audit& audit) : audit_(audit) {}

  void set(Policy policy);

  // Counts a watch for as long as it lives.
  class Pass {
   public:
    Pass() = default;
    Pass(Gate* gate, std::string name) : gate_(gate), name_(std::move(name)) {}
    ~Pass();
    Pass(Pass&& other) noexcept : gate_(other.gate_), name_(std::move(other.name_)) { other.gate_ = nullptr; }
    Pass& operator=(Pass&&) = delete;
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    Gate* gate_ = nullptr;
    std::string name_;
  };

  // Code::kPermission: not this caller's to do, which is written to the audit log when it would have changed
  // something; Code::kResource: too much at once, try again later.
  Result<Pass> enter(const Caller& caller, Need need, std::string_view call, Clock::time_point now = Clock::now());

  // Someone was turned away before there was a call: counted, and written to the audit log.
  void turned_away(const Caller& caller, Need need, std::string_view action, const std::string& why);

  // Whether the certificate lets its bearer be this sensor; a refusal is written to the audit log.
  Result<void> claim(const Caller& caller, const std::string& sensor);

  [[nodiscard]] Audit& audit() { return audit_; }
  [[nodiscard]] const Audit& audit() const { return audit_; }
  [[nodiscard]] uint64_t refused(Need need) const { return refused_[static_cast<size_t>(need)].load(); }
  [[nodiscard]] uint64_t limited() const { return limited_.load(); }

 private:
  struct Use {
    double tokens = 0;
    Clock::time_point filled;
    uint32_t watches = 0;
    uint64_t refusals = 0;
  };

  [[nodiscard]] bool has(const Caller& caller, Role role) const;     // under mutex_
  [[nodiscard]] bool may(const Caller& caller, Need need) const;     // under mutex_
  [[nodiscard]] std::string roles_text(const Caller& caller) const;  // under mutex_
  Use& use_of(const std::string& name, Clock::time_point now);       // under mutex_
  void leave(const std::string& name);
  // Of one name the first, second, fourth, eighth ... refusal is written: thousands would drown the others.
  void note_refusal(const Caller& caller, std::string_view action, const std::string& detail, const std::string& why);

  Audit& audit_;
  std::array<std::atomic<uint64_t>, kNeedCount> refused_{};
  std::atomic<uint64_t> limited_ = 0;
  mutable std::mutex mutex_;  // all below
  Policy policy_;
  std::map<std::string, Use> uses_;
};

}  // namespace rs::access
