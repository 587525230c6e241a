// SPDX-License-Identifier: Apache-2.0
//
// Writes a capture of many TCP connections for speed and endurance tests: handshakes, requests and responses, clean
// closes, and resets of seven causes in their true wire images. The same arguments give the same bytes. One thread;
// a wheel of 50 us slots interleaves the connections. It is not a model of traffic, only a fair load.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "dataplane/base/types.h"
#include "perf/traffic/frame.h"
#include "perf/traffic/random.h"

namespace rs::perf {
namespace {

constexpr uint8_t kFinBit = 0x01, kSynBit = 0x02, kRstBit = 0x04, kPshBit = 0x08, kAckBit = 0x10;
constexpr size_t kSegment = 1448;  // MSS 1460 less the timestamp option
constexpr uint64_t kStart = 1'700'000'000 * kSecond;
constexpr uint64_t kSlotNs = 50 * kUs;
constexpr size_t kSlots = 8192;  // horizon 410 ms; longer pauses are cut to it
constexpr uint32_t kNone = UINT32_MAX;

struct Options {
  std::string out;
  uint64_t packets = 1'000'000;
  uint64_t seed = 1;
  double reset_share = 0.3;  // of the connections
  double connections_per_second = 20'000;
  uint32_t clients = 20'000;
  uint32_t servers = 200;
  std::string mix = "imix";  // data segment sizes
};

enum class Kind : uint8_t { kClean, kPortClosed, kScan, kUnread, kLinger0, kLateData, kCancel, kFastClose };
constexpr std::array<const char*, 8> kKindNames = {"clean",   "port_closed", "port_scan",     "app_abort_unread",
                                                   "linger0", "late_data",   "client_cancel", "client_fast_close"};

enum class Phase : uint8_t {
  kSyn,
  kSynAck,
  kAck,
  kRequest,
  kRequestAck,
  kResponse,
  kResponseAck,
  kFirstFin,
  kFirstFinAck,
  kSecondFin,
  kSecondFinAck,
  kRefuse,
  kScannerRst,
  kServerAbort,
  kClientAbort,
  kLateData,
  kLateRst,
  kStrayData,
  kStrayRst,
};

struct Side {
  uint32_t ip = 0;
  uint32_t seq = 0;
  uint32_t ts_seen = 0;
  uint32_t rtt_us = 0;  // tap -> this side -> tap
  uint16_t port = 0;
  uint16_t ipid = 0;
  uint8_t ttl = 0;
};

struct Session {
  Side side[2];  // 0 client, 1 server
  uint32_t next = kNone;
  Kind kind = Kind::kClean;
  Phase phase = Phase::kSyn;
  uint8_t exchanges = 0;
  uint8_t segments = 0;
  bool reset = false;  // a RST was written
};

// Buffered writing; the first error is kept and ends the run.
class Output {
 public:
  explicit Output(const std::string& path)
      : fd_(path == "-" ? STDOUT_FILENO : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (fd_ < 0) error_ = errno;
    buffer_.resize(kCapacity);
  }
  ~Output() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  uint8_t* reserve(size_t bytes) {
    if (used_ + bytes > kCapacity) flush();
    return buffer_.data() + used_;
  }
  void commit(size_t bytes) { used_ += bytes; }
  void flush() {
    size_t done = 0;
    while (error_ == 0 && done < used_) {
      const ssize_t n = ::write(fd_, buffer_.data() + done, used_ - done);
      if (n > 0) {
        done += static_cast<size_t>(n);
      } else if (errno != EINTR) {
        error_ = n == 0 ? ENOSPC : errno;
      }
    }
    used_ = 0;
  }
  [[nodiscard]] int error() const { return error_; }

 private:
  static constexpr size_t kCapacity = 1 << 20;
  int fd_;
  int error_ = 0;
  size_t used_ = 0;
  std::vector<uint8_t> buffer_;
};

class Generator {
 public:
  explicit Generator(const Options& options)
      : options_(options),
        random_(options.seed),
        output_(options.out),
        slots_(kSlots, kNone),
        arrival_gap_(static_cast<double>(kSecond) / options.connections_per_second) {}

  // 0 or an errno.
  int run() {
    write_file_header();
    while (packets_ < options_.packets && output_.error() == 0) {
      while (next_arrival_ <= static_cast<double>(now_ + kSlotNs)) arrive();
      uint32_t at = slots_[slot_];
      slots_[slot_] = kNone;
      time_ = std::max(time_, kStart + now_);
      while (at != kNone && packets_ < options_.packets) {
        const uint32_t next = sessions_[at].next;
        step(at);
        at = next;
      }
      now_ += kSlotNs;
      slot_ = (slot_ + 1) % kSlots;
    }
    output_.flush();
    return output_.error();
  }

