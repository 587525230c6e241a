// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/uplink.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <future>
#include <random>
#include <thread>
#include <utility>

#include "dataplane/event/encode.h"
#include "proto/event.grpc.fb.h"
#include "proto/event_generated.h"

namespace rs::event {
namespace {

namespace fb = resetscope::event;
using Clock = std::chrono::steady_clock;
using BatchMessage = flatbuffers::grpc::Message<fb::Batch>;
using AckMessage = flatbuffers::grpc::Message<fb::Ack>;
using Stream = grpc::ClientReaderWriter<BatchMessage, AckMessage>;

constexpr int kConnectTimeoutMs = 5000;             // gRPC's name for it misleads; local, but the machine may be busy
constexpr int kMostAckBytes = 64 * 1024;            // an acknowledgement is some 100 bytes
constexpr size_t kMostTextBytes = 300;              // of a refusal, in the log
constexpr uint64_t kMostBadAcks = 1000;             // in one stream, then it is given up
constexpr std::chrono::milliseconds kEndWait{500};  // for the reason why a stream has ended
constexpr std::chrono::milliseconds kConnectLook{200};  // how soon stop() is seen while there is nobody to connect to

// The payload goes out where it lies; gRPC holds a reference until it is done.
BatchMessage message(const Spool::Payload& payload) {
  auto* held = new Spool::Payload(payload);
  auto* data = const_cast<uint8_t*>(payload->data());  // gRPC's C interface has no const
  const auto release = [](void* p) { delete static_cast<Spool::Payload*>(p); };
  return BatchMessage(grpc::Slice(data, payload->size(), release, held));
}

}  // namespace

struct Uplink::State {
  State(UplinkConfig c, Outbox& o) : config(std::move(c)), outbox(o) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(config.backoff_first.count()));
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(config.backoff_most.count()));
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // an environment variable must not take events elsewhere
    arguments.SetMaxReceiveMessageSize(kMostAckBytes);
    if (!config.server_name.empty()) arguments.SetSslTargetNameOverride(config.server_name);
    channel = grpc::CreateCustomChannel(
        config.target, config.credentials ? config.credentials : grpc::InsecureChannelCredentials(), arguments);
    stub = fb::Ingest::NewStub(channel);
  }

  struct InFlight {
    uint64_t ticket;
    RecordInfo info;
  };

  void run();
  bool connect();
  void session();
  void write_all(Stream& stream);
  void read_acks(Stream& stream);
  void take_ack(const fb::Ack& ack);
  void bad_ack(const std::string& what);
  void pause();
  void note_trouble(const std::string& text);

  const UplinkConfig config;
  Outbox& outbox;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<fb::Ingest::Stub> stub;
  std::thread thread;
  std::minstd_rand random{std::random_device{}()};

  // guarded by outbox.mutex
  bool stopping = false;
  bool broken = false;  // the reader has seen the stream's end
  grpc::ClientContext* context = nullptr;
  std::deque<InFlight> in_flight;
  Clock::time_point progress;  // last acknowledgement, or first batch in flight
  uint64_t bad_acks_here = 0;  // in this stream
  bool trouble_told = false;
  std::chrono::milliseconds backoff{0};
  UplinkStats stats;
};

Uplink::Uplink(UplinkConfig config, Outbox& outbox) : state_(std::make_unique<State>(std::move(config), outbox)) {}

Uplink::~Uplink() { stop(); }

