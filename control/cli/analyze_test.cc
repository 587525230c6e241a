// SPDX-License-Identifier: Apache-2.0
//
// `analyze` with stand-ins for sensor and control plane: what it starts, what it prints, what it leaves behind.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "control/cli/input_files.h"
#include "control/cli/pipeline.h"
#include "control/cli/program.h"
#include "control/cli/report.h"

namespace rs::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string content(int fd) {
  std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  close(fd);
  return text;
}

class Analyze : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string dir = "/tmp/resetscope-test-XXXXXX";
    ASSERT_NE(mkdtemp(dir.data()), nullptr);
    dir_ = dir;
    std::filesystem::create_directory(dir_ + "/bin");
    std::filesystem::create_directory(dir_ + "/tmp");
    const char* control = std::getenv("FAKE_CONTROL");
    ASSERT_NE(control, nullptr);
    std::filesystem::create_symlink(control, dir_ + "/bin/resetscope-control");
    sensor("exit 0");
    file("a.pcap");
    setenv("RESETSCOPE_BIN_DIR", (dir_ + "/bin").c_str(), 1);
    setenv("TMPDIR", (dir_ + "/tmp").c_str(), 1);
  }
  void TearDown() override {
    EXPECT_TRUE(std::filesystem::is_empty(dir_ + "/tmp")) << "something was left behind";
    unsetenv("RESETSCOPE_BIN_DIR");
    unsetenv("TMPDIR");
    std::filesystem::remove_all(dir_);
  }
  void program(const std::string& name, const std::string& script) {
    const std::string path = dir_ + "/bin/" + name;
    std::filesystem::remove(path);
    std::ofstream(path) << "#!/bin/sh\nread_args() { :; }\necho \"$@\" > " << dir_ << "/" << name << ".args\necho $$ > "
                        << dir_ << "/" << name << ".pid\n"
                        << script << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  void sensor(const std::string& script) {
    // The control plane must be there before the made-up sensor says that all is acknowledged.
    program("resetscope-sensor", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ls " + dir_ +
                                     "/tmp/*/control.sock >/dev/null 2>&1 && break; sleep 0.1; done\n" + script);
  }
  std::string file(const std::string& name) {
    std::ofstream(dir_ + "/" + name) << "x";
    return dir_ + "/" + name;
  }
  std::string args_of(const std::string& name) {
    std::ifstream in(dir_ + "/" + name + ".args");
    std::string line;
    std::getline(in, line);
    return line;
  }
  int run(std::vector<std::string> args) {
    args.insert(args.begin(), "analyze");
    const int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    const int status = run_program(std::move(args), out, err);
    out_ = content(out);
    err_ = content(err);
    return status;
  }

  std::string dir_, out_, err_;
};

TEST_F(Analyze, Report) {
  EXPECT_EQ(run({dir_ + "/a.pcap", "--workers", "2"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("Read         " + dir_ + "/a.pcap: 1,000,000 packets, 901,000 of them TCP, 123 MB\n"));
  EXPECT_THAT(out_, HasSubstr("Connections  2,000 attempted, 1,500 established, 1,400 closed cleanly\n"));
  EXPECT_THAT(out_, HasSubstr("Endings      60 reset, 500 refused, 40 timed out\n"));
  EXPECT_THAT(out_, HasSubstr("Unreadable   3 packets"));
  EXPECT_THAT(out_, HasSubstr("Top causes"));
  EXPECT_THAT(out_, HasSubstr("Top services"));
  EXPECT_THAT(out_, HasSubstr("10.0.1.7:40123"));
  const std::string args = args_of("resetscope-sensor");
  EXPECT_THAT(args, StartsWith("--read " + dir_ + "/a.pcap --export-server unix:" + dir_ + "/tmp/resetscope-"));
  EXPECT_THAT(args, HasSubstr(" --no-fold --workers 2"));
  EXPECT_THAT(args, Not(HasSubstr("--progress-fd")));  // nobody to show a bar to
}

TEST_F(Analyze, JsonIsTheEndingsOnly) {
  EXPECT_EQ(run({dir_ + "/a.pcap", "-o", "json"}), 0);
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 3);
  EXPECT_THAT(out_, StartsWith("{\"time\":\""));
  EXPECT_EQ(err_, "");
}

TEST_F(Analyze, StatsGoToStandardError) {
  EXPECT_EQ(run({dir_ + "/a.pcap", "-o", "json", "--stats", "--sensor-args", "--flows 5"}), 0);
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 3);
  EXPECT_THAT(err_, HasSubstr("1,000,000 packets"));
  EXPECT_THAT(err_, HasSubstr("mirror_duplicate"));
  EXPECT_THAT(args_of("resetscope-sensor"), HasSubstr("--flows 5"));
}

