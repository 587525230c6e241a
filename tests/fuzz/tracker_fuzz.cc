// SPDX-License-Identifier: Apache-2.0
//
// Any sequence of packets through a whole worker: every packet in one counted outcome, every ending one event with
// sane values, denominators that agree with each other, and no connection left behind when all is quiet.
//
// Input: one byte of mode, then records. A record of eight bytes is a TCP packet of one of 64 connections, told
// relative to what that connection sent before, so that most inputs get past the sequence checks; or it brings its own
// frame. The worker is made anew only when an input asks for its end or its clock went far: that costs a thousand
// packets.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/worker/pipeline.h"
#include "perf/traffic/frame.h"

namespace {

using namespace rs;

// Fewer than the tuples below, so that the table fills.
constexpr uint32_t kCapacity = 48;
constexpr uint32_t kClients = 4;
constexpr uint32_t kPorts = 8;
constexpr uint32_t kServers = 2;
constexpr uint32_t kTuples = kClients * kPorts * kServers;
constexpr size_t kMaxRecords = 256;
constexpr size_t kRecordBytes = 8;
constexpr size_t kFrameBytes = perf::kHeaders + 40 + perf::kMaxSegment;
constexpr TimeNs kStart = 1'700'000'000 * kSecond;
// Executions begin at multiples of it: every wheel and interval is then where it was for the one before.
constexpr DurationNs kEpoch = 320 * kSecond;
constexpr TimeNs kFar = kLatestTime / 2;

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

worker::Setup setup() {
  worker::Setup s;
  s.flow_capacity = kCapacity;
  s.input = 1;
  s.track.max_idle_ns = 20 * kSecond;
  s.track.linger_ns = 5 * kSecond;
  s.output.condenser.fold = false;
  s.output.condenser.entries = 16;
  s.output.services.entries = 16;
  return s;
}

// What went in and came out of one worker.
struct Sums {
  uint64_t packets = 0;
  uint64_t events = 0;
  uint64_t attempted = 0;
  uint64_t established = 0;
  uint64_t ended = 0;
};

class Rig {
 public:
  Rig() : memory_(static_cast<std::byte*>(std::aligned_alloc(64, (bytes() + 63) / 64 * 64))), ring_(256) {
    std::memset(memory_, 0, bytes());
    worker_ = std::make_unique<worker::Worker>(setup(), std::span(memory_, bytes()), ring_);
  }
  ~Rig() { std::free(memory_); }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  void process(capture::Burst& burst) {
    worker::process(*worker_, burst);
    sums_.packets += burst.count;
    drain();
    check(worker_->table.size() <= kCapacity, "the table holds no more than its capacity");
    uint64_t outcomes = 0;
    for (const auto& o : worker_->counters.outcomes) outcomes += o.get();
    check(outcomes == worker_->counters.received.get(), "every packet has one outcome");
    check(worker_->counters.received.get() == received_ + burst.count, "every packet is counted");
    received_ += burst.count;
  }

  // Nothing comes any more: connections and endings go.
  TimeNs quiet(TimeNs now) {
    capture::Burst& burst = *empty_;
    constexpr int kLooks = 200;  // the wheel comes round every 32 s; longest wait: max_idle_ns from the latest packet
    for (int i = 0; i < kLooks && (i < 4 || worker_->table.size() != 0); ++i) {
      now += 10 * kSecond;
      burst.now = now;
      process(burst);
    }
    check(worker_->table.size() == 0, "a quiet table empties itself");
    for (int i = 0; i < 3; ++i) {  // the services' interval ends
      now += 10 * kSecond;
      burst.now = now;
      process(burst);
    }
    return now;
  }

  void finish() {
    check(worker::finish(*worker_), "the end of input");
    drain();
    check(ended_, "an end mark");
  }

  // What came out of this worker so far, against what its tracker counted. Denominators may be a few executions late.
  void check_sums() const {
    const uint64_t endings = worker_->tracker.counts().endings;
    const uint64_t connections = worker_->tracker.counts().connections;
    check(sums_.events == endings, "every ending is one event");
    check(connections <= 2 * sums_.packets, "a packet begins two connections at most");
    check(endings <= connections + sums_.packets, "endings need connections or packets");
    check(sums_.attempted <= connections, "attempts are connections");
    check(sums_.established <= sums_.attempted, "what is established was attempted");
  }

 private:
  static size_t bytes() { return flow::Table::bytes_needed(kCapacity); }

