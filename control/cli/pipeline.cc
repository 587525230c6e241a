// SPDX-License-Identifier: Apache-2.0
#include "control/cli/pipeline.h"

#include <poll.h>

#include <array>
#include <cstdio>

#include "control/cli/text.h"

namespace rs::cli {
namespace {

// A program's last words, made safe and set off from ours.
std::string words_of_process(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) out += "\n  " + printable(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Error died(const char* name, int status, const std::string& words) {
  const std::string how = status > 128 ? "was ended by signal " + std::to_string(status - 128)
                                       : "failed with exit status " + std::to_string(status);
  return {Code::kInternal, std::string(name) + " " + how + (words.empty() ? " and said nothing." : "; it said:") +
                               words_of_process(words)};
}

}  // namespace

bool take_progress(std::string& text, Progress* progress) {
  const size_t end = text.rfind('\n');
  if (end == std::string::npos) return false;
  const size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
  const std::string line =
      text.substr(before == std::string::npos ? 0 : before + 1, end - (before == std::string::npos ? 0 : before + 1));
  text.erase(0, end + 1);
  unsigned long long done = 0, total = 0, packets = 0;
  if (std::sscanf(line.c_str(), "%llu %llu %llu", &done, &total, &packets) != 3) return false;
  *progress = {done, total, packets};
  return true;
}

Result<std::unique_ptr<Pipeline>> Pipeline::start(const Options& options, bool want_progress) {
  const auto control_path = find_program("resetscope-control", "..");
  if (!control_path) return control_path.error();
  const auto sensor_path = find_program("resetscope-sensor", "../../dataplane");
  if (!sensor_path) return sensor_path.error();
  auto dir = PrivateDir::make();
  if (!dir) return dir.error();
  std::string server = "unix:" + dir->path() + "/control.sock";

  auto control = Process::start(
      {{*control_path, "--store", ":memory:", "--listen", server, "--ready-fd", std::to_string(Process::kReportFd)},
       false,
       true});
  if (!control) return control.error();
  std::vector<std::string> argv = {*sensor_path, "--read"};
  bool reads_stdin = false;
  for (const std::string& file : options.files) {
    argv.push_back(file);
    reads_stdin |= file == "-";
  }
  argv.insert(argv.end(), {"--export-server", server, "--no-fold", "--workers", std::to_string(options.workers),
                           "--name", "analyze", "--log-level", "warn"});
  if (want_progress) argv.insert(argv.end(), {"--progress-fd", std::to_string(Process::kReportFd)});
  argv.insert(argv.end(), options.sensor_args.begin(), options.sensor_args.end());
  auto sensor = Process::start({std::move(argv), reads_stdin, want_progress});
  if (!sensor) return sensor.error();
  return std::unique_ptr<Pipeline>(
      new Pipeline(std::move(*dir), std::move(server), std::move(*control), std::move(*sensor)));
}

Result<void> Pipeline::run(const Interrupt& interrupt, const std::function<void(const Progress&)>& on_progress) {
  std::string report, ready;
  for (bool sensor_lives = true; sensor_lives;) {
    std::array<pollfd, 5> fds = {{{interrupt.fd(), POLLIN, 0},
                                  {sensor_.error_fd(), POLLIN, 0},
                                  {sensor_.report_fd(), POLLIN, 0},
                                  {control_.error_fd(), POLLIN, 0},
                                  {control_.report_fd(), POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), -1) < 0) continue;  // EINTR
    if (fds[0].revents != 0) return Error{Code::kUnavailable, "interrupted"};
    if (fds[2].revents != 0) {
      sensor_.read_report(&report);
      if (Progress progress; take_progress(report, &progress)) on_progress(progress);
    }
    if (fds[4].revents != 0) control_.read_report(&ready);
    if (fds[3].revents != 0 && !control_.read_errors())
      return died("resetscope-control", control_.wait(), control_.error_text());
    if (fds[1].revents != 0) sensor_lives = sensor_.read_errors();
  }
  if (const int status = sensor_.wait(); status != 0) return died("resetscope-sensor", status, sensor_.error_text());
  return {};
}

}  // namespace rs::cli
