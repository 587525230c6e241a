// SPDX-License-Identifier: Apache-2.0
#include "control/access/audit.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

namespace rs::access {
namespace {

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

std::string time_text(uint64_t ns) {
  const auto seconds = static_cast<time_t>(ns / 1'000'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[48];
  const size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return std::string(text, size) + fmt::format(".{:09}Z", ns % 1'000'000'000);
}

// All of it, or not: a line cut short would spoil the next one.
bool write_whole(int fd, const std::string& line) {
  size_t done = 0;
  while (done < line.size()) {
    const ssize_t wrote = ::write(fd, line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    done += static_cast<size_t>(wrote);
  }
  return fdatasync(fd) == 0;
}

}  // namespace

std::string to_json(const AuditEntry& entry) {
  const nlohmann::ordered_json json = {
      {"time", time_text(entry.time_ns)}, {"who", entry.who},       {"from", entry.from},
      {"action", entry.action},           {"detail", entry.detail}, {"allowed", entry.allowed},
      {"outcome", entry.outcome}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Audit::~Audit() {
  if (fd_ >= 0) close(fd_);
}

Result<void> Audit::open(const std::string& path) {
  int fd = -1;
  if (!path.empty()) {
    fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
      return Error{errno == EACCES ? Code::kPermission : Code::kInvalid,
                   path + ": cannot write the audit log: " + std::strerror(errno)};
  }
  const std::lock_guard lock(mutex_);
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
  path_ = path;
  return {};
}

void Audit::write(AuditEntry entry) {
  if (entry.time_ns == 0) entry.time_ns = now_ns();
  const std::string line = to_json(entry);
  spdlog::log(entry.allowed ? spdlog::level::info : spdlog::level::warn, "audit: {} from {}: {}{}{}: {}", entry.who,
              entry.from, entry.action, entry.detail.empty() ? "" : " ", entry.detail, entry.outcome);
  const std::lock_guard lock(mutex_);
  ++entries_;
  if (fd_ >= 0 && !write_whole(fd_, line + "\n")) {
    ++failed_;
    spdlog::error("{}: the audit log cannot be written: {}", path_, std::strerror(errno));
  }
  kept_.push_back(std::move(entry));
  if (kept_.size() > kKept) kept_.pop_front();
}

std::vector<AuditEntry> Audit::newest(size_t most) const {
  const std::lock_guard lock(mutex_);
  const size_t count = std::min(most, kept_.size());
  return {kept_.end() - static_cast<ptrdiff_t>(count), kept_.end()};
}

uint64_t Audit::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

uint64_t Audit::failed_writes() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

}  // namespace rs::access
