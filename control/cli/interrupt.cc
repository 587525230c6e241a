// SPDX-License-Identifier: Apache-2.0
#include "control/cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace rs::cli {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

void poke(int fd) {
  const uint64_t one = 1;
  (void)!write(fd, &one, sizeof one);
}

}  // namespace

Interrupt::Interrupt() : stop_fd_(eventfd(0, EFD_CLOEXEC)), raised_fd_(eventfd(0, EFD_CLOEXEC)) {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
  thread_ = std::thread([this] { wait(); });
}

Interrupt::~Interrupt() {
  poke(stop_fd_);
  thread_.join();
  close(signal_fd_);
  close(stop_fd_);
  close(raised_fd_);
}

void Interrupt::wait() {
  pollfd fds[2] = {{signal_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
  for (;;) {
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof info) != sizeof info) continue;
    if (raised_.exchange(true, std::memory_order_acq_rel)) continue;
    poke(raised_fd_);
    const std::lock_guard lock(mutex_);
    if (action_) action_();
  }
}

void Interrupt::on_raise(std::function<void()> action) {
  const std::lock_guard lock(mutex_);
  action_ = std::move(action);
  if (raised() && action_) action_();
}

bool Interrupt::sleep(std::chrono::milliseconds time) const {
  pollfd fd{raised_fd_, POLLIN, 0};
  (void)poll(&fd, 1, static_cast<int>(time.count()));
  return raised();
}

}  // namespace rs::cli
