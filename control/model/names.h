// SPDX-License-Identifier: Apache-2.0
//
// What people call the network: site, service, owner and role of addresses, and where each sensor taps. A snapshot is
// never changed once made; NamesHolder swaps it while others read. Pure but for the holder, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/model/ip.h"

namespace rs::model {

enum class Role : uint8_t { kNone, kClient, kServer, kProxy };

struct NameEntry {
  Prefix network;
  uint16_t port = 0;  // 0: any
  std::string site;
  std::string service;
  std::string owner;
  Role role = Role::kNone;
};

// Where a sensor's tap sits on the way from clients to servers.
enum class TapSide : uint8_t { kUnknown, kClient, kServer };
struct Tap {
  std::string site;
  TapSide side = TapSide::kUnknown;
};

// Views into the snapshot.
struct Named {
  std::string_view site;
  std::string_view service;
  std::string_view owner;
  Role role = Role::kNone;
};

class Names {
 public:
  // Entries and taps; bounded, so that a lookup stays cheap and a snapshot small.
  static constexpr size_t kMaxEntries = 100'000;

  Names() = default;
  // `taps` by sensor.
  Names(std::vector<NameEntry> entries, std::map<std::string, Tap> taps);

  // Each attribute from the most specific entry that gives it; an entry with the port goes before one without.
  [[nodiscard]] Named find(const Ip& ip, uint16_t port) const;
  [[nodiscard]] Named find(const Endpoint& endpoint) const { return find(endpoint.ip, endpoint.port); }
  [[nodiscard]] const Tap* tap(const std::string& sensor) const;
  // Addresses of one proxy have one number: those of entries of role proxy with the same service name, or of one such
  // entry without name. 0: no proxy.
  [[nodiscard]] uint32_t proxy_of(const Ip& ip) const;
  [[nodiscard]] bool empty() const { return entries_.empty() && taps_.empty(); }
  [[nodiscard]] size_t size() const { return entries_.size(); }
  // As given.
  [[nodiscard]] const std::vector<NameEntry>& entries() const { return entries_; }
  // "payments-db @ fra1", "payments-db", "@ fra1" or empty.
  [[nodiscard]] std::string text(const Endpoint& endpoint) const;

 private:
  struct IpHash {
    size_t operator()(const Ip& ip) const;
  };
  // Entries of one prefix length: network -> indices, those with a port first.
  struct Level {
    uint8_t bits = 0;
    std::unordered_map<Ip, std::vector<uint32_t>, IpHash> networks;
  };
  std::vector<NameEntry> entries_;
  std::vector<uint32_t> proxies_;  // by entry; 0: none
  std::vector<Level> levels_;      // longest prefix first
  std::map<std::string, Tap> taps_;
};

class NamesHolder {
 public:
  [[nodiscard]] std::shared_ptr<const Names> get() const {
    const std::lock_guard lock(mutex_);
    return names_;
  }
  // What the names are, or why the newest file was refused: for people.
  [[nodiscard]] std::string state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  void set(Names names, std::string state) {
    auto fresh = std::make_shared<const Names>(std::move(names));
    const std::lock_guard lock(mutex_);
    names_ = std::move(fresh);
    state_ = std::move(state);
  }
  void refuse(std::string state) {
    const std::lock_guard lock(mutex_);
    state_ = std::move(state);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Names> names_ = std::make_shared<const Names>();
  std::string state_ = "no names file";
};

}  // namespace rs::model
