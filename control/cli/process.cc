// SPDX-License-Identifier: Apache-2.0
#include "control/cli/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace rs::cli {
namespace {

constexpr size_t kErrorTextBytes = 64 * 1024;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

// Ends above the numbers the child gets, so that dup2 there never overwrites one.
Result<Pipe> make_pipe() {
  std::array<int, 2> fds;
  if (pipe2(fds.data(), O_CLOEXEC) != 0)
    return Error{Code::kResource, std::string("cannot make a pipe: ") + std::strerror(errno)};
  Pipe pipe{fds[0], fcntl(fds[1], F_DUPFD_CLOEXEC, 10)};
  close(fds[1]);
  fcntl(pipe.read_end, F_SETFL, O_NONBLOCK);
  return pipe;
}

void close_fd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* argv, bool inherit_stdin, int error_fd, int report_fd, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before we asked
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDWR);
  if (null >= 0) {
    if (!inherit_stdin) dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);  // our standard output is for the answer
    if (null > STDERR_FILENO) close(null);
  }
  dup2(error_fd, STDERR_FILENO);
  if (report_fd >= 0) dup2(report_fd, Process::kReportFd);
  execv(argv[0], argv);
  const char* why = std::strerror(errno);
  (void)!write(STDERR_FILENO, why, std::strlen(why));
  _exit(127);
}

// False at the end of the pipe.
template <class Take>
bool drain(int& fd, Take take) {
  if (fd < 0) return false;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n > 0) {
      take(std::string_view(buffer.data(), static_cast<size_t>(n)));
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else if (n < 0 && errno == EAGAIN) {
      return true;
    } else {
      close_fd(fd);
      return false;
    }
  }
}

}  // namespace

Result<Process> Process::start(const Options& options) {
  auto errors = make_pipe();
  if (!errors) return errors.error();
  Pipe report;
  if (options.report) {
    auto made = make_pipe();
    if (!made) {
      close(errors->read_end);
      close(errors->write_end);
      return made.error();
    }
    report = *made;
  }
  std::vector<char*> argv;
  for (const std::string& argument : options.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  Process process;
  const pid_t parent = getpid();
  process.pid_ = fork();
  if (process.pid_ == 0) become(argv.data(), options.inherit_stdin, errors->write_end, report.write_end, parent);
  const int code = errno;
  close_fd(errors->write_end);
  close_fd(report.write_end);
  process.error_fd_ = errors->read_end;
  process.report_fd_ = report.read_end;
  if (process.pid_ < 0) return Error{Code::kResource, "cannot start " + options.argv[0] + ": " + std::strerror(code)};
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      error_fd_(std::exchange(other.error_fd_, -1)),
      report_fd_(std::exchange(other.report_fd_, -1)),
      status_(other.status_),
      error_text_(std::move(other.error_text_)) {}

Process::~Process() {
  kill();
  close_fd(error_fd_);
  close_fd(report_fd_);
}

bool Process::read_errors() {
  return drain(error_fd_, [&](std::string_view text) {
    error_text_ += text;
    if (error_text_.size() > kErrorTextBytes) error_text_.erase(0, error_text_.size() - kErrorTextBytes);
  });
}

bool Process::read_report(std::string* text) {
  return drain(report_fd_, [&](std::string_view more) { text->append(more); });
}

int Process::wait() {
  if (pid_ > 0) {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return status_;
}

void Process::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

Result<PrivateDir> PrivateDir::make() {
  // A Unix socket's path is short; "/control.sock" must still fit behind the directory.
  constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 32;
  const char* wanted = std::getenv("TMPDIR");
  std::string base = wanted != nullptr && *wanted == '/' && std::strlen(wanted) < kLongest ? wanted : "/tmp";
  std::string path = base + "/resetscope-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)  // mode 0700
    return Error{Code::kResource,
                 "cannot make a directory in " + base + ": " + std::strerror(errno) + "; TMPDIR names another place"};
  return PrivateDir(std::move(path));
}

PrivateDir::~PrivateDir() {
  if (path_.empty()) return;
  std::error_code ignored;  // nothing left to do about it
  std::filesystem::remove_all(path_, ignored);
}

Result<std::string> find_program(const std::string& name, const std::string& build_dir) {
  const auto runnable = [](const std::string& path) {
    return access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path);
  };
  if (const char* dir = std::getenv("RESETSCOPE_BIN_DIR"); dir != nullptr && *dir != '\0') {
    const std::string path = std::string(dir) + "/" + name;
    if (runnable(path)) return path;
    return Error{Code::kNotFound,
                 "RESETSCOPE_BIN_DIR is " + std::string(dir) + ", but there is no program " + name + " there"};
  }
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  if (!error)
    for (const auto& path : {own / name, own / build_dir / name})
      if (runnable(path.string())) return path.lexically_normal().string();
  if (const char* search = std::getenv("PATH"); search != nullptr) {
    std::string_view rest = search;
    while (!rest.empty()) {
      const std::string_view dir = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), dir.size() + 1));
      if (const std::string path = std::string(dir) + "/" + name; !dir.empty() && runnable(path)) return path;
    }
  }
  return Error{Code::kNotFound, "cannot find the program " + name +
                                    " beside resetscope or on PATH; RESETSCOPE_BIN_DIR names its directory"};
}

}  // namespace rs::cli
