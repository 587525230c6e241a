// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

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
  logger->set_pattern(log.format == config::LogFormat::kJson
                          ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","program":"resetscope-sensor","text":"%v"})"
                          : "resetscope-sensor: %^%l%$: %v",
                      spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(logger);
}

}  // namespace rs
