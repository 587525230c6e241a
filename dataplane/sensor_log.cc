// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "proto/json_log.h"

namespace rs {

void set_up_log(const config::Log& log) {
  auto logger = spdlog::get("sensor");
  if (!logger) logger = spdlog::stderr_color_mt("sensor");
  switch (log.level) {
    case config::LogLevel::kError:
      logger->set_level(spdlog::level::err);
      break;
    case config::LogLevel::kWarn:
      logger->set_level(spdlog::level::warn);
      break;
    case config::LogLevel::kInfo:
      logger->set_level(spdlog::level::info);
      break;
    case config::LogLevel::kDebug:
      logger->set_level(spdlog::level::debug);
      break;
  }
  if (log.format == config::LogFormat::kJson)
    logger->set_formatter(json_log("resetscope-sensor"));
  else
    logger->set_pattern("resetscope-sensor: %^%l%$: %v");
  spdlog::set_default_logger(logger);
}

}  // namespace rs
