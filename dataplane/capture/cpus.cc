// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/cpus.h"

#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace rs::capture {
namespace {

namespace fs = std::filesystem;

uint32_t read_number(const fs::path& path) {
  uint32_t v = 0;
  std::ifstream(path) >> v;
  return v;
}

int node_of(const fs::path& cpu_dir) {
  std::error_code error;
  for (fs::directory_iterator it(cpu_dir, error), end; !error && it != end; it.increment(error)) {
    const std::string entry = it->path().filename().string();
    if (entry.starts_with("node") && entry.size() > 4 && entry[4] >= '0' && entry[4] <= '9') {
      return static_cast<int>(std::strtol(entry.c_str() + 4, nullptr, 10));
    }
  }
  return 0;
}

}  // namespace

std::vector<Cpu> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<Cpu> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return {Cpu{}};
  for (uint32_t id = 0; id < CPU_SETSIZE; ++id) {
    if (!CPU_ISSET(id, &set)) continue;
    const fs::path dir = "/sys/devices/system/cpu/cpu" + std::to_string(id);
    const uint32_t package = read_number(dir / "topology" / "physical_package_id");
    cpus.push_back({id, package << 16 | read_number(dir / "topology" / "core_id"), node_of(dir)});
  }
  return cpus;
}

Result<std::vector<uint32_t>> pick_cpus(const std::vector<Cpu>& allowed, const std::vector<uint32_t>& wanted,
                                        uint32_t workers, int node) {
  std::vector<uint32_t> order;
  for (const uint32_t id : wanted) {
    if (std::ranges::find(allowed, id, &Cpu::id) == allowed.end()) {
      std::string list;
      for (const Cpu& cpu : allowed) list.append(" ").append(std::to_string(cpu.id));
      return Error{Code::kInvalid,
                   "capture.cores: CPU " + std::to_string(id) + " is not available to this process; available:" + list};
    }
    order.push_back(id);
  }
  if (order.empty()) {
    std::vector<Cpu> pool = allowed;
    if (pool.size() > workers) pool.erase(pool.begin());
    std::set<uint32_t> taken;  // a core the control thread's CPU shares is as good as any second thread
    std::vector<Cpu> first;
    std::vector<Cpu> second;
    for (const Cpu& cpu : pool) (taken.insert(cpu.core).second ? first : second).push_back(cpu);
    first.insert(first.end(), second.begin(), second.end());
    std::stable_partition(first.begin(), first.end(), [&](const Cpu& cpu) { return node < 0 || cpu.node == node; });
    for (const Cpu& cpu : first) order.push_back(cpu.id);
  }
  std::vector<uint32_t> picked;
  for (uint32_t i = 0; i < workers; ++i) picked.push_back(order[i % order.size()]);
  return picked;
}

Result<void> enough_cpus(const std::vector<uint32_t>& worker_cpus) {
  const size_t distinct = std::set<uint32_t>(worker_cpus.begin(), worker_cpus.end()).size();
  if (distinct == worker_cpus.size()) return {};
  return Error{Code::kResource, "capture.workers: " + std::to_string(worker_cpus.size()) + " workers, but only " +
                                    std::to_string(distinct) +
                                    " CPUs for them; a worker polls its NIC without pause and needs one of its own: "
                                    "use fewer workers, or let the sensor have more CPUs"};
}

std::string lcore_map(const std::vector<Cpu>& allowed, const std::vector<uint32_t>& worker_cpus) {
  std::vector<uint32_t> others;
  for (const Cpu& cpu : allowed)
    if (std::ranges::find(worker_cpus, cpu.id) == worker_cpus.end()) others.push_back(cpu.id);
  if (others.empty())
    for (const Cpu& cpu : allowed) others.push_back(cpu.id);
  std::string map = "0@(";
  for (const uint32_t id : others) {
    if (map.back() != '(') map += ',';
    map += std::to_string(id);
  }
  map += ')';
  for (size_t i = 0; i < worker_cpus.size(); ++i) {
    map.append(",").append(std::to_string(i + 1)).append("@").append(std::to_string(worker_cpus[i]));
  }
  return map;
}

}  // namespace rs::capture
