// SPDX-License-Identifier: Apache-2.0
#include "control/reload.h"

#include <spdlog/spdlog.h>

#include "control/log.h"

namespace rs::control {

Result<query::Reloaded> Reloader::reload() {
  const std::lock_guard lock(mutex_);
  auto done = read();
  good_ = static_cast<bool>(done);
  if (done) read_s_ = static_cast<uint64_t>(std::time(nullptr));
  return done;
}

Result<query::Reloaded> Reloader::read() {
  auto next = configure_();
  if (!next) {
    spdlog::error("the configuration is kept as it was: {}", next.error().text);
    return next.error();
  }
  if (auto audit = gate_.audit().open(next->audit); !audit) {
    spdlog::error("the configuration is kept as it was: {}", audit.error().text);
    return audit.error();
  }
  query::Reloaded out;
  for (const Key& key : keys()) {
    if (key.show(config_) == key.show(*next)) continue;
    const bool live = key.name.starts_with("access.") || key.name == "log.level";
    (live ? out.changed : out.restart).emplace_back(key.name);
  }
  if (config_.log_level != next->log_level) (void)set_log_level(next->log_level);
  gate_.set(next->access);
  config_.access = next->access;
  config_.audit = next->audit;
  config_.log_level = next->log_level;
  (void)names_.look(true);  // a fault is in the log and the server's info
  spdlog::info("the configuration was read again; changed: {}",
               out.changed.empty() ? "nothing" : query::joined(out.changed));
  if (!out.restart.empty())
    spdlog::warn("changed in the file, but only a restart brings it about: {}", query::joined(out.restart));
  return out;
}

void Reloader::look() {
  const std::lock_guard lock(mutex_);
  (void)names_.look(false);  // likewise
}

}  // namespace rs::control
