// SPDX-License-Identifier: Apache-2.0
//
// For tests: runs a command as users do, against a control plane of real gRPC with made-up endings.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "control/cli/fake_server.h"
#include "control/cli/program.h"

namespace rs::cli {

struct Ran {
  int status = -1;
  std::string out;
  std::string err;
};

inline std::string content(int fd) {
  std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  close(fd);
  return text;
}

inline Ran run(std::vector<std::string> args) {
  const int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
  Ran ran;
  ran.status = run_program(std::move(args), out, err);
  ran.out = content(out);
  ran.err = content(err);
  return ran;
}

inline std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

class Program : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Threads started from here on leave the signals to the command under test.
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
  }

  void SetUp() override {
    std::string dir = "/tmp/resetscope-test-XXXXXX";
    ASSERT_NE(mkdtemp(dir.data()), nullptr);
    dir_ = dir;
    address_ = "unix:" + dir + "/s";
    start();
    for (uint64_t i = 0; i < 3; ++i) service_.events.push_back(sample_event(i));
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(dir_);
  }
  void start() {
    server_ = serve(service_, address_);
    ASSERT_NE(server_, nullptr);
  }
  void stop() {
    if (server_) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
    server_.reset();
  }
  Ran command(std::vector<std::string> args) {
    args.insert(args.end(), {"--server", address_});
    return run(std::move(args));
  }

  std::string dir_, address_;
  FakeService service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace rs::cli
