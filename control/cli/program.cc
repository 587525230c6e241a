// SPDX-License-Identifier: Apache-2.0
#include "control/cli/program.h"

#include <algorithm>
#include <csignal>
#include <cstring>

#include "control/cli/help_format.h"
#include "control/cli/session.h"

namespace rs::cli {
namespace {

using std::string;

void add_common_flags(CLI::App& app, Settings& settings) {
  app.add_option("--server", settings.server, "control plane: unix:/path or host:port")
      ->type_name("ADDRESS")
      ->group(kCommonGroup)
      ->capture_default_str();
  app.add_option("--tls-ca", settings.tls.ca, "certificate of the CA; a host:port is then spoken to with TLS")
      ->type_name("FILE")
      ->group(kCommonGroup);
  app.add_option("--tls-cert", settings.tls.cert, "our certificate")->type_name("FILE")->group(kCommonGroup);
  app.add_option("--tls-key", settings.tls.key, "its private key")->type_name("FILE")->group(kCommonGroup);
  app.add_option("--tls-server-name", settings.tls_server_name, "name in the server's certificate, if not its host's")
      ->type_name("NAME")
      ->group(kCommonGroup);
  app.add_option("--timeout", settings.timeout, "longest wait for an answer")
      ->type_name("TIME")
      ->group(kCommonGroup)
      ->capture_default_str();
  app.add_option("-o,--output", settings.output, "table, wide, json or csv")
      ->type_name("FORMAT")
      ->group(kCommonGroup)
      ->capture_default_str();
  app.add_option("--color", settings.color, "auto, always or never")
      ->type_name("WHEN")
      ->group(kCommonGroup)
      ->capture_default_str();
  app.add_flag("--no-color", settings.no_color, "same as --color never")->group(kCommonGroup);
  app.add_flag("-q,--quiet", settings.quiet, "no notes on standard error, only errors")->group(kCommonGroup);
}

// RESETSCOPE_CLIENT_IP for --client-ip, and so on for every flag that help shows.
void name_variables(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option->get_group().empty()) continue;
    string name = option->get_lnames()[0];
    if (name == "help" || name == "not") continue;
    std::ranges::transform(name, name.begin(), [](char c) {
      return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    option->envname("RESETSCOPE_" + name);
  }
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) name_variables(*sub);
}

void configure(CLI::App& app) {
  app.formatter(std::make_shared<HelpFormatter>());
  // Only the program's own help flag is listed, with the common flags.
  app.set_help_flag("-h,--help", "this text")->group(app.get_parent() == nullptr ? kCommonGroup : "");
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) {
    sub->fallthrough();
    configure(*sub);
  }
}

Result<Format> parse_format(const string& text) {
  if (text == "table") return Format::kTable;
  if (text == "wide") return Format::kWide;
  if (text == "json") return Format::kJson;
  if (text == "csv") return Format::kCsv;
  return Error{Code::kInvalid, "--output: \"" + text + "\" is not one of table, wide, json and csv"};
}

Result<ColorMode> parse_color(const Settings& settings) {
  if (settings.no_color || settings.color == "never") return ColorMode::kNever;
  if (settings.color == "always") return ColorMode::kAlways;
  if (settings.color == "auto") return ColorMode::kAuto;
  return Error{Code::kInvalid, "--color: \"" + settings.color + "\" is not one of auto, always and never"};
}

// The command that was being parsed, for "see ... --help".
string chosen_path(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return path_of(at);
}

int usage_error(const CLI::App& app, const Notes& notes, string text) {
  if (!text.empty() && text.back() != '.' && text.back() != '?') text += '.';
  notes.error(text + " See: " + chosen_path(app) + " --help");
  return kBadUsage;
}

