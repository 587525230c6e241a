// SPDX-License-Identifier: Apache-2.0
//
// Worker bodies on EAL's pinned lcores. Control thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "proto/result.h"

namespace rs::worker {

class Lcores {
 public:
  Lcores() = default;
  ~Lcores() { wait(); }
  Lcores(const Lcores&) = delete;
  Lcores& operator=(const Lcores&) = delete;

  // Runs `body` on an idle lcore.
  Result<void> start(unsigned lcore, std::function<void()> body);
  // Until all bodies have returned.
  void wait();
  // NUMA node of an lcore.
  static int socket(unsigned lcore);

 private:
  std::vector<std::pair<unsigned, std::unique_ptr<std::function<void()>>>> running_;
};

}  // namespace rs::worker
