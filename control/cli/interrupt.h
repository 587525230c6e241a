// SPDX-License-Identifier: Apache-2.0
//
// Ctrl-C and TERM as something to wait for. Made before any other thread starts, so that the signals reach only this.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

namespace rs::cli {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  [[nodiscard]] bool raised() const { return raised_.load(std::memory_order_acquire); }
  // Called once from the waiting thread when a signal comes (at once if it came already); nullptr: nobody. After
  // return from a call with nullptr the last action is over.
  void on_raise(std::function<void()> action);
  // Returns early, with true, when a signal comes.
  bool sleep(std::chrono::milliseconds time) const;
  // Readable once a signal came.
  [[nodiscard]] int fd() const { return raised_fd_; }

 private:
  void wait();

  int signal_fd_ = -1;
  int stop_fd_ = -1;
  int raised_fd_ = -1;
  std::atomic<bool> raised_{false};
  std::mutex mutex_;
  std::function<void()> action_;
  std::thread thread_;
};

}  // namespace rs::cli
