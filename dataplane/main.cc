// SPDX-License-Identifier: Apache-2.0
//
// resetscope-sensor: command line and configuration, then run_sensor(). Exit status: 0 done, 1 error, 2 bad usage.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/config/config.h"
#include "dataplane/config/keys.h"
#include "dataplane/context/database.h"
#include "dataplane/sensor.h"
#include "dataplane/sensor_log.h"

namespace {

rs::Requests requests;

void on_stop(int) {
  // A second signal ends at once.
  if (requests.stop.exchange(true)) std::_Exit(130);
}

void on_reload(int) { requests.reload.store(true); }

// A flag that stands for a configuration key.
struct Flag {
  const char* option;
  const char* key;
  const char* help;
};
constexpr Flag kFlags[] = {
    {"--name", "sensor.name", "this sensor's name at the control plane"},
    {"--workers", "capture.workers", "worker cores"},
    {"--cores", "capture.cores", "CPUs for the workers, one each: 2,3"},
    {"--handover", "capture.handover", "workers hand packets to each other: auto, on or off"},
    {"--export-server", "export.server", "control plane: unix:/path or host:port"},
    {"--tls-ca", "export.tls_ca", "PEM file of the CA behind the control plane's certificate"},
    {"--tls-cert", "export.tls_cert", "PEM file of this sensor's certificate, whose name is the sensor's"},
    {"--tls-key", "export.tls_key", "PEM file of its private key"},
    {"--tls-server-name", "export.tls_server_name", "name in the control plane's certificate, if not the host's"},
    {"--metrics-listen", "metrics.listen", "where Prometheus may scrape: a port for 127.0.0.1, or address:port"},
    {"--spool-dir", "spool.dir", "directory that keeps what is not acknowledged yet"},
    {"--flows", "flow.capacity", "connections followed at a time"},
    {"--settle-ms", "track.settle_ms", "milliseconds a reset connection is watched on"},
    {"--patterns", "context.patterns", "file with the patterns of last messages"},
    {"--server-names", "context.server_names", "true: report the names clients asked for"},
    {"--driver", "capture.driver", "how interfaces are read: auto, af_xdp or af_packet"},
    {"--hugepages", "capture.hugepages", "auto, require or off"},
    {"--telemetry", "capture.telemetry", "DPDK's telemetry socket: true or false"},
    {"--log-level", "log.level", "error, warn, info or debug"},
    {"--log-format", "log.format", "text or json"},
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Watches mirror ports or reads captures, and says of each TCP reset who sent it and why."};
  app.footer("Keys of the configuration file:\n" + rs::config::help());
  std::string config_file;
  std::vector<std::string> reads;
  std::vector<std::string> interfaces;
  std::vector<std::pair<std::string, std::string>> taps;
  bool check_only = false;
  bool no_fold = false;
  bool print_sample = false;
  bool print_patterns = false;
  rs::RunOptions options;
  std::vector<std::string> values(std::size(kFlags));
  app.set_version_flag("--version", std::string("resetscope-sensor ") + RS_VERSION);
  app.add_option("--config", config_file, "configuration file (YAML)");
  app.add_flag("--check-config", check_only, "check the configuration and leave");
  app.add_flag("--print-patterns", print_patterns, "print the built-in patterns of last messages");
  app.add_flag("--sample-config", print_sample, "print a commented configuration with every key");
  app.add_option("--interface", interfaces, "mirror port: eth1, 0000:3b:00.0 or a DPDK vdev; repeatable");
  app.add_option("--tap", taps, "two ports with one direction each of the same links: --tap eth1 eth2; repeatable");
  app.add_option("--read", reads, "capture file (pcap, pcapng, - for standard input); repeatable");
  for (size_t i = 0; i < std::size(kFlags); ++i) app.add_option(kFlags[i].option, values[i], kFlags[i].help);
  app.add_flag("--no-fold", no_fold, "send every ending as an event of its own");
  app.add_option("--speed", options.speed, "captures: 0 as fast as possible, 1 as captured, 10 ten times faster")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--progress-fd", options.progress_fd, "write '<bytes> <bytes in all> <packets>' lines there");
  app.add_option("--drain", options.drain_s, "seconds to wait for acknowledgements when stopped");
  app.add_flag("--counters", options.counters, "print all counters at the end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (print_patterns) {
    std::fputs(std::string(rs::context::built_in_patterns()).c_str(), stdout);
    return 0;
  }
  if (print_sample) {
    std::fputs(rs::config::sample().c_str(), stdout);
    return 0;
  }
  const auto fail = [](int status, const std::string& text) {
    std::fprintf(stderr, "resetscope-sensor: %s\n", text.c_str());
    return status;
  };

  // The file, then the flags over it.
  int status = 1;
  const auto read = [&]() -> rs::Result<rs::config::Config> {
    rs::config::Config config;
    if (!config_file.empty()) {
      auto loaded = rs::config::load(config_file);
      if (!loaded) return loaded.error();
      config = std::move(*loaded);
    }
    status = 2;
    for (size_t i = 0; i < std::size(kFlags); ++i) {
      if (app.count(kFlags[i].option) == 0) continue;
      if (auto set = rs::config::set(config, kFlags[i].key, values[i]); !set)
        return rs::Error{rs::Code::kInvalid, std::string(kFlags[i].option) + ": " + set.error().text};
    }
    for (const auto& [one, other] : taps) config.capture.taps.push_back(one + " " + other);
    std::vector<std::string> ports = reads;
    ports.insert(ports.end(), interfaces.begin(), interfaces.end());
    for (const auto& [one, other] : taps)
      for (const std::string& port : {one, other})
        if (std::find(ports.begin(), ports.end(), port) == ports.end()) ports.push_back(port);
    if (!ports.empty()) config.capture.ports = ports;
    if (no_fold) config.event.fold = false;
    if (!config_file.empty()) status = 1;
    if (auto checked = rs::config::check(config); !checked) return checked.error();
    return config;
  };
  auto config = read();
  if (!config) return fail(status, config.error().text);
  if (check_only) {
    auto patterns = rs::context::load_patterns(config->context.patterns);
    if (!patterns) return fail(1, patterns.error().text);
    if (auto built = rs::context::Database::build(std::move(*patterns), ""); !built) return fail(1, built.error().text);
    std::fprintf(stderr, "resetscope-sensor: the configuration is good\n");
    return 0;
  }
  rs::set_up_log(config->log);
  struct sigaction action = {};
  action.sa_handler = on_stop;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  if (!config_file.empty()) {
    options.read_again = read;
    action.sa_handler = on_reload;
    sigaction(SIGHUP, &action, nullptr);
  }
  std::signal(SIGPIPE, SIG_IGN);
  if (auto done = rs::run_sensor(std::move(*config), options, requests); !done) {
    spdlog::error("{}", done.error().text);
    return 1;
  }
  return 0;
}
