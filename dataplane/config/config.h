// SPDX-License-Identifier: Apache-2.0
//
// The sensor's whole configuration as plain data. Defaults stand here and only here; keys.cc holds the one table that
// reads, explains and prints each field. Read once at start; never shared with workers as it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.h"

namespace rs::config {

enum class Hugepages : uint8_t { kAuto = 0, kRequire, kOff };
enum class Driver : uint8_t { kAuto = 0, kAfXdp, kAfPacket };
enum class Handover : uint8_t { kAuto = 0, kOn, kOff };
enum class LogLevel : uint8_t { kError = 0, kWarn, kInfo, kDebug };
enum class LogFormat : uint8_t { kText = 0, kJson };

struct Sensor {
  std::string name;  // 1-64 of [A-Za-z0-9._-]; the control plane's key for this sensor. Empty: the host's name
  bool operator==(const Sensor&) const = default;
};

struct Capture {
  std::vector<std::string> ports;       // 1-32 live ports, or any number of files; see ports.h for the forms
  uint32_t workers = 1;                 // 1-64; one core is enough for a 10 Gbit/s mirror of ordinary traffic
  std::vector<std::string> taps;        // "eth1 eth2": two of `ports` that carry one direction each of the same links
  std::vector<uint32_t> cores;          // CPU numbers for the workers in turn. Empty: chosen, the first CPU kept free
  Handover handover = Handover::kAuto;  // see worker/handover.h; kAuto: when a check of the ports says it is needed
  uint32_t memory_mib = 0;              // 0-1048576 MiB for packet buffers. 0: worked out from ports and workers
  Hugepages hugepages = Hugepages::kAuto;  // kAuto: used when there are enough free ones; costs speed only, so no error
  Driver driver = Driver::kAuto;           // kernel interfaces only; see capture/interface.h for what auto picks
  bool promiscuous = true;                 // a mirror port's frames are addressed to others
  bool telemetry = true;                   // DPDK's telemetry socket, live ports only
  bool operator==(const Capture&) const = default;
};

struct Flow {
  uint32_t capacity = 1U << 20;  // 1024-268435456 connections over all workers; 384 bytes each at most: 384 MiB
  uint32_t max_idle_s = 4000;    // 10-604800 s. Above the 3600 s idle timeout firewalls ship with, so that it is seen
  bool operator==(const Flow&) const = default;
};

struct Track {
  uint32_t settle_ms = 1000;  // 0-60000 ms watched after the first RST: covers an RTT and Linux' first retransmissions
  bool operator==(const Track&) const = default;
};

struct Context {
  std::string
      patterns;  // pattern file; see dataplane/context/patterns/1_web.yaml for its form. Empty: the built-in one
  std::string cache_dir;      // absolute directory for compiled patterns. Empty: compiled at each start, half a second
  bool server_names = false;  // a site's name tells whom a client talks to: kept only where somebody wants it
  bool operator==(const Context&) const = default;
};

struct Event {
  bool fold = true;                // an RST flood must cost bounded bandwidth
  uint32_t stats_interval_s = 10;  // 1-3600 s; the control plane's finest rollup is 10 s
  bool operator==(const Event&) const = default;
};

struct Export {
  // unix:/path or host:port. Plaintext never leaves the machine: the exporter checks.
  std::string server = "unix:/run/resetscope/ingest.sock";
  std::string tls_ca;  // absolute paths of PEM files; for host:port. See proto/tls.h
  std::string tls_cert;
  std::string tls_key;
  std::string tls_server_name;  // in the control plane's certificate. Empty: the host of `server`
  bool operator==(const Export&) const = default;
};

struct Spool {
  std::string dir;          // absolute directory for what is not acknowledged yet. Empty: memory only
  uint32_t max_mib = 1024;  // 1-16777216 MiB; an hour without the control plane at 1,000 events/s is about 1 GiB
  bool operator==(const Spool&) const = default;
};

struct Metrics {
  std::string listen;  // address:port for Prometheus, or a port for 127.0.0.1. Empty: none; a sensor listens nowhere
  bool operator==(const Metrics&) const = default;
};

struct Log {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  bool operator==(const Log&) const = default;
};

struct Config {
  Sensor sensor;
  Capture capture;
  Flow flow;
  Track track;
  Context context;
  Event event;
  Export export_;  // `export` is a C++ keyword
  Spool spool;
  Metrics metrics;
  Log log;
  bool operator==(const Config&) const = default;
};

// Reads a YAML file over the defaults. Unknown, doubled or bad keys refuse the whole file with file, line and reason.
// Does not call check(): flags may still change values.
Result<Config> load(const std::string& path);
// The same from a text already read; `name` stands in the errors.
Result<Config> parse(const std::string& name, const std::string& text);

// Takes over from `from` what may change while the sensor runs (Key::live), and nothing else.
void take_live(Config& into, const Config& from);

// Fields that must fit together, after file and flags; fills sensor.name from the host's name when empty.
Result<void> check(Config& config);

}  // namespace rs::config
