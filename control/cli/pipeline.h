// SPDX-License-Identifier: Apache-2.0
//
// A sensor and a control plane of our own over capture files, for `analyze`: started together, joined by a Unix socket
// in a private directory, gone without trace when the object goes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/cli/client.h"
#include "control/cli/interrupt.h"
#include "control/cli/process.h"

namespace rs::cli {

struct Progress {
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;  // 0: unknown (standard input)
  uint64_t packets = 0;
};
// The last complete line of "<bytes_done> <bytes_total> <packets>\n", taken off the front of `text`.
bool take_progress(std::string& text, Progress* progress);

class Pipeline {
 public:
  struct Options {
    std::vector<std::string> files;
    uint32_t workers = 1;
    std::vector<std::string> sensor_args;
  };

  // Main thread. Interrupt must be older than this.
  static Result<std::unique_ptr<Pipeline>> start(const Options& options, bool want_progress);

  // Returns when every file is read and everything acknowledged, or something failed (the text says what, with the
  // program's own words), or an interrupt came (Code::kUnavailable, "interrupted").
  Result<void> run(const Interrupt& interrupt, const std::function<void(const Progress&)>& on_progress);

  [[nodiscard]] const std::string& server() const { return server_; }
  // What the sensor had to say besides.
  [[nodiscard]] const std::string& sensor_words() const { return sensor_.error_text(); }

 private:
  Pipeline(PrivateDir dir, std::string server, Process control, Process sensor)
      : dir_(std::move(dir)), server_(std::move(server)), control_(std::move(control)), sensor_(std::move(sensor)) {}

  PrivateDir dir_;  // removed last
  std::string server_;
  Process control_;
  Process sensor_;
};

}  // namespace rs::cli
