// SPDX-License-Identifier: Apache-2.0
//
// What an ended connection costs a worker: reading its messages, gathering facts, weighing the rules, making the event
// and folding it. Each case checks its verdict before it is timed. Goal: 1 us for all of it.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

#include "dataplane/attribute/facts.h"
#include "dataplane/attribute/verdicts.h"
#include "dataplane/context/database.h"
#include "dataplane/context/scanner.h"
#include "dataplane/event/make.h"
#include "dataplane/event/output.h"
#include "dataplane/packet/parse.h"
#include "dataplane/track/calm.h"
#include "dataplane/track/tracker.h"
#include "tests/packet/builder.h"

namespace rs::worker {
namespace {

using test::at;
using test::Conversation;
using test::Image;

const context::Scanner& scanner() {
  static const auto made = [] {
    auto database = context::Database::build(std::move(*context::load_patterns("")), "");
    return std::move(*context::Scanner::create(std::move(*database)));
  }();
  return *made;
}

// The one ending of a conversation.
track::Ending ending_of(const Conversation& c) {
  constexpr uint32_t kFlows = 1024;
  const size_t bytes = flow::Table::bytes_needed(kFlows);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  flow::Table table(std::span(static_cast<std::byte*>(memory), bytes), kFlows, {});
  track::Tracker tracker(table, {}, 16);
  for (const test::Packet& p : c.packets()) {
    packet::PacketView v;
    if (packet::parse_frame(test::frame_of(p), v) != packet::Outcome::kTracked) std::abort();
    flow::FlowKey key;
    const flow::End from = flow::make_key(v.src, v.src_port, v.dst, v.dst_port, v.network_tag, key);
    tracker.packet(v, key, from, table.hash_of(key));
  }
  (void)tracker.finish(c.now() + 10 * kSecond);
  if (tracker.ready().size() != 1) std::abort();
  const track::Ending ending = tracker.ending(tracker.ready()[0]);
  munmap(memory, bytes);
  return ending;
}

struct Case {
  const char* name;
  Cause cause;
  track::Ending ending;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> out;
    const auto add = [&out](const char* name, Cause cause, const std::function<void(Conversation&)>& talk) {
      Conversation c(at("10.0.0.1", 40000), at("10.0.0.2", 80));
      c.stack(test::From::kClient).tos = 0x48;
      talk(c);
      out.push_back({name, cause, ending_of(c)});
    };
    const std::string get = "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: curl/7.88.1\r\n\r\n";
    add("refused", Cause::kPortClosed, [](Conversation& c) { c.syn().server_rst(Image::kStateless); });
    add("unread", Cause::kAppAbortUnread,
        [](Conversation& c) { c.handshake().client_sends(300).wait(20 * kMs).server_rst(); });
    add("http 503", Cause::kOverload, [&](Conversation& c) {
      c.handshake().client_sends(get);
      c.server_sends("HTTP/1.1 503 Service Unavailable\r\nServer: nginx/1.22.1\r\n\r\n" + std::string(300, 'x'));
      c.wait(kMs).server_rst();
    });
    add("fast close", Cause::kClientFastClose, [&](Conversation& c) {
      c.handshake().client_sends(get).server_sends("HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\r\nabc").client_rst();
    });
    add("tls alert", Cause::kTlsFailure, [](Conversation& c) {
      c.handshake().client_sends(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) +
                                 std::string(500, 'r'));
      c.server_sends(std::string("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11) + std::string(1500, 's'));
      c.client_sends(std::string("\x15\x03\x03\x00\x02\x02\x30", 7), false).client_rst();
    });
    return out;
  }();
  return all;
}

void scan(benchmark::State& state) {
  const Case& c = cases()[static_cast<size_t>(state.range(0))];
  state.SetLabel(c.name);
  for (auto _ : state) benchmark::DoNotOptimize(context::scan(&scanner(), c.ending));
}

void gather(benchmark::State& state) {
  const Case& c = cases()[static_cast<size_t>(state.range(0))];
  state.SetLabel(c.name);
  const context::Context context = context::scan(&scanner(), c.ending);
  for (auto _ : state) benchmark::DoNotOptimize(attribute::gather(c.ending, context));
}

void attribute_only(benchmark::State& state) {
  const Case& c = cases()[static_cast<size_t>(state.range(0))];
  state.SetLabel(c.name);
  const attribute::Facts facts = attribute::gather(c.ending, context::scan(&scanner(), c.ending));
  for (auto _ : state) benchmark::DoNotOptimize(attribute::attribute(facts, false));
}

// All of it, as worker/pipeline.cc does it, folding as a live sensor does.
void judge(benchmark::State& state) {
  const Case& c = cases()[static_cast<size_t>(state.range(0))];
  state.SetLabel(c.name);
  const auto event = std::make_unique<event::Event>();
  event::Ring ring(1024);
  event::Output output({}, ring);
  attribute::Verdicts verdicts;
  TimeNs now = c.ending.time;
  output.advance(now);
  track::Ending ending = c.ending;
  for (auto _ : state) {
    const context::Context context = context::scan(&scanner(), ending);
    const attribute::Facts facts = attribute::gather(ending, context);
    const attribute::Verdict& verdict = verdicts.of(facts, false);
    event::make(ending, context, facts, verdict, 1, *event);
    output.ending(*event);
    if (verdict.cause != c.cause) state.SkipWithError("wrong verdict");
  }
  for (; ring.front() != nullptr; ring.pop()) {
  }
}

BENCHMARK(scan)->DenseRange(0, 4);
BENCHMARK(gather)->DenseRange(0, 4);
BENCHMARK(attribute_only)->DenseRange(0, 4);
BENCHMARK(judge)->DenseRange(0, 4);

}  // namespace
}  // namespace rs::worker

BENCHMARK_MAIN();
