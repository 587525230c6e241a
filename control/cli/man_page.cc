// SPDX-License-Identifier: Apache-2.0
#include "control/cli/man_page.h"

#include <algorithm>

#include "control/cli/help_format.h"

namespace rs::cli {
namespace {

using std::string;

constexpr char kOwnGroup[] = "Options";  // CLI11's name for flags without a group
constexpr char kFilterGroup[] = "Filters";
constexpr char kTimeGroup[] = "Time";

// Text as troff reads it: no requests, no escapes, and hyphens that can be copied.
string roff(const string& text) {
  string out;
  bool begin = true;
  for (const char c : text) {
    if (begin && (c == '.' || c == '\'')) out += "\\&";
    begin = c == '\n';
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

string capital(string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

string upper(string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

string sentence(const string& text) { return roff(capital(text)) + (text.ends_with('.') ? "\n" : ".\n"); }

void append_option(string& out, const CLI::Option* option) {
  out += ".TP\n";
  for (const string& name : option->get_snames()) out += "\\fB\\-" + roff(name) + "\\fR, ";
  out += "\\fB\\-\\-" + roff(option->get_lnames()[0]) + "\\fR";
  if (option->get_items_expected_max() > 0) out += " \\fI" + roff(option->get_type_name()) + "\\fR";
  out += "\n" + sentence(option->get_description());
  if (!option->get_default_str().empty() && option->get_items_expected_max() > 0)
    out += "Default: " + roff(option->get_default_str()) + ".\n";
}

void append_group(string& out, const CLI::App& app, const string& begins) {
  for (const CLI::Option* option : app.get_options())
    if (option->nonpositional() && !option->get_group().empty() && option->get_group().starts_with(begins))
      append_option(out, option);
}

bool has_group(const CLI::App& app, const string& begins) {
  const auto options = app.get_options();
  return std::ranges::any_of(options, [&](const CLI::Option* option) {
    return option->nonpositional() && !option->get_group().empty() && option->get_group().starts_with(begins);
  });
}

// Lines as they are: examples, lists.
void append_lines(string& out, const string& text) { out += ".nf\n" + roff(text) + "\n.fi\n"; }

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  std::vector<const CLI::App*> out;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_name().empty()) out.push_back(sub);
  return out;
}

void append_command(string& out, const CLI::App& app, const CLI::App** filtered) {
  const auto subs = commands_of(app);
  string usage = "\\fB" + roff(path_of(&app)) + "\\fR";
  for (const CLI::Option* option : app.get_options())
    if (option->get_positional()) {
      const string name = option->get_type_name().empty() ? upper(option->get_name()) : option->get_type_name();
      usage += option->get_required() ? " \\fI" + roff(name) + "\\fR" : " [\\fI" + roff(name) + "\\fR]";
      if (option->get_items_expected_max() > 2) usage += "...";
    }
  out += ".SS " + usage + "\n" + sentence(app.get_description());
  if (has_group(app, kFilterGroup)) *filtered = &app;
  if (has_group(app, kFilterGroup) || has_group(app, kTimeGroup))
    out += string("Takes the flags of ") + (has_group(app, kFilterGroup) ? "FILTERS" : "") +
           (has_group(app, kFilterGroup) && has_group(app, kTimeGroup) ? " and " : "") +
           (has_group(app, kTimeGroup) ? "TIME" : "") + " below.\n";
  append_group(out, app, kOwnGroup);
  if (!app.get_footer().empty()) {
    out += ".PP\n";
    append_lines(out, app.get_footer());
  }
  for (const CLI::App* sub : subs) append_command(out, *sub, filtered);
}

}  // namespace

string man_page(const CLI::App& app) {
  string out = ".TH RESETSCOPE 1 \"2026-11-21\" \"Resetscope " RS_VERSION "\" \"User Commands\"\n";
  out +=
      ".SH NAME\nresetscope \\- who reset this connection, at what point, and why\n"
      ".SH SYNOPSIS\n.B resetscope\n.I COMMAND\n.RI [ flags ]\n"
      ".SH DESCRIPTION\n"
      "Asks a Resetscope control plane, resetscope\\-control(8), about TCP connections that were reset, refused or "
      "timed\n"
      "out anywhere on the network, or reads capture files itself.\n"
      "Data goes to standard output, everything else to standard error.\n"
      "JSON output is one object a line, newest last; field names never change once released.\n"
      ".SH COMMANDS\n";
  const CLI::App* filtered = &app;
  for (const CLI::App* sub : commands_of(app)) append_command(out, *sub, &filtered);
  out +=
      ".SH FILTERS\nValues of one flag are alternatives, different flags must all hold.\n"
      "The same can be written as an expression; see \\fBresetscope help filter\\fR.\n";
  append_group(out, *filtered, kFilterGroup);
  out += ".SH TIME\n";
  append_group(out, *filtered, kTimeGroup);
  out += ".SH COMMON FLAGS\n";
  append_group(out, app, kCommonGroup);
  out +=
      ".SH ENVIRONMENT\n"
      "Every flag has a variable: RESETSCOPE_ and the flag's name in capitals, with _ for \\-.\n"
      "A flag on the command line wins.\n"
      ".TP\n.B RESETSCOPE_SERVER\nThe control plane, as \\fB\\-\\-server\\fR.\n"
      ".TP\n.B RESETSCOPE_TLS_CA, RESETSCOPE_TLS_CERT, RESETSCOPE_TLS_KEY\nPEM files for TLS.\n"
      ".TP\n.B RESETSCOPE_BIN_DIR\nWhere \\fBanalyze\\fR and \\fBconfig check\\fR find the other programs.\n"
      ".TP\n.B NO_COLOR\nAny value: no colour.\n"
      ".SH EXIT STATUS\n"
      ".TP\n.B 0\nDone.\n"
      ".TP\n.B 1\nError: the control plane cannot be reached or refuses, a file cannot be read, nothing found to "
      "explain.\n"
      ".TP\n.B 2\nBad usage: unknown flag or word, bad time, bad filter.\n"
      ".SH FILES\n.TP\n.I /run/resetscope/control.sock\nWhere the control plane listens by default.\n"
      ".SH EXAMPLES\n";
  append_lines(out,
               "resetscope analyze capture.pcap\n"
               "resetscope resets watch --severity problem,hostile\n"
               "resetscope why 10.0.1.7 10.0.2.9:8080\n"
               "resetscope heatmap --since 24h\n"
               "resetscope --server control.example:50061 --tls-ca ca.crt --tls-cert me.crt --tls-key me.key status");
  out += ".SH SEE ALSO\n.BR resetscope\\-control (8),\n.BR resetscope\\-sensor (8)\n";
  return out;
}

}  // namespace rs::cli
