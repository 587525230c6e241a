// SPDX-License-Identifier: Apache-2.0
#include "control/cli/input_files.h"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rs::cli {
namespace {

using std::string;

Result<std::vector<string>> matches(const string& pattern) {
  glob_t found{};
  if (glob(pattern.c_str(), 0, nullptr, &found) != 0) return Error{Code::kNotFound, "no file matches " + pattern};
  std::vector<string> files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return files;
}

// Looks, and does not open: that would take a writer's data out of a named pipe.
Result<void> readable(const string& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0 || access(file.c_str(), R_OK) != 0)
    return Error{Code::kNotFound, "cannot open " + file + ": " + std::strerror(errno)};
  if (S_ISDIR(info.st_mode))
    return Error{Code::kNotFound, file + " is a directory; name the capture files in it (" + file + "/*.pcap)"};
  return {};
}

}  // namespace

Result<std::vector<string>> input_files(const std::vector<string>& given, bool stdin_is_terminal) {
  std::vector<string> files;
  const auto add = [&](const string& file) {
    if (std::ranges::find(files, file) == files.end()) files.push_back(file);
  };
  for (const string& name : given) {
    if (name == "-") {
      if (stdin_is_terminal)
        return Error{Code::kInvalid,
                     "standard input is a terminal; name a file, or pipe in: tcpdump -w - | resetscope analyze -"};
      add(name);
      continue;
    }
    std::vector<string> named = {name};
    if (name.find_first_of("*?[") != string::npos && access(name.c_str(), F_OK) != 0) {
      auto found = matches(name);
      if (!found) return found.error();
      named = std::move(*found);
    }
    for (string& file : named) {
      if (auto ok = readable(file); !ok) return ok.error();
      if (file.find('/') == string::npos) file.insert(0, "./");  // else "eth1" would name an interface, "-x" a flag
      add(file);
    }
  }
  return files;
}

}  // namespace rs::cli