  static void check_event(const event::Event& e) {
    check(e.count == 1, "an event not folded stands for one ending");
    const auto share = [](float c) { return c >= 0 && c <= 1; };
    check(share(e.confidence) && share(e.second_confidence), "confidences between 0 and 1");
    check(e.cause == Cause::kUnknown || e.second_confidence <= e.confidence, "the published cause is the likelier");
    check(static_cast<size_t>(e.cause) < kCauseCount && static_cast<size_t>(e.second_cause) < kCauseCount, "causes");
    check(e.ending != Ending::kUnknown, "an ending is of a kind");
    check(e.fact_count <= event::kMaxFacts && e.step_count <= event::kMaxSteps &&
              e.exemplar_count <= event::kMaxExemplars && e.meaning_count <= event::kMaxMeanings,
          "lists within their bounds");
    for (size_t i = 0; i < e.fact_count; ++i)
      check(static_cast<size_t>(e.facts[i].id) < kFactIdCount, "facts have names");
  }

  void drain() {
    for (; const event::Item* item = ring_.front(); ring_.pop()) {
      if (item->kind == event::ItemKind::kEvent) {
        check_event(item->event);
        ++sums_.events;
      } else if (item->kind == event::ItemKind::kService) {
        sums_.attempted += item->service.attempted;
        sums_.established += item->service.established;
      } else {
        ended_ = true;
      }
    }
  }

  std::byte* memory_;
  event::Ring ring_;
  std::unique_ptr<worker::Worker> worker_;
  std::unique_ptr<capture::Burst> empty_ = std::make_unique<capture::Burst>();
  Sums sums_;
  uint64_t received_ = 0;
  bool ended_ = false;
};

// Turns records into bursts.
class Player {
 public:
  Player(Rig& rig, TimeNs now) : rig_(rig), now_(now), latest_(now) {}

  TimeNs play(const uint8_t* at, const uint8_t* end) {
    for (size_t n = 0; n < kMaxRecords && end - at >= static_cast<ptrdiff_t>(kRecordBytes); ++n) {
      const uint8_t* record = at;
      at += kRecordBytes;
      advance(record[2]);
      if ((record[1] & 0x80) != 0) {
        const size_t bytes = std::min<size_t>(record[3], static_cast<size_t>(end - at));
        own_frame(record, at, bytes);
        at += bytes;
      } else {
        segment(record);
      }
      if (burst_->count == capture::kBurst || (record[2] & 0x20) != 0) flush();
    }
    flush();
    return latest_;
  }

 private:
  struct End {
    uint32_t next = 0;
    uint16_t ip_id = 0;
  };

  // Low five bits: how far on, in powers of two from 1 us; 30 and 31 jump by years. Bit 6: back; bit 7: not at all.
  void advance(uint8_t code) {
    if ((code & 0x80) != 0) return;
    const unsigned power = code & 0x1f;
    const DurationNs by = power >= 30 ? DurationNs{1} << (power + 25) : kUs << power;
    now_ = (code & 0x40) != 0 ? now_ - std::min(now_, by) : std::min(now_ + by, kLatestTime);
    latest_ = std::max(latest_, now_);
  }

  // Where in the sequence space: mostly where the connection is.
  static uint32_t place(uint32_t next, uint8_t code) {
    if (code == 0x80) return next + 0x80000000U;
    if (code == 0x7f) return next + 0x40000000U;
    if (code == 0x7e) return 0;
    const auto step = static_cast<int8_t>(code);
    return next + static_cast<uint32_t>(step > 32 || step < -32 ? step * 1460 : step);
  }