void Uplink::start() {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

void Uplink::stop() {
  {
    const std::lock_guard lock(state_->outbox.mutex);
    state_->stopping = true;
    if (state_->context != nullptr) state_->context->TryCancel();
  }
  state_->outbox.changed.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
}

void Uplink::check_stall() {
  State& s = *state_;
  const std::lock_guard lock(s.outbox.mutex);
  if (s.context == nullptr || s.in_flight.empty() || Clock::now() - s.progress < s.config.stall) return;
  ++s.stats.stalls;
  s.progress = Clock::now();
  spdlog::warn("control plane {} has acknowledged nothing for {} s; connecting again", s.config.target,
               s.config.stall.count() / 1000);
  s.context->TryCancel();
}

UplinkStats Uplink::stats() {
  const std::lock_guard lock(state_->outbox.mutex);
  return state_->stats;
}

// Said once, until something works again.
void Uplink::State::note_trouble(const std::string& text) {
  stats.connected = false;
  if (std::exchange(trouble_told, true)) return;
  spdlog::warn("control plane {}: {}; events are kept and it is tried again", config.target, text);
}

void Uplink::State::run() {
  backoff = config.backoff_first;
  while (connect()) {
    session();
    pause();
  }
}

// Waits for the connection, which gRPC tries with its own back-off; false to stop.
bool Uplink::State::connect() {
  for (;;) {
    {
      const std::lock_guard lock(outbox.mutex);
      if (stopping) return false;
    }
    const auto state = channel->GetState(true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      const std::lock_guard lock(outbox.mutex);
      note_trouble(config.credentials ? "nobody answers there with a certificate of our CA, or it does not take ours"
                                      : "nobody answers there");
    }
    channel->WaitForStateChange(state, std::chrono::system_clock::now() + kConnectLook);
  }
}

void Uplink::State::session() {
  grpc::ClientContext here;
  {
    const std::lock_guard lock(outbox.mutex);
    if (stopping) return;
    context = &here;
    broken = false;
    bad_acks_here = 0;
    in_flight.clear();
    ++stats.streams;
  }
  const auto stream = stub->Publish(&here);
  std::thread reader([this, &stream] { read_acks(*stream); });
  write_all(*stream);
  // A stream that the other side ended has a status that says why, which cancelling at once would hide.
  std::promise<void> over;
  std::thread patience([&here, ended = over.get_future()] {
    if (ended.wait_for(kEndWait) == std::future_status::timeout) here.TryCancel();
  });
  reader.join();  // whatever is still unacknowledged is sent again on the next stream
  const grpc::Status status = stream->Finish();
  over.set_value();
  patience.join();

  const std::lock_guard lock(outbox.mutex);
  context = nullptr;
  in_flight.clear();
  if (stopping) return;
  note_trouble("the connection ended (" + printable(status.error_message(), kMostTextBytes) + ")");
}

void Uplink::State::write_all(Stream& stream) {
  uint64_t next_ticket = 0;
  std::unique_lock lock(outbox.mutex);
  for (;;) {
    const Waiting* waiting = nullptr;
    outbox.changed.wait(lock, [&] {
      if (stopping || broken) return true;
      waiting = in_flight.size() < config.window ? outbox.spool->next(next_ticket) : nullptr;
      return waiting != nullptr;
    });
    if (stopping || broken) return;
    const uint64_t ticket = waiting->ticket;
    const RecordInfo info = waiting->info;
    next_ticket = ticket + 1;
    const Spool::Payload payload = outbox.spool->read(ticket);
    if (payload == nullptr) {
      outbox.spool->lose(ticket);
      outbox.changed.notify_all();
      continue;
    }
    if (in_flight.empty()) progress = Clock::now();
    in_flight.push_back({ticket, info});
    ++stats.sent_batches;
    stats.sent_bytes += payload->size();
    lock.unlock();
    const bool written = stream.Write(message(payload));
    lock.lock();
    if (!written) return;
  }
}

void Uplink::State::read_acks(Stream& stream) {
  AckMessage ack;
  // An answer that does not verify as an Ack ends the stream with an error here.
  while (stream.Read(&ack)) take_ack(*ack.GetRoot());
  {
    const std::lock_guard lock(outbox.mutex);
    broken = true;
  }
  outbox.changed.notify_all();
}

void Uplink::State::take_ack(const fb::Ack& ack) {
  const std::lock_guard lock(outbox.mutex);
  const auto it = std::find_if(in_flight.begin(), in_flight.end(), [&](const InFlight& f) {
    return f.info.boot == ack.boot() && f.info.sequence == ack.sequence();
  });
  if (it == in_flight.end()) {
    bad_ack("acknowledged batch " + std::to_string(ack.sequence()) + ", which does not wait for it");
    return;
  }
  if (ack.code() > fb::AckCode::refused) {
    bad_ack("acknowledged with the unknown code " + std::to_string(static_cast<unsigned>(ack.code())));
    return;
  }
  if (ack.code() == fb::AckCode::refused) {
    ++stats.refused_batches;
    stats.refused_events += it->info.events;
    const std::string why = ack.text() != nullptr ? printable(ack.text()->string_view(), kMostTextBytes) : "";
    spdlog::error("control plane {} refused batch {} with {} events: {}; the batch is dropped", config.target,
                  it->info.sequence, it->info.events, why.empty() ? "no reason given" : why);
  } else {
    ++stats.acked_batches;
    if (ack.code() == fb::AckCode::duplicate) ++stats.duplicate_batches;
  }
  outbox.spool->remove(it->ticket);
  in_flight.erase(it);
  progress = Clock::now();
  backoff = config.backoff_first;
  if (!stats.connected) {
    stats.connected = true;
    trouble_told = false;
    spdlog::info("control plane {} takes events; {} batches wait", config.target,
                 outbox.spool->stats().waiting_batches);
  }
  outbox.changed.notify_all();
}

void Uplink::State::bad_ack(const std::string& what) {
  ++stats.bad_acks;
  if (bad_acks_here++ == 0) spdlog::warn("control plane {} {}; ignored", config.target, what);
  if (bad_acks_here == kMostBadAcks && context != nullptr) context->TryCancel();
}

// Before the next stream: doubles each time nothing was acknowledged in between, spread by a fifth either way so that
// sensors do not all come back at once.
void Uplink::State::pause() {
  std::unique_lock lock(outbox.mutex);
  const auto spread = std::uniform_int_distribution<int64_t>(80, 120)(random);
  const auto wait = backoff * spread / 100;
  backoff = std::min(backoff * 2, config.backoff_most);
  outbox.changed.wait_for(lock, wait, [&] { return stopping; });
}

}  // namespace rs::event