TEST_F(Analyze, PatternsAndSeveralFiles) {
  file("b.pcap");
  EXPECT_EQ(run({dir_ + "/*.pcap"}), 0);
  EXPECT_THAT(out_, HasSubstr("2 files"));
  EXPECT_THAT(args_of("resetscope-sensor"), HasSubstr("/a.pcap " + dir_ + "/b.pcap --export-server"));
}

TEST_F(Analyze, EachFileIsReadOnceAndTakenForAFile) {
  const std::string a = dir_ + "/a.pcap";
  EXPECT_EQ(*input_files({a, dir_ + "/*.pcap", a}, false), std::vector<std::string>{a});
  EXPECT_EQ(*input_files({"-", "-"}, false), std::vector<std::string>{"-"});
  EXPECT_EQ(input_files({"-"}, true).error().code, Code::kInvalid);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir_);
  file("eth1");
  file("--read");
  EXPECT_EQ(*input_files({"eth1", "--read", "a.pcap"}, false),
            (std::vector<std::string>{"./eth1", "./--read", "./a.pcap"}));
  std::filesystem::current_path(before);
}

TEST_F(Analyze, FilesThatCannotBe) {
  EXPECT_EQ(run({dir_ + "/none.pcap"}), 1);
  EXPECT_THAT(err_, HasSubstr("none.pcap: No such file or directory"));
  EXPECT_EQ(run({dir_ + "/*.none"}), 1);
  EXPECT_THAT(err_, HasSubstr("no file matches"));
  EXPECT_EQ(run({dir_}), 1);
  EXPECT_THAT(err_, HasSubstr("is a directory"));
}

TEST_F(Analyze, TheSensorsWordsAreShownWhenItFails) {
  sensor("echo 'resetscope-sensor: a.pcap: not a capture file' >&2; exit 1");
  EXPECT_EQ(run({dir_ + "/a.pcap"}), 1);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_,
            "resetscope: resetscope-sensor failed with exit status 1; it said:\n  resetscope-sensor: a.pcap: not a "
            "capture file\n");
}

TEST_F(Analyze, ADyingControlPlaneIsSeen) {
  program("resetscope-control", "echo 'no room' >&2; exit 3");
  sensor("sleep 60");
  EXPECT_EQ(run({dir_ + "/a.pcap"}), 1);
  EXPECT_THAT(err_, HasSubstr("resetscope-control failed with exit status 3; it said:\n  no room\n"));
}

TEST_F(Analyze, AMissingProgramIsNamed) {
  std::filesystem::remove(dir_ + "/bin/resetscope-sensor");
  EXPECT_EQ(run({dir_ + "/a.pcap"}), 1);
  EXPECT_THAT(err_, HasSubstr("there is no program resetscope-sensor there"));
}

TEST_F(Analyze, CtrlCKillsAndRemovesEverything) {
  sensor("exec sleep 60");
  std::thread later([] {
    sigset_t set;
    sigfillset(&set);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    kill(getpid(), SIGINT);
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(run({dir_ + "/a.pcap"}), 1);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  later.join();
  EXPECT_EQ(err_, "resetscope: interrupted\n");
  pid_t pid = 0;
  std::ifstream(dir_ + "/resetscope-sensor.pid") >> pid;
  EXPECT_GT(pid, 0);
  EXPECT_EQ(kill(pid, 0), -1) << "the sensor still lives";
}

TEST(Progress, LastWholeLineCounts) {
  Progress p;
  std::string text = "1 100 5\n50 100 70\n60 10";
  EXPECT_TRUE(take_progress(text, &p));
  EXPECT_EQ(p.bytes_done, 50U);
  EXPECT_EQ(p.packets, 70U);
  EXPECT_EQ(text, "60 10");
  EXPECT_FALSE(take_progress(text, &p));
  text += "0 90\n";
  EXPECT_TRUE(take_progress(text, &p));
  EXPECT_EQ(p.bytes_done, 60U);
  text = "garbage\n";
  EXPECT_FALSE(take_progress(text, &p));
}

TEST(Progress, Line) {
  EXPECT_EQ(progress_line(50, 100, 1'000'000, 0.1, 60), "[#################-----------------]  50%  1,000,000 packets");
  EXPECT_THAT(progress_line(200, 100, 5, 0.1, 80), HasSubstr("100%  5 packets"));
  EXPECT_EQ(progress_line(50, 0, 3'000'000, 2, 80), "3,000,000 packets  1.5 million packets/s");
  EXPECT_LE(progress_line(50, 100, 1'000'000'000, 2, 30).size(), 30U);
}

}  // namespace
}  // namespace rs::cli
