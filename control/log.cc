// SPDX-License-Identifier: Apache-2.0
#include "control/log.h"

#include <grpc/support/log.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <mutex>
#include <string_view>

#include "proto/json_log.h"

namespace rs::control {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};

spdlog::level::level_enum level_of(const std::string& text) {
  return spdlog::level::from_str(text == "error" ? "err" : text);
}

// What gRPC says of itself, such as a handshake that failed: each place in its code the first, second, fourth, eighth
// ... time, since any peer can bring it about.
void take_grpc_message(gpr_log_func_args* args) {
  if (args->severity != GPR_LOG_SEVERITY_ERROR) return;
  static std::mutex mutex;
  static std::map<std::pair<std::string_view, int>, uint64_t> seen;  // as many as gRPC has places that log
  uint64_t times = 0;
  {
    const std::lock_guard lock(mutex);
    times = ++seen[{args->file, args->line}];
  }
  if (!std::has_single_bit(times)) return;
  spdlog::warn("gRPC: {}{}", args->message, times > 1 ? fmt::format(" ({} times so far)", times) : "");
}

}  // namespace

void set_up_log(const std::string& level, bool json) {
  auto log = spdlog::stderr_color_mt("control");
  if (json)
    log->set_formatter(json_log("resetscope-control"));
  else
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  log->set_level(level_of(level));
  spdlog::set_default_logger(std::move(log));
  gpr_set_log_function(take_grpc_message);
}

Result<std::string> set_log_level(const std::string& level) {
  if (std::ranges::find(kLevels, level) == kLevels.end())
    return Error{Code::kInvalid, "\"" + level + "\" is not debug, info, warn or error"};
  const auto before = spdlog::get_level() == spdlog::level::err ? std::string("error")
                      : spdlog::get_level() == spdlog::level::warn
                          ? std::string("warn")
                          : std::string(spdlog::level::to_string_view(spdlog::get_level()).data());
  spdlog::set_level(level_of(level));
  return before;
}

}  // namespace rs::control
