// SPDX-License-Identifier: Apache-2.0
//
// Posts incidents when they open, change and close. What changed waits in a queue of bounded size, the newest state of
// each incident once; a receiver that fails is tried again with a back-off that doubles. A thread of its own; nothing
// else ever waits for it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/alerts/payload.h"

namespace rs::alerts {

enum class Form : uint8_t { kAlertmanager, kWebhook };

struct SenderConfig {
  std::string url;
  Form form = Form::kAlertmanager;
  size_t most_waiting = 1000;  // incidents; beyond, the ones that waited longest go, counted
  size_t most_a_post = 100;
  std::chrono::milliseconds look{1000};
  // An open one is posted again after this long when it changed; for Alertmanager in any case, which takes one for over
  // after 5 minutes of silence.
  std::chrono::milliseconds again{60'000};
  std::chrono::milliseconds backoff_first{1000};
  std::chrono::milliseconds backoff_most{60'000};
  std::chrono::milliseconds timeout{10'000};  // of one post
};

struct SenderStats {
  uint64_t sent = 0;     // posts taken
  uint64_t failed = 0;   // tries that failed and are repeated
  uint64_t dropped = 0;  // alerts given up: the queue was full, or the receiver refused them (a 4xx that is not 429)
  uint64_t waiting = 0;  // alerts
};

class Sender {
 public:
  // Incidents changed after this revision, in any order.
  using Source = std::function<std::vector<Alert>(uint64_t revision)>;

  Sender(SenderConfig config, Source source);
  ~Sender() { stop(); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  void start();
  // Gives up what waits.
  void stop();
  [[nodiscard]] SenderStats stats() const;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Outcome : uint8_t { kTaken, kRefused, kFailed };
  struct Known {
    Alert alert;
    Clock::time_point posted;
    bool changed = false;  // since then
  };

  void run();
  void take_changes(Clock::time_point now);
  void queue(const Alert& alert);
  bool post_waiting();
  Outcome post(const std::string& body, std::string& why) const;

  const SenderConfig config_;
  const std::string url_;
  const Source source_;
  std::thread thread_;
  std::atomic<bool> stopping_ = false;

  // sending thread
  uint64_t revision_ = 0;
  bool first_ = true;
  std::map<uint64_t, Known> open_;  // posted and not closed
  std::vector<Alert> waiting_;      // oldest first

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  SenderStats stats_;  // under mutex_
};

}  // namespace rs::alerts
