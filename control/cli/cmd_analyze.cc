// SPDX-License-Identifier: Apache-2.0
//
// `resetscope analyze FILE...`: the whole product over capture files in one go.
#include <unistd.h>

#include <future>
#include <sstream>
#include <thread>

#include "control/cli/event_table.h"
#include "control/cli/input_files.h"
#include "control/cli/pages.h"
#include "control/cli/pipeline.h"
#include "control/cli/report.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

using std::string;
using Clock = std::chrono::steady_clock;

struct Options {
  std::vector<string> files;
  uint32_t workers = 1;
  bool benign = false;
  bool stats = false;
  string sensor_args;
};

constexpr uint32_t kTopRows = 10;
constexpr auto kProgressEvery = std::chrono::milliseconds(100);

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

string what_text(const std::vector<string>& files) {
  if (files.size() > 1) return counted(files.size(), "file", "files");
  if (files[0] == "-") return "standard input";
  return files[0].starts_with("./") ? files[0].substr(2) : files[0];
}

// Bar on the terminal, if standard error is one and nobody asked for quiet.
class ProgressBar {
 public:
  ProgressBar(const Session& session, Clock::time_point start)
      : fd_(session.notes.fd()), start_(start), shown_(!session.notes.quiet() && isatty(fd_) == 1) {
    if (shown_) width_ = style_of(fd_, ColorMode::kNever).width;
    if (width_ == 0) width_ = 80;
  }
  ~ProgressBar() { clear(); }
  [[nodiscard]] bool shown() const { return shown_; }

  void show(const Progress& p) {
    const auto now = Clock::now();
    if (!shown_ || now - last_ < kProgressEvery) return;
    last_ = now;
    put("\r" + progress_line(p.bytes_done, p.bytes_total, p.packets, seconds_since(start_), width_ - 1) + "\x1b[K");
    drawn_ = true;
  }
  void clear() {
    if (drawn_) put("\r\x1b[K");
    drawn_ = false;
  }

 private:
  void put(const string& text) const { (void)!write(fd_, text.data(), text.size()); }

  int fd_;
  Clock::time_point start_;
  bool shown_;
  bool drawn_ = false;
  size_t width_ = 0;
  Clock::time_point last_{};
};

struct Findings {
  v1::ListSensorsResponse sensors;
  v1::ListServicesResponse services;
  v1::TopResponse endings;
  v1::TopResponse causes;
  v1::TopResponse top_services;
  v1::ListIncidentsResponse incidents;
};

