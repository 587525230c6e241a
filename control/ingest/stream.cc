// SPDX-License-Identifier: Apache-2.0
#include "control/ingest/stream.h"

#include <spdlog/spdlog.h>

#include <bit>
#include <chrono>
#include <utility>

#include "control/ingest/decode.h"

namespace rs::ingest {
namespace {

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

}  // namespace

std::shared_ptr<Stream> Stream::start(StreamOwner& owner, store::Store& store, grpc::CallbackServerContext& context,
                                      access::Caller caller) {
  const std::shared_ptr<Stream> stream(new Stream(owner, store, context, std::move(caller)));
  stream->self_ = stream;
  const std::lock_guard lock(stream->mutex_);
  stream->go_on();
  return stream;
}

std::string Stream::sensor() const {
  const std::lock_guard lock(mutex_);
  return sensor_;
}

void Stream::end(grpc::Status status) {
  const std::lock_guard lock(mutex_);
  if (!final_) final_ = std::move(status);
  go_on();
}

void Stream::break_off() {
  const std::lock_guard lock(mutex_);
  if (!gone_) context_.TryCancel();
}

bool Stream::has_room() const {
  if (under_way_ + acks_.size() >= kMaxUnderWay) return false;
  if (bytes_under_way_ < kOwnBytesUnderWay) return true;
  return bytes_under_way_ < kMaxBytesUnderWay && *all_bytes_under_way_ < kCommonBytesUnderWay;
}

void Stream::go_on() {
  if (finished_) return;
  if (!write_active_ && !acks_.empty() && !final_) {
    const std::string bytes = encode_ack(acks_.front());
    acks_.pop_front();
    const grpc::Slice slice(bytes);
    response_ = grpc::ByteBuffer(&slice, 1);
    write_active_ = true;
    StartWrite(&response_);
  }
  if (!read_active_ && !reads_done_ && !final_ && has_room()) {
    read_active_ = true;
    StartRead(&request_);
  }
  if (reads_done_ && under_way_ == 0 && acks_.empty() && !write_active_ && !final_) final_ = grpc::Status::OK;
  if (final_ && !write_active_) {
    finished_ = true;
    Finish(*final_);
  }
}

void Stream::OnReadDone(bool ok) {
  if (!ok) {
    const std::lock_guard lock(mutex_);
    read_active_ = false;
    reads_done_ = true;
    go_on();
    return;
  }
  take(request_);
  request_.Clear();
  const std::lock_guard lock(mutex_);
  read_active_ = false;
  go_on();
}

void Stream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  write_active_ = false;
  if (!ok && !final_) final_ = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the connection broke");
  go_on();
}

void Stream::OnCancel() { end(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by the sensor or the connection")); }

void Stream::OnDone() {
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
  }
  owner_.ended(*this);
  self_.reset();  // callbacks of the store may still hold the stream
}

void Stream::take(const grpc::ByteBuffer& message) {
  grpc::Slice slice;
  if (!message.DumpToSingleSlice(&slice).ok()) return refuse(0, 0, "a message that cannot be read");
  Decoded decoded = decode({slice.begin(), slice.size()});
  if (!decoded.batch) return refuse(decoded.boot, decoded.sequence, decoded.refusal);
  model::Batch& batch = *decoded.batch;
  batch.received_ns = now_ns();

  const bool first = sensor().empty();  // nobody else sets it
  if (first) {
    if (auto allowed = owner_.may_be(caller_, batch.sensor); !allowed)
      return end({grpc::StatusCode::PERMISSION_DENIED, allowed.error().text});
    {
      const std::lock_guard lock(mutex_);
      sensor_ = batch.sensor;
    }
    owner_.claimed(batch.sensor, shared_from_this());
  } else if (batch.sensor != sensor()) {
    return refuse(batch.boot, batch.sequence,
                  "this stream belongs to sensor " + sensor() + ": sensor " + batch.sensor + " needs its own");
  }
  owner_.saw_batch(batch);
  if (decoded.unknown_values > 0)
    spdlog::debug("ingest: sensor {} batch {}: {} values are newer than this program and were taken as unknown",
                  batch.sensor, batch.sequence, decoded.unknown_values);

  const uint64_t boot = batch.boot;
  const uint64_t sequence = batch.sequence;
  const size_t bytes = batch.wire_bytes;
  {
    const std::lock_guard lock(mutex_);
    ++under_way_;
    bytes_under_way_ += bytes;
    *all_bytes_under_way_ += bytes;
  }
  store_.write(std::move(batch), [stream = shared_from_this(), boot, sequence, bytes](const store::Written& result) {
    stream->written(boot, sequence, bytes, result);
  });
}

void Stream::refuse(uint64_t boot, uint64_t sequence, std::string why) {
  // A sensor gone wrong may send thousands: the log gets the first, second, fourth, eighth ...
  if (std::has_single_bit(++refusals_))
    spdlog::warn("ingest: {} ({}): batch {} refused ({} so far): {}", sensor().empty() ? "unnamed sensor" : sensor(),
                 peer_, sequence, refusals_, why);
  owner_.acknowledged(AckCode::kRefused);
  const std::lock_guard lock(mutex_);
  acks_.push_back({boot, sequence, AckCode::kRefused, std::move(why)});
  go_on();
}

void Stream::written(uint64_t boot, uint64_t sequence, size_t bytes, const store::Written& result) {
  if (result.gap_batches > 0)
    spdlog::warn("ingest: sensor {}: {} batches before {} are missing", sensor(), result.gap_batches, sequence);
  Ack ack{boot, sequence, AckCode::kStored, result.text};
  if (result.outcome == store::Outcome::kDuplicate) ack.code = AckCode::kDuplicate;
  if (result.outcome == store::Outcome::kRefused) ack.code = AckCode::kRefused;
  const std::lock_guard lock(mutex_);
  if (result.outcome != store::Outcome::kAborted && !gone_) owner_.acknowledged(ack.code);
  --under_way_;
  bytes_under_way_ -= bytes;
  *all_bytes_under_way_ -= bytes;
  if (result.outcome != store::Outcome::kAborted)
    acks_.push_back(std::move(ack));
  else if (!final_)
    final_ = grpc::Status(grpc::StatusCode::UNAVAILABLE, result.text);
  go_on();
}

}  // namespace rs::ingest
