// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "dataplane/capture/eal_log.h"
#include "dataplane/capture/hugepages.h"

namespace rs::capture {
namespace {

constexpr uint64_t kFlowBytes = 384;  // at most, all included; see flow/table.h

Error start_error(int code, const EalPlan& plan) {
  const std::string said = take_eal_warnings();
  std::string text = "DPDK did not start: ";
  Code kind = Code::kInternal;
  switch (code) {
    case EACCES:
    case EPERM:
      text += "a permission is missing; run as root or see deploy/ for the capabilities it needs";
      kind = Code::kPermission;
      break;
    case ENOMEM:
      text += "not enough memory for " + std::to_string(plan.memory_mib) + " MiB of " +
              (plan.hugepages ? "hugepages" : "buffers") + "; lower capture.memory_mib" +
              (plan.hugepages ? ", set aside more hugepages" : "") + ", or free memory";
      kind = Code::kResource;
      break;
    case EALREADY:
      text += "it runs already in this process";
      break;
    case ENODEV:
      text += "a device could not be opened; check capture.ports";
      kind = Code::kNotFound;
      break;
    default:
      text += rte_strerror(code);
  }
  if (!said.empty()) text += " (DPDK says: " + said + ")";
  return {kind, text};
}

// Why EAL could not make its runtime directory (where it looks: eal_filesystem in 22.11), empty when it can. EAL itself
// would refuse to start.
std::string no_runtime_directory() {
  const char* base = std::getenv("RUNTIME_DIRECTORY");
  if (base == nullptr && ::getuid() == 0) base = "/var/run";
  if (base == nullptr) base = std::getenv("XDG_RUNTIME_DIR");
  if (base == nullptr) base = "/tmp";
  // By making it, as EAL would: root may write anywhere by the permissions, yet not in every file system.
  std::error_code error;
  const std::filesystem::path at = std::filesystem::path(base) / "dpdk" / "resetscope";
  std::filesystem::create_directories(at, error);
  if (!error && ::access(at.c_str(), W_OK | X_OK) != 0) error.assign(errno, std::generic_category());
  return error ? at.string() + " cannot be used: " + error.message() : std::string();
}

// Decides hugepages, with a warning or an error when they were wanted and cannot be had.
Result<void> decide_hugepages(const config::Config& config, EalPlan& plan, std::vector<std::string>& warnings) {
  using config::Hugepages;
  if (config.capture.hugepages == Hugepages::kOff) return {};
  const bool require = config.capture.hugepages == Hugepages::kRequire;
  // Tables fall back to ordinary memory on their own (alloc_zeroed), unless that is to be an error.
  const uint64_t tables_mib = config.flow.capacity * kFlowBytes >> 20;
  const uint64_t need = plan.memory_mib + (require ? tables_mib : 0);
  plan.hugepages = can_reserve_hugepages(need);
  if (plan.hugepages) return {};
  const std::string state = std::to_string(need) + " MiB needed, " + std::to_string(free_hugepage_mib()) + " MiB free";
  const std::string advice =
      "set some aside: sysctl vm.nr_hugepages=" + std::to_string((plan.memory_mib + tables_mib + 1) / 2);
  if (require) return Error{Code::kResource, "capture.hugepages is require, but " + state + "; " + advice};
  warnings.push_back("no hugepages (" + state + "): ordinary memory is used, which is slower; " + advice);
  return {};
}

}  // namespace

std::vector<std::string> eal_arguments(const EalPlan& plan) {
  std::vector<std::string> args = {"resetscope-sensor", "--lcores=" + plan.lcores, "--main-lcore=0"};
  args.emplace_back(plan.telemetry ? "--file-prefix=resetscope" : "--no-telemetry");
  if (plan.hugepages) {
    args.emplace_back("--in-memory");
    if (plan.preallocate) args.push_back("-m" + std::to_string(plan.memory_mib));
  } else {
    args.insert(args.end(), {"--no-huge", "--no-shconf", "-m" + std::to_string(plan.memory_mib)});
  }
  if (plan.pci.empty()) {
    args.emplace_back("--no-pci");
    args.emplace_back("--iova-mode=va");  // no device reads our memory, so physical addresses do not matter
  }
  for (const std::string& address : plan.pci) args.push_back("--allow=" + address);
  return args;
}

Result<std::vector<Cpu>> cpus_of_workers(const config::Config& config, const std::vector<PortPlan>& ports) {
  int node = -1;
  for (const PortPlan& port : ports)
    if (node < 0) node = port.numa_node;
  const std::vector<Cpu> allowed = allowed_cpus();
  auto ids = pick_cpus(allowed, config.capture.cores, config.capture.workers, node);
  if (!ids) return ids.error();
  std::vector<Cpu> cpus;
  for (const uint32_t id : *ids) cpus.push_back(*std::ranges::find(allowed, id, &Cpu::id));
  return cpus;
}

Result<std::unique_ptr<Eal>> Eal::start(const config::Config& config, const std::vector<PortPlan>& ports) {
  std::unique_ptr<Eal> eal(new Eal);
  EalPlan plan;
  for (const PortPlan& port : ports)
    if (port.kind == config::PortKind::kPci) plan.pci.push_back(port.device);
  auto cpus = cpus_of_workers(config, ports);
  if (!cpus) return cpus.error();
  for (const Cpu& cpu : *cpus) eal->worker_cpus_.push_back(cpu.id);
  if (auto enough = enough_cpus(eal->worker_cpus_); !enough && !ports.empty()) {
    // Kernel interfaces are polled with pauses and have deep rings: sharing costs speed there, not packets at once.
    if (!plan.pci.empty()) return enough.error();
    eal->warnings_.push_back(enough.error().text);
  }
  for (const PortPlan& port : ports) {
    const auto far = [&port](const Cpu& cpu) { return cpu.node != port.numa_node; };
    if (port.numa_node >= 0 && std::ranges::all_of(*cpus, far))
      eal->warnings_.push_back(port.name + " is on NUMA node " + std::to_string(port.numa_node) +
                               ", no worker is: every packet crosses between nodes; choose capture.cores there");
  }
  if (config.capture.telemetry && !ports.empty()) {
    const std::string why_not = no_runtime_directory();
    plan.telemetry = why_not.empty();
    if (!plan.telemetry) eal->warnings_.push_back("no telemetry socket: " + why_not);
  }
  plan.lcores = lcore_map(allowed_cpus(), eal->worker_cpus_);
  plan.preallocate = config.capture.memory_mib != 0;
  plan.memory_mib = plan.preallocate ? config.capture.memory_mib : memory_mib(ports);
  if (auto done = decide_hugepages(config, plan, eal->warnings_); !done) return done.error();
  // Captures need hardly any buffers, so the lack of hugepages is not worth a word there.
  if (ports.empty()) eal->warnings_.clear();

  take_over_eal_log(config.log.level == config::LogLevel::kDebug);
  std::vector<std::string> args = eal_arguments(plan);
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) return start_error(rte_errno, plan);
  for (unsigned i = 0; i < config.capture.workers; ++i) eal->worker_lcores_.push_back(i + 1);
  eal->hugepages_ = plan.hugepages;
  eal->telemetry_ = plan.telemetry;
  (void)take_eal_warnings();  // of a start that went well
  return eal;
}

Eal::~Eal() {
  if (!worker_lcores_.empty()) rte_eal_cleanup();
}

}  // namespace rs::capture
