// SPDX-License-Identifier: Apache-2.0
//
// How a program speaks to Prometheus: a page of numbers made when it is scraped, from counters that are kept anyway,
// served over HTTP on an address of its own. It stands here because proto/ is all that data plane and control plane
// share.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/result.h"

namespace rs::metrics {

// Seconds of something, counted in fixed buckets. Any thread adds; reading while others add may be one value behind.
class Histogram {
 public:
  // Our choice: a millisecond, the least a person could care for, to a minute, the longest a call may last.
  static constexpr std::array<double, 12> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 60};

  void add(double seconds);
  [[nodiscard]] std::array<uint64_t, kBounds.size() + 1> counts() const;  // not cumulated
  [[nodiscard]] double sum() const { return static_cast<double>(sum_us_.load(std::memory_order_relaxed)) / 1e6; }

 private:
  std::array<std::atomic<uint64_t>, kBounds.size() + 1> counts_{};
  std::atomic<uint64_t> sum_us_ = 0;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

class Page {
 public:
  enum class Type : uint8_t { kCounter, kGauge, kHistogram };
  struct Sample {
    Labels labels;
    double value = 0;                      // not of histograms
    const Histogram* histogram = nullptr;  // outlives the page
  };
  struct Family {
    std::string name;
    std::string help;
    Type type = Type::kCounter;
    std::vector<Sample> samples;
  };

  // Begins a family; add() goes to the last one begun. Without samples it is left out.
  Page& counter(std::string name, std::string help) { return begin(std::move(name), std::move(help), Type::kCounter); }
  Page& gauge(std::string name, std::string help) { return begin(std::move(name), std::move(help), Type::kGauge); }
  Page& histogram(std::string name, std::string help) {
    return begin(std::move(name), std::move(help), Type::kHistogram);
  }
  Page& add(double value, Labels labels = {});
  Page& add(uint64_t value, Labels labels = {}) { return add(static_cast<double>(value), std::move(labels)); }
  Page& add(const Histogram& histogram, Labels labels = {});

  [[nodiscard]] const std::vector<Family>& families() const { return families_; }

 private:
  Page& begin(std::string name, std::string help, Type type);
  std::vector<Family> families_;
};

// build_info of `program` ("resetscope_sensor"), and what every process has: processor time, memory, files, start.
void add_process(Page& page, const std::string& program);

class Endpoint {
 public:
  // `address`: host:port. `fill` is called on threads of this, once a scrape, until it is destroyed.
  static Result<std::unique_ptr<Endpoint>> start(const std::string& address, std::function<void(Page&)> fill);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  [[nodiscard]] int port() const;

 private:
  struct State;
  explicit Endpoint(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rs::metrics
