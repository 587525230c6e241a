// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/lcore.h"

#include <rte_launch.h>
#include <rte_lcore.h>

#include <cstring>
#include <string>
#include <utility>

namespace rs::worker {

Result<void> Lcores::start(unsigned lcore, std::function<void()> body) {
  auto held = std::make_unique<std::function<void()>>(std::move(body));
  const int failed = rte_eal_remote_launch(
      [](void* f) {
        (*static_cast<std::function<void()>*>(f))();
        return 0;
      },
      held.get(), lcore);
  if (failed != 0)
    return Error{Code::kInternal, "worker on lcore " + std::to_string(lcore) + ": " + std::strerror(-failed)};
  running_.emplace_back(lcore, std::move(held));
  return {};
}

void Lcores::wait() {
  for (const auto& [lcore, body] : running_) rte_eal_wait_lcore(lcore);
  running_.clear();
}

int Lcores::socket(unsigned lcore) { return static_cast<int>(rte_lcore_to_socket_id(lcore)); }

}  // namespace rs::worker
