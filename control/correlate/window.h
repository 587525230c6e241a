// SPDX-License-Identifier: Apache-2.0
//
// How many endings of one kind fell into any window of some length, from how many distinct places, and how many there
// usually are. A ring of 32 buckets spans two windows, so that endings may come a window late and in any order. Not
// safe for several threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace rs::correlate {

class Window {
 public:
  static constexpr size_t kBuckets = 32;
  static constexpr size_t kPerWindow = 16;
  static constexpr size_t kPlaces = 64;  // remembered at most: thresholds of distinct places are below

  struct Place {
    uint32_t key = 0;     // hash of what makes it distinct
    uint32_t client = 0;  // hashes of the ends
    uint32_t server = 0;
    uint32_t bucket = 0;  // the low bits: places are compared within a window only
    bool used = false;
  };

  // Adds `count` endings at a time. False when it is older than the ring: not counted.
  bool add(uint64_t time_ns, uint64_t window_ns, uint64_t count, const Place& place);

  struct Peak {
    uint64_t endings = 0;   // in the fullest window that holds the time
    uint64_t since_ns = 0;  // first and last of them
    uint64_t until_ns = 0;
    size_t places = 0;  // distinct ones within a window to either side of the time
  };
  // Nothing when that window holds less than `least`.
  [[nodiscard]] Peak peak(uint64_t time_ns, uint64_t window_ns, uint64_t least) const;
  // Endings a window usually has, by windows gone by.
  [[nodiscard]] double usual() const { return usual_; }
  [[nodiscard]] uint64_t last_ns(uint64_t window_ns) const { return (newest_ + 1) * (window_ns / kPerWindow); }
  // Calls with each place within a window to either side of the time.
  template <class Each>
  void places(uint64_t time_ns, uint64_t window_ns, const Each& each) const {
    const auto now = static_cast<uint32_t>(time_ns / (window_ns / kPerWindow));
    for (const Place& place : places_) {
      const auto apart = static_cast<int32_t>(place.bucket - now);
      if (place.used && apart < static_cast<int32_t>(kPerWindow) && -apart < static_cast<int32_t>(kPerWindow))
        each(place);
    }
  }

 private:
  void move_to(uint64_t bucket);

  std::array<uint32_t, kBuckets> counts_{};
  std::array<uint64_t, kBuckets> first_ns_{};  // of those counted
  std::array<uint64_t, kBuckets> last_ns_{};
  std::array<Place, kPlaces> places_{};
  uint64_t newest_ = 0;  // bucket
  double usual_ = 0;
  bool any_ = false;
};

// Natural logarithm of the chance that a Poisson variable of this mean is `n` or more, an upper bound; 0 when that is
// nothing unusual.
double log_chance(uint64_t n, double mean);

}  // namespace rs::correlate
