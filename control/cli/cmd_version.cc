// SPDX-License-Identifier: Apache-2.0
//
// `resetscope version`: of this program; the control plane's is in `status`.
#include "control/cli/session.h"

namespace rs::cli {

void add_version(Commands& commands) {
  CLI::App* version = commands.app.add_subcommand("version", "version of this program");
  version->callback([&commands] {
    commands.run = [](Session& session) {
      session.out.line(session.format == Format::kJson ? "{\"version\":\"" RS_VERSION "\"}" : "resetscope " RS_VERSION);
      return kDone;
    };
  });
}

}  // namespace rs::cli
