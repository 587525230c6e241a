// SPDX-License-Identifier: Apache-2.0
//
// `resetscope resets watch`: endings as they come. When the control plane goes away it is asked again, from the place
// the watch had come to, so that nothing is shown twice and nothing stored is missed.
#include <algorithm>

#include "control/cli/event_table.h"
#include "control/cli/interrupt.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

using std::chrono::milliseconds;

// First and longest pause before asking again: a restart takes about a second, and a thousand watchers must not storm.
constexpr milliseconds kFirstPause{200}, kLongestPause{5000};

struct Options {
  Selection selection;
  uint32_t last = 0;
};

bool worth_retrying(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::UNKNOWN ||
         code == grpc::StatusCode::INTERNAL || code == grpc::StatusCode::OK || code == grpc::StatusCode::ABORTED ||
         code == grpc::StatusCode::CANCELLED;
}

class Watch {
 public:
  Watch(Session& session, v1::WatchResetsRequest request)
      : session_(session), request_(std::move(request)), client_(session.connect()), printer_(session, true) {}

  int run() {
    session_.out.flush();
    if (!client_.connected()) {
      if (interrupt_.raised()) return kDone;
      return session_.fail(client_.error_of({grpc::StatusCode::UNAVAILABLE, "no connection"}));
    }
    for (milliseconds pause = kFirstPause;;) {
      heard_ = false;
      const grpc::Status status = stream();
      if (interrupt_.raised() || session_.out.closed()) return kDone;
      if (session_.out.error() != 0) return kFailed;
      if (status.error_code() == grpc::StatusCode::OUT_OF_RANGE && request_.resume_cursor() != 0) {
        session_.notes.note("note: the control plane came back with another store; endings from now on.");
        request_.set_resume_cursor(0);
        continue;
      }
      if (!worth_retrying(status.error_code())) return session_.fail(client_.error_of(status));
      if (heard_) {
        session_.notes.note("note: the control plane at " + client_.server() +
                            " went away; asking again until it is back.");
        pause = kFirstPause;
      }
      if (interrupt_.sleep(pause)) return kDone;
      pause = std::min(pause * 2, kLongestPause);
    }
  }

 private:
  grpc::Status stream() {
    grpc::ClientContext context;
    interrupt_.on_raise([&context] { context.TryCancel(); });
    auto reader = client_.stub().WatchResets(&context, request_);
    v1::WatchResetsResponse response;
    while (reader->Read(&response)) {
      heard_ = true;
      take(response);
      if (!session_.out.usable()) context.TryCancel();
    }
    const grpc::Status status = reader->Finish();
    interrupt_.on_raise(nullptr);
    return status;
  }

  void take(const v1::WatchResetsResponse& response) {
    request_.set_last(0);  // the past was shown
    switch (response.item_case()) {
      case v1::WatchResetsResponse::kEvent:
        printer_.print(response.event());
        printer_.flush();
        remember(response.event().cursor());
        break;
      case v1::WatchResetsResponse::kHeartbeatCursor:
        remember(response.heartbeat_cursor());
        break;
      case v1::WatchResetsResponse::kLostEvents:
        session_.notes.note("note: " + counted(response.lost_events(), "ending was", "endings were") +
                            " skipped because they came faster than they were read here.");
        break;
      case v1::WatchResetsResponse::ITEM_NOT_SET:
        break;  // newer than this program
    }
  }

  void remember(uint64_t cursor) { request_.set_resume_cursor(std::max(request_.resume_cursor(), cursor)); }

  Interrupt interrupt_;  // before the channel: gRPC's threads inherit the blocked signals
  Session& session_;
  v1::WatchResetsRequest request_;
  Client client_;
  EventPrinter printer_;
  bool heard_ = false;
};

int run(const Options& options, Session& session) {
  v1::WatchResetsRequest request;
  auto filter = resolve(options.selection, session.now, nullptr);
  if (!filter) return session.fail(filter.error());
  request.set_filter(*filter);
  request.set_include_benign(options.selection.benign);
  request.set_last(options.last);
  return Watch(session, std::move(request)).run();
}

}  // namespace

void add_resets_watch(Commands& commands, CLI::App& resets) {
  CLI::App* watch = resets.add_subcommand("watch", "show connection endings as they come, until Ctrl-C");
  auto options = std::make_shared<Options>();
  add_filter_flags(*watch, options->selection);
  watch->add_option("--last", options->last, "first show the newest N of the past")
      ->type_name("N")
      ->check(CLI::Range(0, 10'000).description(""))
      ->group("How many");
  watch->footer(
      "Examples:\n"
      "  resetscope resets watch --last 20\n"
      "  resetscope resets watch --server-ip 10.0.2.9 --port 5432 -o json | jq .summary");
  watch->callback(
      [&commands, options] { commands.run = [options](Session& session) { return run(*options, session); }; });
}

}  // namespace rs::cli
