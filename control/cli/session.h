// SPDX-License-Identifier: Apache-2.0
//
// What every command has: the common flags, where to write, and a connection when it asks for one. Also how commands
// are declared: one file a command, each with one add_<command>() that declares flags and says what to run.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>

#include "control/cli/client.h"
#include "control/cli/filter_flags.h"
#include "control/cli/out.h"
#include "control/cli/table.h"
#include "control/cli/terminal.h"
#include "control/cli/when.h"

namespace rs::cli {

inline constexpr int kDone = 0, kFailed = 1, kBadUsage = 2;  // exit statuses

enum class Format : uint8_t { kTable, kWide, kJson, kCsv };

// The common flags as given.
struct Settings {
  std::string server = "unix:/run/resetscope/control.sock";
  tls::Files tls;
  std::string tls_server_name;
  std::string timeout = "10s";
  std::string output = "table";
  std::string color = "auto";
  bool no_color = false;
  bool quiet = false;
};

struct Session {
  const Settings& settings;
  Format format = Format::kTable;
  std::chrono::nanoseconds timeout{};
  UnixNs now = 0;
  Style style;
  Out& out;
  Notes& notes;

  Client connect() const { return {settings.server, timeout, settings.tls, settings.tls_server_name}; }
  // Says the error; the exit status it means.
  int fail(const Error& error) const;
};

// What main() hands to add_<command>(): a command sets `run` when it was chosen.
struct Commands {
  CLI::App& app;
  std::function<int(Session&)> run;
};

// Filters and time range as flags of a command.
struct Selection {
  FilterValues filter;
  std::string since;
  std::string until;
  bool benign = false;
};

void add_filter_flags(CLI::App& command, Selection& selection);
void add_time_flags(CLI::App& command, Selection& selection);
// Checks both; `range` may be null.
Result<std::string> resolve(const Selection& selection, UnixNs now, v1::TimeRange* range);

// Hidden benign endings and gaps in what was seen, to standard error.
void say_completeness(const Session& session, const v1::Completeness& completeness, bool one_may_show_benign = true);

void add_status(Commands& commands);
void add_resets(Commands& commands);
void add_why(Commands& commands);
void add_top(Commands& commands);
void add_heatmap(Commands& commands);
void add_incidents(Commands& commands);
void add_timeouts(Commands& commands);
void add_services(Commands& commands);
void add_sensors(Commands& commands);
void add_admin(Commands& commands);
void add_analyze(Commands& commands);
void add_config(Commands& commands);
void add_completion(Commands& commands);
void add_version(Commands& commands);
void add_help(Commands& commands);

// Within add_resets.
void add_resets_list(Commands& commands, CLI::App& resets);
void add_resets_watch(Commands& commands, CLI::App& resets);

}  // namespace rs::cli
