// SPDX-License-Identifier: Apache-2.0
//
// Where commands write. Data goes to standard output through Out, which notices a reader that went away (`| head`) and
// a full disk; everything else goes to standard error through Notes.
#pragma once

#include <string>
#include <string_view>

namespace rs::cli {

class Out {
 public:
  // `fd` stays the caller's.
  explicit Out(int fd) : fd_(fd) {}
  ~Out() { flush(); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;

  // Append here; flush() or maybe_flush() writes.
  std::string& buffer() { return buffer_; }
  void write(std::string_view text) {
    buffer_ += text;
    maybe_flush();
  }
  void line(std::string_view text) {
    (buffer_ += text) += '\n';
    maybe_flush();
  }
  void maybe_flush() {
    if (buffer_.size() >= kFlushBytes) flush();
  }
  void flush();

  // The reader closed its end: stop, there is no error.
  [[nodiscard]] bool closed() const { return closed_; }
  // 0, or errno of a write that failed otherwise.
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] bool usable() const { return !closed_ && error_ == 0; }

 private:
  static constexpr size_t kFlushBytes = 256 * 1024;  // our choice: few system calls, little memory
  int fd_;
  std::string buffer_;
  bool closed_ = false;
  int error_ = 0;
};

class Notes {
 public:
  Notes(int fd, bool quiet) : fd_(fd), quiet_(quiet) {}
  // "resetscope: <text>"; said even with --quiet.
  void error(std::string_view text) const;
  // Said unless --quiet.
  void note(std::string_view text) const;
  [[nodiscard]] bool quiet() const { return quiet_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  bool quiet_;
};

}  // namespace rs::cli
