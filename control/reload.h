// SPDX-License-Identifier: Apache-2.0
//
// What the program reads again while it runs: the configuration (log level, access), the names file, the audit log's
// file; on SIGHUP, when an operator asks, and, the names file, whenever it changes. A faulty configuration changes
// nothing. Any thread; one at a time.
#pragma once

#include <atomic>
#include <ctime>
#include <functional>
#include <mutex>

#include "control/access/gate.h"
#include "control/config.h"
#include "control/names_file.h"
#include "control/query/operation.h"

namespace rs::control {

class Reloader {
 public:
  // `configure`: file and flags as at the start. All outlive this.
  Reloader(Config config, std::function<Result<Config>()> configure, access::Gate& gate, NamesFile& names)
      : config_(std::move(config)), configure_(std::move(configure)), gate_(gate), names_(names) {}

  Result<query::Reloaded> reload();
  // The names file, if it changed.
  void look();
  // For metrics: Unix time of the last good reading, and whether the last one was good.
  [[nodiscard]] const std::atomic<uint64_t>& read_s() const { return read_s_; }
  [[nodiscard]] const std::atomic<bool>& good() const { return good_; }

 private:
  Result<query::Reloaded> read();  // under mutex_

  std::atomic<uint64_t> read_s_ = static_cast<uint64_t>(std::time(nullptr));
  std::atomic<bool> good_ = true;
  std::mutex mutex_;  // all below
  Config config_;
  const std::function<Result<Config>()> configure_;
  access::Gate& gate_;
  NamesFile& names_;
};

}  // namespace rs::control