  void report() const {
    std::fprintf(
        stderr, "{\"packets\":%lu,\"bytes\":%lu,\"seconds\":%.3f,\"connections\":%lu,\"reset_connections\":%lu",
        packets_, bytes_, static_cast<double>(now_) / static_cast<double>(kSecond), started_, reset_connections_);
    for (size_t i = 0; i < kKindNames.size(); ++i) std::fprintf(stderr, ",\"%s\":%lu", kKindNames[i], ended_[i]);
    std::fprintf(stderr, "}\n");
  }

 private:
  void write_file_header() {
    const std::array<uint32_t, 6> header = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 262144, 1};  // nanoseconds, Ethernet
    std::memcpy(output_.reserve(sizeof header), header.data(), sizeof header);
    output_.commit(sizeof header);
  }

  Kind pick_kind() {
    if (random_.unit() >= options_.reset_share) return Kind::kClean;
    return static_cast<Kind>(1 + random_.below(kKindNames.size() - 1));
  }

  void arrive() {
    uint32_t at = free_;
    if (at != kNone) {
      free_ = sessions_[at].next;
    } else {
      at = static_cast<uint32_t>(sessions_.size());
      sessions_.emplace_back();
    }
    Session& s = sessions_[at];
    s = Session{};
    s.kind = pick_kind();
    s.exchanges = static_cast<uint8_t>(1 + random_.below(4));
    const auto number = static_cast<uint32_t>(connections_++);
    const uint32_t client = number % options_.clients;
    const uint32_t server = random_.below(options_.servers);
    static constexpr std::array<uint16_t, 6> kPorts = {80, 443, 3306, 5432, 6379, 8080};
    const uint16_t open_port = kPorts[server % kPorts.size()];
    s.side[0] = {0x0a000000 + client,
                 static_cast<uint32_t>(random_.next()),
                 0,
                 100 + client % 900 * 4,
                 static_cast<uint16_t>(1024 + number / options_.clients % 64000),
                 static_cast<uint16_t>(random_.next()),
                 static_cast<uint8_t>(64 - client % 12)};
    s.side[1] = {0xac100000 + server,
                 static_cast<uint32_t>(random_.next()),
                 0,
                 80 + server % 50 * 20,
                 s.kind == Kind::kPortClosed ? static_cast<uint16_t>(9000 + random_.below(100)) : open_port,
                 static_cast<uint16_t>(random_.next()),
                 static_cast<uint8_t>(64 - server % 8)};
    schedule(at, 0);
    next_arrival_ += arrival_gap_ * (0.5 + random_.unit());
  }

  void schedule(uint32_t at, uint64_t delay_us) {
    uint64_t ahead = delay_us * kUs / kSlotNs + 1;
    if (ahead >= kSlots) ahead = kSlots - 1;
    const size_t slot = (slot_ + ahead) % kSlots;
    sessions_[at].next = slots_[slot];
    slots_[slot] = at;
  }

  size_t data_size() {
    const uint32_t draw = random_.below(12);
    if (options_.mix == "small") return 20 + random_.below(180);
    if (options_.mix == "full") return kSegment;
    return draw < 7 ? 40 + random_.below(100) : draw < 11 ? 536 : kSegment;  // near 7:4:1, the usual Internet mix
  }

