// SPDX-License-Identifier: Apache-2.0
//
// Starts and ends DPDK's environment (EAL) for one sensor. Once a process, from the main thread.
// Nothing is shared between processes: with hugepages EAL keeps its files in memory (--in-memory), without it takes
// -m MiB of ordinary pages (--no-huge --no-shconf; 22.11 refuses --no-huge together with --in-memory). So any number
// of sensors run beside each other, and none leaves files behind. No NIC is touched but those the configuration
// names. Workers are pinned; the main thread, and the threads it starts, run on the CPUs that workers leave (cpus.h).
// With live ports EAL answers on its telemetry socket, in <runtime directory>/dpdk/resetscope.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/capture/cpus.h"
#include "dataplane/capture/memory.h"
#include "dataplane/capture/port_plan.h"
#include "dataplane/config/config.h"
#include "proto/result.h"

namespace rs::capture {

struct EalPlan {
  std::string lcores;
  std::vector<std::string> pci;  // allowed addresses
  uint32_t memory_mib = 0;
  bool hugepages = false;
  bool preallocate = false;  // hugepages: take memory_mib at once, as configured
  bool telemetry = false;
};

// The command line EAL is given.
std::vector<std::string> eal_arguments(const EalPlan& plan);

// The CPU of each worker, as Eal::start will choose them.
Result<std::vector<Cpu>> cpus_of_workers(const config::Config& config, const std::vector<PortPlan>& ports);

class Eal {
 public:
  // `ports`: from plan_ports(); empty when files are read.
  static Result<std::unique_ptr<Eal>> start(const config::Config& config, const std::vector<PortPlan>& ports);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  [[nodiscard]] bool hugepages() const { return hugepages_; }
  [[nodiscard]] bool telemetry() const { return telemetry_; }
  // Worker i runs on lcore worker_lcores()[i]: rte_eal_remote_launch(f, arg, lcore). Its NUMA node:
  // rte_lcore_to_socket_id(lcore).
  [[nodiscard]] const std::vector<unsigned>& worker_lcores() const { return worker_lcores_; }
  [[nodiscard]] const std::vector<uint32_t>& worker_cpus() const { return worker_cpus_; }
  // What the operator should know, e.g. that there are no hugepages.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Eal() = default;
  std::vector<unsigned> worker_lcores_;
  std::vector<uint32_t> worker_cpus_;
  std::vector<std::string> warnings_;
  bool hugepages_ = false;
  bool telemetry_ = false;
};

}  // namespace rs::capture
