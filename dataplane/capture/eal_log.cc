// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/eal_log.h"

#include <rte_log.h>

#include <atomic>
#include <cstdio>
#include <deque>
#include <mutex>

namespace rs::capture {
namespace {

constexpr size_t kKept = 6;  // our choice: a failure's own lines, not its history
constexpr size_t kMaxLineBytes = 300;

std::atomic<bool> g_echo = false;
std::mutex g_mutex;
std::deque<std::string> g_lines;

// DPDK flushes after each message, so this gets whole lines while the message's level is known.
ssize_t on_write(void*, const char* text, size_t size) {
  if (g_echo) std::fwrite(text, 1, size, stderr);
  if (rte_log_cur_msg_loglevel() <= static_cast<int>(RTE_LOG_WARNING)) {
    std::string line(text, std::min(size, kMaxLineBytes));
    while (!line.empty() && line.back() == '\n') line.pop_back();
    const std::lock_guard lock(g_mutex);
    if (!line.empty()) g_lines.push_back(std::move(line));
    if (g_lines.size() > kKept) g_lines.pop_front();
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

void take_over_eal_log(bool echo) {
  g_echo = echo;
  static std::FILE* const stream = [] {
    cookie_io_functions_t calls{};
    calls.write = on_write;
    return ::fopencookie(nullptr, "w", calls);
  }();
  if (stream != nullptr) rte_openlog_stream(stream);
}

std::string take_eal_warnings() {
  const std::lock_guard lock(g_mutex);
  std::string all;
  for (const std::string& line : g_lines) all.append(all.empty() ? "" : "; ").append(line);
  g_lines.clear();
  return all;
}

}  // namespace rs::capture
