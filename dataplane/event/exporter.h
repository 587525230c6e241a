// SPDX-License-Identifier: Apache-2.0
//
// The export core: takes events and denominators off every worker's ring, makes batches of them, puts each on disk
// and lets the uplink send it. A batch is sealed when its first item is a tenth of a second old or it is full. When
// every worker has ended its input the last batch says so.
//
//   rings -> [export thread: encode, seal, spool] -> spool -> [uplink: send, take acknowledgements]
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/event/encode.h"
#include "dataplane/event/health.h"
#include "dataplane/event/ring.h"
#include "dataplane/event/sink.h"
#include "dataplane/event/uplink.h"
#include "proto/result.h"
#include "proto/tls.h"

namespace rs::event {

struct ExporterConfig {
  std::string server;                    // unix:/path or host:port, see target.h
  tls::Files tls;                        // for a host:port; empty: plaintext
  std::string tls_server_name;           // in the server's certificate; empty: the host of `server`
  std::string sensor;                    // this sensor's name
  uint64_t boot = 0;                     // 0: drawn at random
  uint64_t input = 0;                    // 0: as boot (live); a digest of the files for captures
  WhenFull when_full = WhenFull::kDrop;  // as the workers' Output; decides what a full spool does
  std::string spool_dir;                 // empty: memory only
  uint64_t spool_max_bytes = 1024ULL << 20;
  uint64_t memory_max_bytes = 64ULL << 20;
  std::chrono::milliseconds seal_after{100};
  std::chrono::milliseconds health_every{10'000};
  size_t batch_bytes = 1U << 20;
  size_t batch_items = 4096;
  UplinkConfig uplink;  // its target and credentials are set from `server` and `tls`
};

struct ExporterStats {
  uint64_t batches = 0;  // sealed
  uint64_t events = 0;
  uint64_t endings = 0;
  uint64_t services = 0;
  SpoolStats spool;
  UplinkStats uplink;
};

class Exporter {
 public:
  // `rings`: one a worker, outliving the exporter. `health` is called on the export thread. Error: an address that
  // needs TLS, certificates or a spool that cannot be used; nothing runs yet.
  static Result<std::unique_ptr<Exporter>> create(ExporterConfig config, std::vector<Ring*> rings, HealthSource health);
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // control thread
  // The threads made here inherit the caller's CPU affinity.
  void start();
  // Waits until every worker has ended its input and the control plane has taken everything, earlier boots' batches
  // included. False after `timeout`: the rest stays spooled, or is lost with stop() when there is no spool directory.
  // Batches the control plane refused are gone and do not hold it up; see stats().
  [[nodiscard]] bool drain(std::chrono::milliseconds timeout);
  // Takes what is on the rings, spools it, ends all threads. From here on the workers' waits end and they count drops.
  void stop();
  // any thread
  [[nodiscard]] ExporterStats stats();
  [[nodiscard]] uint64_t boot() const { return config_.boot; }
  [[nodiscard]] uint64_t input() const { return config_.input; }

 private:
  using Clock = std::chrono::steady_clock;

  Exporter(ExporterConfig config, std::vector<Ring*> rings, HealthSource health, std::unique_ptr<Spool> spool);
  void run();
  size_t take_items();
  bool take_ring(size_t index, size_t& taken);
  void seal(bool last);
  bool spool_sealed(bool force);
  void complete(Health& health);
  [[nodiscard]] bool all_ended() const { return ended_ == rings_.size(); }

  const ExporterConfig config_;
  const std::vector<Ring*> rings_;
  const HealthSource health_;
  Outbox outbox_;
  Uplink uplink_;
  std::thread thread_;
  std::atomic<bool> stop_{false};  // w: control, r: export

  // export thread
  Encoder encoder_;
  std::vector<bool> ring_ended_;
  size_t ended_ = 0;
  uint64_t sequence_ = 0;
  Clock::time_point first_item_;
  Clock::time_point next_health_;
  Clock::time_point next_stall_look_;
  bool held_ = false;  // sealed_ waits for room in the spool
  Sealed sealed_;

  // guarded by outbox_.mutex
  bool done_ = false;  // the last batch is in the spool
  bool stopped_ = false;
  uint64_t batches_ = 0;
  uint64_t events_ = 0;
  uint64_t endings_ = 0;
  uint64_t services_ = 0;
};

}  // namespace rs::event
