// SPDX-License-Identifier: Apache-2.0
//
// A child program that cannot outlive us: killed with us by the kernel, by kill() or when its object goes. It leads a
// process group of its own, so that Ctrl-C on the terminal reaches only us and we decide.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "proto/result.h"

namespace rs::cli {

class Process {
 public:
  struct Options {
    std::vector<std::string> argv;  // argv[0] is the program's path
    bool inherit_stdin = false;     // else /dev/null
    bool report = false;            // opens descriptor kReportFd in the child for writing; we read report_fd()
  };
  static constexpr int kReportFd = 3;

  // Main thread only: the kernel kills the child when the thread that started it ends.
  static Result<Process> start(const Options& options);

  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  // Standard error and the report of the child, non-blocking; -1 when absent or ended.
  [[nodiscard]] int error_fd() const { return error_fd_; }
  [[nodiscard]] int report_fd() const { return report_fd_; }
  // Reads what is there, standard error into error_text(); false once that pipe has ended.
  bool read_errors();
  bool read_report(std::string* text);
  // The last 64 KiB of standard error.
  [[nodiscard]] const std::string& error_text() const { return error_text_; }

  // Waits for the end; the exit status, 128 + the signal's number if one ended it.
  int wait();
  void kill();

 private:
  Process() = default;
  pid_t pid_ = -1;
  int error_fd_ = -1;
  int report_fd_ = -1;
  int status_ = 0;
  std::string error_text_;
};

// A directory only we may enter, removed with all it holds when the object goes.
class PrivateDir {
 public:
  static Result<PrivateDir> make();
  PrivateDir(PrivateDir&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  PrivateDir& operator=(PrivateDir&&) = delete;
  ~PrivateDir();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit PrivateDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Where a program that belongs to us is: RESETSCOPE_BIN_DIR if set, else beside our own executable, else in the build
// tree (`build_dir` seen from ours), else on PATH.
Result<std::string> find_program(const std::string& name, const std::string& build_dir);

}  // namespace rs::cli
