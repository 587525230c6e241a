// SPDX-License-Identifier: Apache-2.0
#include "control/cli/out.h"

#include <unistd.h>

#include <cerrno>

#include "control/cli/text.h"

namespace rs::cli {
namespace {

// 0 or errno.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    text.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

}  // namespace

void Out::flush() {
  if (usable()) {
    const int code = write_all(fd_, buffer_);
    if (code == EPIPE)
      closed_ = true;
    else
      error_ = code;
  }
  buffer_.clear();
}

// Standard error may be gone; then there is nobody to tell.
void Notes::error(std::string_view text) const { (void)write_all(fd_, "resetscope: " + printable(text) + "\n"); }

void Notes::note(std::string_view text) const {
  if (!quiet_) (void)write_all(fd_, printable(text) + "\n");
}

}  // namespace rs::cli
