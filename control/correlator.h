// SPDX-License-Identifier: Apache-2.0
//
// Feeds correlation with what was stored, on a thread of its own, and keeps what it finds. The store's writer thread
// only makes a digest of each batch and queues it; when correlation falls behind by more than kMaxQueued endings, the
// queue gives way and they are read from the store instead, so that memory stays bounded and nothing is left out. After
// a restart it goes on where the kept findings end: no ending counts twice, none is missed.
//
// Captures read for one analysis are correlated when they have been read, in the order of packet time: the findings are
// the same however many workers read them.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "control/correlate/correlation.h"
#include "control/model/names.h"
#include "control/store/store.h"

namespace rs::control {

class Correlator final : public store::BatchObserver {
 public:
  static constexpr size_t kMaxQueued = 131'072;  // endings: about 30 MiB
  static constexpr uint64_t kWarm = 20'000;      // endings read again at start, to fill the windows

  enum class Order : uint8_t { kArrival, kPacketTime };  // the latter while all input is captures

  Correlator(store::Store& store, correlate::Correlation& correlation, const model::NamesHolder& names,
             Order order = Order::kArrival)
      : store_(store), correlation_(correlation), names_(names), in_packet_order_(order == Order::kPacketTime) {}
  ~Correlator() override { stop(); }

  // Reads what was kept, then begins.
  Result<void> start();
  // Before start(): told of every batch as well, on the same thread.
  void also_tell(store::BatchObserver* other) { other_ = other; }
  // Works off what is queued, keeps what was found, ends the thread.
  void stop();

  // writer thread
  void stored(const model::Batch& batch, const std::vector<uint32_t>& fresh,
              const std::vector<model::Sighting>& sightings) override;

  // Waits until everything stored so far is correlated; for tests and for the end of an analysis.
  void settle();

 private:
  void run();
  void catch_up();
  void take_in_packet_order(std::vector<correlate::Intake> held);
  void keep(bool wait);
  model::SensorNumber number_of(const std::string& sensor);  // under mutex_

  store::Store& store_;
  correlate::Correlation& correlation_;
  const model::NamesHolder& names_;
  store::BatchObserver* other_ = nullptr;
  uint64_t counted_ = 0;      // endings up to here were counted before this program started
  uint64_t kept_cursor_ = 0;  // of the newest findings kept
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_, settled_;
  std::deque<correlate::Intake> queue_;  // under mutex_, as all below
  size_t queued_ = 0;                    // endings in it
  bool behind_ = false;                  // endings are read from the store
  uint64_t newest_ = 0;                  // cursor stored
  bool in_packet_order_;
  std::set<std::string> reading_;  // captures, not at their end
  bool busy_ = false;
  bool stopping_ = false;
  std::vector<std::string> sensors_;  // by number
  std::map<std::string, model::SensorNumber> numbers_;
};

}  // namespace rs::control
