// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_telemetry.h"

#include <rte_telemetry.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace rs {
namespace {

// The library hands callbacks no context of ours.
std::mutex g_mutex;  // held while a command is answered: never by workers
const Parts* g_parts = nullptr;

void put(rte_tel_data* dict, const Numbers& numbers) {
  for (const auto& [name, value] : numbers) rte_tel_data_add_dict_u64(dict, name.c_str(), value);
}

// `fill` with the parts locked, or an empty object.
template <class Fill>
int answer(rte_tel_data* data, Fill&& fill) {
  rte_tel_data_start_dict(data);
  const std::lock_guard lock(g_mutex);
  if (g_parts != nullptr) fill(*g_parts);
  return 0;
}

// Adds one named object; 22.11 frees it with the answer.
template <class Fill>
void put_object(rte_tel_data* data, const std::string& name, Fill&& fill) {
  rte_tel_data* object = rte_tel_data_alloc();
  if (object == nullptr) return;
  rte_tel_data_start_dict(object);
  fill(object);
  if (rte_tel_data_add_dict_container(data, name.c_str(), object, 0) != 0) rte_tel_data_free(object);
}

int answer_counters(const char*, const char*, rte_tel_data* data) {
  return answer(data, [data](const Parts& parts) {
    rte_tel_data_add_dict_u64(data, "received", received(parts).rx_pkts);
    put(data, counters(parts));
  });
}

int answer_workers(const char*, const char*, rte_tel_data* data) {
  return answer(data, [data](const Parts& parts) {
    for (const auto& w : parts.workers)
      put_object(data, std::to_string(w->setup.index), [&](rte_tel_data* o) { put(o, worker_numbers(*w)); });
  });
}

int answer_ports(const char*, const char*, rte_tel_data* data) {
  return answer(data, [data](const Parts& parts) {
    if (parts.ports == nullptr) return;
    for (const auto& port : parts.ports->all()) {
      put_object(data, std::to_string(port->index), [&](rte_tel_data* o) {
        rte_tel_data_add_dict_string(o, "name", port->name.c_str());
        rte_tel_data_add_dict_string(o, "driver", port->driver.c_str());
        rte_tel_data_add_dict_string(o, "spread", port->spread.why.c_str());
        put(o, port_numbers(*port));
      });
    }
  });
}

}  // namespace

Result<std::unique_ptr<Telemetry>> Telemetry::start(const Parts& parts) {
  static bool registered = false;
  if (!registered) {
    struct Command {
      const char* name;
      telemetry_cb answer;
      const char* help;
    };
    for (const Command& c :
         {Command{"/resetscope/counters", answer_counters, "Every counter of the sensor. Takes no parameters"},
          Command{"/resetscope/workers", answer_workers, "Counters of each worker. Takes no parameters"},
          Command{"/resetscope/ports", answer_ports, "Each port: driver, queues, link, drops. Takes no parameters"}}) {
      if (const int code = rte_telemetry_register_cmd(c.name, c.answer, c.help); code != 0)
        return Error{Code::kInternal, std::string("telemetry command ") + c.name + ": " + std::strerror(-code)};
    }
    registered = true;
  }
  const std::lock_guard lock(g_mutex);
  g_parts = &parts;
  return std::unique_ptr<Telemetry>(new Telemetry);
}

Telemetry::~Telemetry() {
  const std::lock_guard lock(g_mutex);
  g_parts = nullptr;
}

}  // namespace rs