  // Sends the session's next packet and says what comes when.
  void step(uint32_t at) {
    Session& s = sessions_[at];
    const uint32_t to_client = s.side[0].rtt_us;
    const uint32_t to_server = s.side[1].rtt_us;
    const bool last_exchange = s.exchanges <= 1;
    switch (s.phase) {
      case Phase::kSyn:
        ++started_;
        emit(s, 0, kSynBit, 0);
        return go(at, s.kind == Kind::kPortClosed ? Phase::kRefuse : Phase::kSynAck, to_server);
      case Phase::kSynAck:
        emit(s, 1, kSynBit | kAckBit, 0);
        return go(at, s.kind == Kind::kScan ? Phase::kScannerRst : Phase::kAck, to_client);
      case Phase::kAck:
        emit(s, 0, kAckBit, 0);
        return go(at, Phase::kRequest, 50);
      case Phase::kRequest:
        emit(s, 0, kPshBit | kAckBit, data_size());
        return go(at, Phase::kRequestAck, to_server);
      case Phase::kRequestAck:
        emit(s, 1, kAckBit, 0);
        s.segments = static_cast<uint8_t>(1 + random_.below(6));
        if (last_exchange && s.kind == Kind::kUnread) return go(at, Phase::kServerAbort, 3000);
        return go(at, Phase::kResponse, 500);
      case Phase::kResponse:
        emit(s, 1, kPshBit | kAckBit, data_size());
        if (last_exchange && s.kind == Kind::kCancel) return go(at, Phase::kClientAbort, to_client);
        if (--s.segments > 0) return go(at, Phase::kResponse, 50);
        return go(at, Phase::kResponseAck, to_client);
      case Phase::kResponseAck:
        emit(s, 0, kAckBit, 0);
        if (!last_exchange) {
          --s.exchanges;
          return go(at, Phase::kRequest, 1000 + random_.below(20'000));
        }
        if (s.kind == Kind::kLinger0) return go(at, Phase::kServerAbort, 5000);
        if (s.kind == Kind::kFastClose) return go(at, Phase::kClientAbort, 2000);
        return go(at, Phase::kFirstFin, 1000);
      case Phase::kFirstFin:  // the server's when late data is to follow, else the client's
        emit(s, s.kind == Kind::kLateData ? 1 : 0, kFinBit | kAckBit, 0);
        return go(at, Phase::kFirstFinAck, s.kind == Kind::kLateData ? to_client : to_server);
      case Phase::kFirstFinAck:
        emit(s, s.kind == Kind::kLateData ? 0 : 1, kAckBit, 0);
        if (s.kind == Kind::kLateData) return go(at, Phase::kLateData, 300'000);
        return go(at, Phase::kSecondFin, 200);
      case Phase::kSecondFin:
        emit(s, 1, kFinBit | kAckBit, 0);
        return go(at, Phase::kSecondFinAck, to_client);
      case Phase::kLateData:
        emit(s, 0, kPshBit | kAckBit, data_size());
        return go(at, Phase::kLateRst, to_server);
      case Phase::kStrayData:
        emit(s, 1, kPshBit | kAckBit, data_size());
        return go(at, Phase::kStrayRst, to_client);
      case Phase::kClientAbort:
        emit(s, 0, kRstBit | kAckBit, 0);
        if (s.kind == Kind::kCancel) return go(at, Phase::kStrayData, 50);
        return done(at);
      case Phase::kServerAbort:
        emit(s, 1, kRstBit | kAckBit, 0);
        return done(at);
      case Phase::kRefuse:
        emit_stateless(s, 1, kRstBit | kAckBit, 0, s.side[0].seq);
        return done(at);
      case Phase::kLateRst:
        emit_stateless(s, 1, kRstBit, s.side[1].seq, 0);
        return done(at);
      case Phase::kScannerRst:
      case Phase::kStrayRst:
        emit_stateless(s, 0, kRstBit, s.side[0].seq, 0);
        return done(at);
      case Phase::kSecondFinAck:
        emit(s, 0, kAckBit, 0);
        return done(at);
    }
  }

  void go(uint32_t at, Phase phase, uint64_t delay_us) {
    sessions_[at].phase = phase;
    schedule(at, delay_us);
  }

  void done(uint32_t at) {
    ++ended_[static_cast<size_t>(sessions_[at].kind)];
    sessions_[at].next = free_;
    free_ = at;
  }

  void note_reset(Session& s, uint8_t flags) {
    if ((flags & kRstBit) == 0 || s.reset) return;
    s.reset = true;
    ++reset_connections_;
  }

  // A segment of a live socket: options, running IP-ID, sequence numbers move on.
  void emit(Session& s, int from, uint8_t flags, size_t data) {
    note_reset(s, flags);
    Side& me = s.side[from];
    Side& peer = s.side[1 - from];
    std::array<uint8_t, 20> options{};
    size_t option_bytes = 12;
    const auto now_ms = static_cast<uint32_t>(now_ / kMs) + me.ip;
    uint8_t* stamp = options.data() + 2;
    options[0] = options[1] = 1;
    if ((flags & kSynBit) != 0) {
      option_bytes = 20;
      static constexpr std::array<uint8_t, 10> kSynOptions = {2, 4, 0x05, 0xb4, 4, 2, 3, 3, 7, 1};
      std::memcpy(options.data(), kSynOptions.data(), kSynOptions.size());
      stamp = options.data() + 10;
    }
    stamp[0] = 8;
    stamp[1] = 10;
    put32(stamp + 2, now_ms);
    put32(stamp + 6, me.ts_seen);
    peer.ts_seen = now_ms;
    const uint16_t id = flags == (kSynBit | kAckBit) ? uint16_t{0} : me.ipid++;
    const uint32_t window = (flags & kSynBit) != 0 ? 64240 : 502;
    write_packet(me, peer, flags, me.seq, (flags & kAckBit) != 0 ? peer.seq : 0, window, id, options.data(),
                 option_bytes, from == 0 ? request_ : response_, data);
    me.seq += static_cast<uint32_t>(data) + ((flags & (kSynBit | kFinBit)) != 0 ? 1U : 0U);
  }

  // The kernel's reply where no socket is: window 0, no options, IP-ID 0.
  void emit_stateless(Session& s, int from, uint8_t flags, uint32_t seq, uint32_t ack) {
    note_reset(s, flags);
    write_packet(s.side[from], s.side[1 - from], flags, seq, ack, 0, 0, nullptr, 0, request_, 0);
  }

  void write_packet(const Side& from, const Side& to, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t window,
                    uint16_t id, const uint8_t* options, size_t option_bytes, const Payload& payload, size_t data) {
    Segment g;
    g.src_ip = from.ip;
    g.dst_ip = to.ip;
    g.src_port = from.port;
    g.dst_port = to.port;
    g.seq = seq;
    g.ack = ack;
    g.window = static_cast<uint16_t>(window);
    g.ip_id = id;
    g.flags = flags;
    g.ttl = from.ttl;
    g.options = options;
    g.option_bytes = static_cast<uint8_t>(option_bytes);
    g.payload = &payload;
    g.payload_bytes = data;
    const size_t frame = kHeaders + option_bytes + data;
    uint8_t* out = output_.reserve(16 + frame);
    const std::array<uint32_t, 4> record = {static_cast<uint32_t>(time_ / kSecond),
                                            static_cast<uint32_t>(time_ % kSecond), static_cast<uint32_t>(frame),
                                            static_cast<uint32_t>(frame)};
    std::memcpy(out, record.data(), 16);
    write_frame(out + 16, g);
    output_.commit(16 + frame);
    bytes_ += frame;
    ++packets_;
    time_ += 20;  // packets of one slot follow each other by 20 ns, so that their order is theirs in any reader
  }

  const Options& options_;
  Random random_;
  Output output_;
  Payload request_{"GET /index.html HTTP/1.1\r\nHost: shop.example\r\n\r\n"};
  Payload response_{"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"};
  std::vector<Session> sessions_;
  std::vector<uint32_t> slots_;
  uint32_t free_ = kNone;
  size_t slot_ = 0;
  uint64_t now_ = 0;  // from kStart
  uint64_t time_ = kStart;
  double arrival_gap_;
  double next_arrival_ = 0;
  uint64_t packets_ = 0;
  uint64_t bytes_ = 0;
  uint64_t connections_ = 0;
  uint64_t started_ = 0;  // of these, with a packet
  uint64_t reset_connections_ = 0;
  std::array<uint64_t, kKindNames.size()> ended_{};
};

}  // namespace
}  // namespace rs::perf

int main(int argc, char** argv) {
  rs::perf::Options options;
  CLI::App app{"Writes a capture of many TCP connections, resets among them, for speed tests."};
  app.add_option("--out", options.out, "capture file to write, - for standard output")->required();
  app.add_option("--packets", options.packets, "packets to write")->capture_default_str();
  app.add_option("--seed", options.seed, "same seed, same bytes")->capture_default_str();
  app.add_option("--reset-share", options.reset_share, "share of connections that end in a reset")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--connections-per-second", options.connections_per_second, "new connections a second of packet time")
      ->check(CLI::Range(1.0, 1e7))
      ->capture_default_str();
  app.add_option("--clients", options.clients, "client addresses")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app.add_option("--servers", options.servers, "server addresses")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
  app.add_option("--mix", options.mix, "sizes of data segments")
      ->check(CLI::IsMember({"small", "imix", "full"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  rs::perf::Generator generator(options);
  if (const int error = generator.run(); error != 0) {
    std::fprintf(stderr, "generate: cannot write %s: %s\n", options.out.c_str(), std::strerror(error));
    return 1;
  }
  generator.report();
  return 0;
}
