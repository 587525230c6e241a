// SPDX-License-Identifier: Apache-2.0
//
// `resetscope resets`: the group of list and watch.
#include "control/cli/session.h"

namespace rs::cli {

void add_resets(Commands& commands) {
  CLI::App* resets = commands.app.add_subcommand("resets", "connection endings: list what was, watch what comes");
  resets->require_subcommand(1);
  add_resets_list(commands, *resets);
  add_resets_watch(commands, *resets);
}

}  // namespace rs::cli