string unexpected_argument(const CLI::App& app) {
  const auto rest = app.remaining(true);
  if (rest.empty()) return "an argument was not expected";
  std::vector<string> known;
  const CLI::App* at = &app;
  if (rest[0].starts_with("-")) {
    for (;;) {
      for (const CLI::Option* option : at->get_options())
        for (const string& name : option->get_lnames()) known.push_back("--" + name);
      if (at->get_subcommands().empty()) break;
      at = at->get_subcommands().front();
    }
    const string near = nearest(rest[0].substr(0, rest[0].find('=')), known);
    return "unknown flag " + rest[0] + (near.empty() ? "" : "; did you mean " + near + "?");
  }
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  for (const CLI::App* sub : at->get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(sub->get_name());
  const string near = nearest(rest[0], known);
  return (known.empty() ? "unexpected argument \"" : "unknown command \"") + rest[0] + "\"" +
         (near.empty() ? "" : "; did you mean " + near + "?");
}

// What is missing by its name in the help: a command by those there are.
string missing(const CLI::App& app, const string& otherwise) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  for (const CLI::Option* option : at->get_options())
    if (option->get_positional() && option->get_required() && option->count() == 0)
      return (option->get_type_name().empty() ? option->get_description() : option->get_type_name()) + " is missing";
  string names;
  for (const CLI::App* sub : at->get_subcommands([](const CLI::App*) { return true; }))
    names.append(names.empty() ? "" : ", ").append(sub->get_name());
  return names.empty() ? otherwise : "a command is missing: " + names;
}

}  // namespace

int run_program(std::vector<string> args, int out_fd, int err_fd) {
  // A reader that goes away is seen as a failed write; the default would kill us with work to clean up.
  std::signal(SIGPIPE, SIG_IGN);
  Settings settings;
  CLI::App app("Who reset this connection, at what point, and why.", "resetscope");
  Commands commands{app, {}};
  add_status(commands);
  add_resets(commands);
  add_why(commands);
  add_top(commands);
  add_heatmap(commands);
  add_incidents(commands);
  add_timeouts(commands);
  add_services(commands);
  add_sensors(commands);
  add_analyze(commands);
  add_admin(commands);
  add_config(commands);
  add_completion(commands);
  add_version(commands);
  add_help(commands);
  configure(app);
  add_common_flags(app, settings);
  name_variables(app);
  app.set_version_flag("--version", "resetscope " RS_VERSION, "version of this program")->group(kCommonGroup);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  resetscope analyze capture.pcap\n"
      "  resetscope resets watch --severity problem,hostile\n"
      "  resetscope why 10.0.1.7 10.0.2.9:8080\n"
      "  resetscope incidents --since 24h\n"
      "\n"
      "Exit status: 0 done, 1 error, 2 bad usage. Every flag has a variable (resetscope help environment).");

  Out out(out_fd);
  const Notes errors(err_fd, false);
  auto joined = join_not(std::move(args));
  if (!joined) return usage_error(app, errors, joined.error().text);
  std::ranges::reverse(*joined);  // CLI11 takes them from the back
  try {
    app.parse(*joined);
  } catch (const CLI::CallForHelp&) {
    const CLI::App* at = &app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    out.write(at->help());
    return kDone;
  } catch (const CLI::CallForVersion& version) {
    out.write(string(version.what()) + "\n");
    return kDone;
  } catch (const CLI::ExtrasError&) {
    return usage_error(app, errors, unexpected_argument(app));
  } catch (const CLI::RequiredError& error) {
    return usage_error(app, errors,
                       app.remaining(true).empty() ? missing(app, error.what()) : unexpected_argument(app));
  } catch (const CLI::ParseError& error) {
    return usage_error(app, errors, error.what());
  }

  Notes notes(err_fd, settings.quiet);
  const auto format = parse_format(settings.output);
  if (!format) return usage_error(app, errors, format.error().text);
  const auto color = parse_color(settings);
  if (!color) return usage_error(app, errors, color.error().text);
  const auto timeout = parse_duration(settings.timeout);
  if (!timeout) return usage_error(app, errors, "--timeout: " + timeout.error().text);
  const UnixNs now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  Session session{settings, *format, *timeout, now, style_of(out_fd, *color), out, notes};
  const int status = commands.run(session);
  out.flush();
  if (out.error() != 0) {
    notes.error(string("cannot write the answer: ") + std::strerror(out.error()));
    return kFailed;
  }
  return status;
}

}  // namespace rs::cli