  void segment(const uint8_t* r) {
    const uint32_t client = r[1] >> 4 & (kClients - 1);
    const uint32_t port = r[1] >> 1 & (kPorts - 1);
    const uint32_t server = r[1] >> 6 & (kServers - 1);
    const size_t from = r[1] & 1;
    std::array<End, 2>& ends = tuples_[(client * kPorts + port) * kServers + server];
    perf::Segment s;
    const uint32_t ip[2] = {0x0a000001U + client, 0xac100001U + server};
    const uint16_t ports[2] = {static_cast<uint16_t>(40'000 + port), static_cast<uint16_t>(port == 7 ? 40'007 : 443)};
    s.src_ip = ip[from];
    s.dst_ip = ip[1 - from];
    s.src_port = ports[from];
    s.dst_port = ports[1 - from];
    s.flags = r[0] & 0x3f;
    s.seq = place(ends[from].next, r[3]);
    s.ack = (s.flags & packet::kAck) != 0 ? place(ends[1 - from].next, r[4]) : 0;
    s.payload_bytes = r[5] < 64 ? r[5] : std::min<size_t>((r[5] - 63U) * 23, perf::kMaxSegment);
    s.payload = from == 0 ? &request_ : &response_;
    s.ttl = static_cast<uint8_t>(48 + (r[6] & 0x0f));
    const unsigned id = r[6] >> 4;
    ends[from].ip_id = id == 0 ? 0 : static_cast<uint16_t>(ends[from].ip_id + (id < 12 ? 1U : id * 977U));
    s.ip_id = id == 15 ? 54'321 : ends[from].ip_id;
    s.window = (r[7] & 1) != 0 ? 0 : static_cast<uint16_t>((r[7] & 0x1e) * 512 + 2);
    std::array<uint8_t, 20> options{};
    if ((r[7] & 0x20) != 0) s.option_bytes = timestamps(options);
    if ((r[7] & 0x40) != 0) s.option_bytes = handshake_options(options, s.option_bytes);
    if ((r[7] & 0x80) != 0) s.option_bytes = reset_option(options, s.option_bytes);
    s.options = options.data();
    uint8_t* buffer = frames_[burst_->count].data();
    const size_t bytes = perf::write_frame(buffer, s);
    ends[from].next = s.seq + static_cast<uint32_t>(s.payload_bytes) + ((s.flags & packet::kSyn) != 0 ? 1U : 0U) +
                      ((s.flags & packet::kFin) != 0 ? 1U : 0U);
    // Some captures are cut short.
    const size_t captured = (r[0] & 0x40) != 0 ? std::min<size_t>(bytes, 96) : bytes;
    put(captured, bytes, capture::LinkType::kEthernet, (r[0] & 0x80) != 0);
  }

  uint8_t timestamps(std::array<uint8_t, 20>& options) const {
    options[0] = options[1] = 1;
    options[2] = 8;
    options[3] = 10;
    perf::put32(&options[4], static_cast<uint32_t>(now_ / kMs));
    perf::put32(&options[8], static_cast<uint32_t>(now_ / kMs) - 5);
    return 12;
  }
  static uint8_t handshake_options(std::array<uint8_t, 20>& options, uint8_t used) {
    constexpr std::array<uint8_t, 8> kMssAndScale = {2, 4, 0x05, 0xb4, 1, 3, 3, 7};
    std::copy(kMssAndScale.begin(), kMssAndScale.end(), options.begin() + used);
    return static_cast<uint8_t>(used + kMssAndScale.size());
  }
  // MP_TCPRST (RFC 8684 3.6), reason 3.
  static uint8_t reset_option(std::array<uint8_t, 20>& options, uint8_t used) {
    if (used + 4U > options.size()) return used;
    constexpr std::array<uint8_t, 4> kMpTcpRst = {30, 4, 0x80, 3};
    std::copy(kMpTcpRst.begin(), kMpTcpRst.end(), options.begin() + used);
    return static_cast<uint8_t>(used + 4U);
  }

  void own_frame(const uint8_t* record, const uint8_t* data, size_t bytes) {
    std::memcpy(frames_[burst_->count].data(), data, bytes);
    put(bytes, bytes + record[4], static_cast<capture::LinkType>(record[0] % 6), (record[1] & 1) != 0);
  }

  void put(size_t captured, size_t wire, capture::LinkType link, bool exact) {
    capture::Frame& f = burst_->frames[burst_->count];
    f.data = frames_[burst_->count].data();
    f.captured_bytes = static_cast<uint32_t>(captured);
    f.wire_bytes = static_cast<uint32_t>(wire);
    f.time = now_;
    f.exact_time = exact;
    f.link = link;
    ++burst_->count;
  }

  void flush() {
    burst_->now = latest_;
    rig_.process(*burst_);
    burst_->count = 0;
  }

  Rig& rig_;
  TimeNs now_;
  TimeNs latest_;
  std::array<std::array<End, 2>, kTuples> tuples_{};
  std::unique_ptr<capture::Burst> burst_ = std::make_unique<capture::Burst>();
  static inline std::array<std::array<uint8_t, kFrameBytes>, capture::kBurst> frames_;
  static inline const perf::Payload request_{"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"};
  static inline const perf::Payload response_{"HTTP/1.1 503 Service Unavailable\r\n\r\n"};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static std::unique_ptr<Rig> rig;
  static TimeNs now = kStart / kEpoch * kEpoch;
  if (size == 0) return 0;
  if (rig == nullptr) {
    rig = std::make_unique<Rig>();
    now = kStart / kEpoch * kEpoch;
  }
  const TimeNs last = Player(*rig, now).play(data + 1, data + size);
  // One input in 32 looks at the end of a capture, the others at a port that falls quiet.
  const bool ends = data[0] >= 0xf8;
  if (ends) {
    rig->finish();
  } else {
    now = (rig->quiet(last) / kEpoch + 1) * kEpoch;
  }
  rig->check_sums();
  if (ends || now > kFar) rig.reset();
  return 0;
}
