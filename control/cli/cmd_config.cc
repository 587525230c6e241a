// SPDX-License-Identifier: Apache-2.0
//
// `resetscope config`: checks and prints configuration files, by asking the very programs that read them.
#include <fstream>
#include <set>

#include "control/cli/process.h"
#include "control/cli/session.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

using std::string;

constexpr const char* kControl = "control";
constexpr const char* kSensor = "sensor";
constexpr const char* kNames = "names";

// Whose file it is, by sections that only one program knows; empty: cannot be told.
string kind_of(const string& path) {
  static const std::set<string> kOfSensor = {
      "sensor:", "capture:", "flow:", "track:", "context:", "event:", "export:", "spool:"};
  static const std::set<string> kOfControl = {"server:", "store:", "tls:", "access:", "alerts:", "names:"};
  static const std::set<string> kOfNames = {"networks:", "taps:"};
  std::ifstream in(path);
  for (string line; std::getline(in, line);) {
    const string word = line.substr(0, line.find(':') == string::npos ? 0 : line.find(':') + 1);
    if (kOfSensor.contains(word)) return kSensor;
    if (kOfControl.contains(word)) return kControl;
    if (kOfNames.contains(word)) return kNames;
  }
  return "";
}

Result<std::vector<string>> command_for(const string& path, string kind) {
  if (kind.empty()) kind = kind_of(path);
  if (kind.empty() && !std::ifstream(path)) return Error{Code::kNotFound, path + ": cannot be read"};
  if (kind.empty())
    return Error{Code::kInvalid, path + ": not clear whose configuration this is; say --for control, sensor or names"};
  const bool sensor = kind == kSensor;
  auto program =
      sensor ? find_program("resetscope-sensor", "../../dataplane") : find_program("resetscope-control", "..");
  if (!program) return program.error();
  return std::vector<string>{*program, kind == kNames ? "--names" : "--config", path, "--check-config"};
}

int check(const std::vector<string>& files, const string& kind, Session& session) {
  int status = kDone;
  for (const string& file : files) {
    const auto argv = command_for(file, kind);
    if (!argv) {
      const int worse = session.fail(argv.error());
      status = std::max(status, worse);
      continue;
    }
    auto child = Process::start({*argv, false, false});
    if (!child) return session.fail(child.error());
    while (child->read_errors()) {
    }
    if (child->wait() == 0) {
      session.out.line(file + ": good");
      continue;
    }
    string said = child->error_text();
    while (said.ends_with('\n')) said.pop_back();
    session.notes.error(said.empty() ? file + ": refused without a reason" : printable(said));
    status = kFailed;
  }
  return status;
}

}  // namespace

void add_config(Commands& commands) {
  CLI::App* config = commands.app.add_subcommand("config", "check configuration files");
  config->require_subcommand(1);
  CLI::App* one = config->add_subcommand("check", "check files as the programs that read them would");
  auto files = std::make_shared<std::vector<string>>();
  auto kind = std::make_shared<string>();
  one->add_option("FILE", *files, "configuration of the control plane, of a sensor, or names file")
      ->type_name("FILE")
      ->required();
  one->add_option("--for", *kind, "control, sensor or names; told from the file if not given")
      ->type_name("PROGRAM")
      ->check(CLI::IsMember({kControl, kSensor, kNames}).description(""));
  one->footer(
      "Nothing is started or changed. Errors name file, line and reason, and the exit status is 1. The whole file is\n"
      "refused, as it would be at a start or a reload.\n"
      "\n"
      "Examples:\n"
      "  resetscope config check /etc/resetscope/*.yaml\n"
      "  resetscope-control --print-config      every key of the control plane, with its default\n"
      "  resetscope-sensor --sample-config      likewise of a sensor");
  one->callback([&commands, files, kind] {
    commands.run = [files, kind](Session& session) { return check(*files, *kind, session); };
  });
}

}  // namespace rs::cli
