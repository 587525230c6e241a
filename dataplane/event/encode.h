// SPDX-License-Identifier: Apache-2.0
//
// Items from the workers' rings to FlatBuffers batches (proto/event.fbs). encode.cc alone fills the generated types
// (uplink.cc reads the acknowledgement). Batches are bounded, far below gRPC's 4 MiB message limit; memory is
// reused from batch to batch. Export core's thread. Counts beyond the arrays' ends are cut, text is reduced to
// printable ASCII: nothing a packet carried can make a batch that does not verify.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/event/event.h"
#include "dataplane/event/health.h"

namespace rs::event {

struct EncoderConfig {
  std::string sensor;
  uint64_t boot = 0;
  uint64_t input = 0;
  size_t max_bytes = 1U << 20;  // of events and services in a batch; at most 3 MiB, health comes on top
  size_t max_items = 4096;
};

// A finished batch; `data` stays valid until the next add() or seal().
struct Sealed {
  const uint8_t* data = nullptr;
  size_t size = 0;
  uint64_t events = 0;
  uint64_t endings = 0;  // the sum of the events' counts
  uint64_t services = 0;
};

class Encoder {
 public:
  explicit Encoder(EncoderConfig config);
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  // False when the batch is full: seal it, then add the item again. Items that are neither event nor service are
  // taken and leave no trace.
  [[nodiscard]] bool add(const Item& item);
  // Nothing was added since the last seal().
  [[nodiscard]] bool empty() const;
  // Ends the batch and starts the next. `health` may be null.
  Sealed seal(uint64_t sequence, uint64_t sent_ns, const Health* health, bool last);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `text` with every byte that is not printable ASCII shown as '?', cut to `most` bytes: for logs and strings that
// came over the network.
[[nodiscard]] std::string printable(std::string_view text, size_t most);

}  // namespace rs::event
