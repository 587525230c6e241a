// SPDX-License-Identifier: Apache-2.0
//
// Sends what the spool holds over the gRPC stream Ingest.Publish, in order, several batches ahead of their
// acknowledgements, and takes acknowledged ones out of it. A broken stream is opened again after a back-off that
// doubles, and everything unacknowledged is sent again; the control plane knows a batch by boot and sequence.
// Whatever the other side answers, the worst it can do is refuse batches, each of which is counted and logged.
//
// Two threads of its own: one connects and writes, one reads acknowledgements.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "dataplane/event/spool.h"

namespace grpc {
class ChannelCredentials;
}

namespace rs::event {

// What the export core and the uplink share.
struct Outbox {
  std::mutex mutex;                 // guards all below
  std::condition_variable changed;  // a batch came or went, or something is to stop
  std::unique_ptr<Spool> spool;
};

struct UplinkConfig {
  std::string target;                                     // for gRPC, see target_of()
  std::shared_ptr<grpc::ChannelCredentials> credentials;  // null: plaintext
  std::string server_name;  // that the server's certificate must have; empty: the target's host
  size_t window = 8;        // batches sent and not acknowledged
  std::chrono::milliseconds backoff_first{100};
  std::chrono::milliseconds backoff_most{10'000};
  std::chrono::milliseconds stall{30'000};  // without an acknowledgement for what was sent: the stream is given up
};

struct UplinkStats {
  bool connected = false;     // the control plane has acknowledged on this stream
  uint64_t sent_batches = 0;  // again-sent ones count again
  uint64_t sent_bytes = 0;
  uint64_t acked_batches = 0;
  uint64_t duplicate_batches = 0;  // of acked: the control plane had them already
  uint64_t refused_batches = 0;
  uint64_t refused_events = 0;
  uint64_t bad_acks = 0;  // for no batch that was sent, or with an unknown code
  uint64_t streams = 0;   // opened
  uint64_t stalls = 0;
};

class Uplink {
 public:
  Uplink(UplinkConfig config, Outbox& outbox);
  ~Uplink();
  Uplink(const Uplink&) = delete;
  Uplink& operator=(const Uplink&) = delete;

  void start();
  // Ends the stream and both threads; what is not acknowledged stays in the spool.
  void stop();
  // Call every second or so: gives up a stream whose other end has gone silent.
  void check_stall();
  [[nodiscard]] UplinkStats stats();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rs::event