// Correlation runs behind the store: waits until it knows everything that was read, within reason.
void wait_for_correlation(Client& client) {
  constexpr auto kLongest = std::chrono::seconds(30);  // some ten million endings
  for (const auto start = Clock::now(); Clock::now() - start < kLongest;) {
    v1::GetServerInfoResponse info;
    if (!client.call(&Client::Stub::GetServerInfo, v1::GetServerInfoRequest{}, &info)) return;
    if (info.correlated_cursor() >= info.events()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void append_incidents(string& out, const v1::ListIncidentsResponse& incidents, const Style& style) {
  if (incidents.incidents_size() == 0) return;
  out += '\n' + painted("Incidents", Paint::kBold, style) + '\n';
  for (const v1::Incident& incident : incidents.incidents())
    append_wrapped(out, string(word(incident.kind())) + ": " + incident.summary(), 2, style);
}

// What the report needs besides the endings, asked for at once.
Result<Findings> ask(Client& client, bool top) {
  Findings f;
  const auto top_by = [&client](v1::Dimension dimension, v1::TopResponse* response) {
    v1::TopRequest request;
    request.add_by(dimension);
    request.set_limit(kTopRows);
    request.set_include_benign(true);
    return client.call(&Client::Stub::Top, request, response);
  };
  std::vector<std::future<Result<void>>> calls;
  calls.push_back(std::async(std::launch::async, [&] {
    return client.call(&Client::Stub::ListSensors, v1::ListSensorsRequest{}, &f.sensors);
  }));
  calls.push_back(std::async(std::launch::async, [&] {
    v1::ListServicesRequest request;
    request.set_limit(kMostServices);
    return client.call(&Client::Stub::ListServices, request, &f.services);
  }));
  calls.push_back(std::async(std::launch::async, [&] { return top_by(v1::DIMENSION_ENDING, &f.endings); }));
  if (top) {
    calls.push_back(std::async(std::launch::async, [&] {
      return client.call(&Client::Stub::ListIncidents, v1::ListIncidentsRequest{}, &f.incidents);
    }));
    calls.push_back(std::async(std::launch::async, [&] { return top_by(v1::DIMENSION_CAUSE, &f.causes); }));
    calls.push_back(std::async(std::launch::async, [&] { return top_by(v1::DIMENSION_SERVICE, &f.top_services); }));
  }
  for (auto& call : calls) call.wait();  // f must outlive them all
  for (auto& call : calls)
    if (auto done = call.get(); !done) return done.error();
  return f;
}

Result<void> print_endings(Client& client, const Options& options, Session& session, bool report,
                           const Interrupt& interrupt) {
  v1::ListResetsRequest request;
  request.set_include_benign(options.benign || !report);
  request.set_brief(report);
  EventPrinter printer(session, false);
  v1::Completeness completeness;
  uint64_t printed = 0;
  const auto take = [&](const v1::ListResetsResponse& page) {
    if (report && printed == 0 && page.events_size() != 0) session.out.buffer() += '\n';
    for (const v1::Event& event : page.events()) printer.print(event);
    printed += static_cast<uint64_t>(page.events_size());
    if (!report || page.events_size() != 0) printer.flush();
    return session.out.usable() && !interrupt.raised();
  };
  if (auto done = for_each_page(client, request, 0, take, &completeness); !done) return done;
  session.out.flush();
  if (interrupt.raised()) return Error{Code::kUnavailable, "interrupted"};
  if (report && printed == 0)
    session.notes.note(completeness.hidden_benign() == 0 ? "No connection was reset, refused or timed out."
                                                         : "No ending that matters.");
  say_completeness(session, completeness);
  return {};
}

int run(const Options& options, Session& session) {
  auto files = input_files(options.files, isatty(STDIN_FILENO) == 1);
  if (!files) return session.fail(files.error());
  const auto start = Clock::now();
  // The children are forked before gRPC has threads, and after the signals are blocked.
  const Interrupt interrupt;
  ProgressBar bar(session, start);
  Pipeline::Options wanted{*files, options.workers, {}};
  std::istringstream words_in(options.sensor_args);
  for (string argument; words_in >> argument;) wanted.sensor_args.push_back(argument);
  auto pipeline = Pipeline::start(wanted, bar.shown());
  if (!pipeline) return session.fail(pipeline.error());
  if (auto done = (*pipeline)->run(interrupt, [&](const Progress& p) { bar.show(p); }); !done) {
    bar.clear();
    // The sensor's words are lines of their own, made printable before.
    const string& text = done.error().text;
    const size_t line = std::min(text.find('\n'), text.size());
    session.notes.error(text.substr(0, line));
    for (size_t at = line + 1; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      (void)!write(session.notes.fd(), text.data() + at, end - at);
      (void)!write(session.notes.fd(), "\n", 1);
      at = end + 1;
    }
    return kFailed;
  }
  const double seconds = seconds_since(start);
  bar.clear();

  Client client((*pipeline)->server(), session.timeout);
  const bool report = session.format == Format::kTable || session.format == Format::kWide;
  wait_for_correlation(client);
  if (report || options.stats) {
    auto found = ask(client, report);
    if (!found) return session.fail(found.error());
    string text;
    append_totals(text, totals_of(found->sensors, found->services, found->endings), what_text(*files), seconds,
                  report ? session.style : Style{});
    if (report) {
      append_top(text, "Top causes", found->causes, session.style);
      append_top(text, "Top services", found->top_services, session.style);
      append_incidents(text, found->incidents, session.style);
      session.out.write(text);
      text.clear();
    }
    if (options.stats) {
      append_counters(text, found->sensors);
      std::istringstream lines(text);
      for (string one; std::getline(lines, one);) session.notes.note(one);
    }
  }
  if (auto done = print_endings(client, options, session, report, interrupt); !done) return session.fail(done.error());
  std::istringstream said((*pipeline)->sensor_words());
  for (string one; std::getline(said, one);)
    if (!one.empty()) session.notes.note("sensor: " + one);
  return kDone;
}

}  // namespace

void add_analyze(Commands& commands) {
  CLI::App* analyze =
      commands.app.add_subcommand("analyze", "read capture files and report every connection ending in them");
  auto options = std::make_shared<Options>();
  analyze->add_option("files", options->files, "capture files (pcap, pcapng, gzip), patterns, or - for standard input")
      ->type_name("FILE")
      ->required();
  analyze->add_option("--workers", options->workers, "packet workers, each on a core of its own")
      ->type_name("N")
      ->check(CLI::Range(1, 64).description(""))
      ->capture_default_str();
  analyze->add_flag("--benign", options->benign,
                    "list benign endings in the report, too (JSON and CSV have them always)");
  analyze->add_flag("--stats", options->stats, "print totals and every counter of the sensor on standard error");
  analyze->add_option("--sensor-args", options->sensor_args, "more arguments for the sensor, for debugging")
      ->type_name("ARGS");
  analyze->footer(
      "Needs no root, no configuration and no running control plane, and leaves nothing behind.\n"
      "Examples:\n"
      "  resetscope analyze capture.pcap\n"
      "  resetscope analyze 'captures/*.pcapng' -o json | jq -r .summary\n"
      "  ssh host tcpdump -w - tcp | resetscope analyze -");
  analyze->callback(
      [&commands, options] { commands.run = [options](Session& session) { return run(*options, session); }; });
}

}  // namespace rs::cli
