// SPDX-License-Identifier: Apache-2.0
//
// `resetscope help [topic]`: the filter language, exit statuses and environment, which no single command's --help has.
#include "control/cli/man_page.h"
#include "control/cli/session.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

using std::string;

constexpr char kFilterHead[] =
    "THE FILTER LANGUAGE\n"
    "\n"
    "An expression says which endings to look at. It is the same in --filter, in the API and on the web page.\n"
    "\n"
    "  field = value      field != value      field < value   <=   >   >=\n"
    "  field in (value, value, ...)           field in 10.0.0.0/8\n"
    "  ... and ...        ... or ...          not ...         ( ... )\n"
    "\n"
    "  cause = port_closed and server_ip in 10.0.0.0/8\n"
    "  (origin = middlebox or origin = off_path) and not stage = syn\n"
    "  severity >= problem and idle > 5m\n"
    "  site = fra1 and not client_site = fra1 and owner in (\"network team\", storage)\n"
    "  server_name = \"shop.example.com\" and confidence < 0.6\n"
    "\n"
    "FIELDS\n"
    "\n"
    "  client_ip, server_ip, ip      address or network; ip is either end\n"
    "  client_port, server_port      number of the port\n"
    "  port                          either end's\n"
    "  site, service, owner, role    the server's, from the names file; client_site and so on: the client's\n"
    "  cause, second_cause           why it ended; the second guess\n"
    "  family, origin, stage, ending words, see below\n"
    "  severity, claimed_sender      words, see below\n"
    "  sensor, server_name           text, in quotes when it has other than letters, digits, . and -\n"
    "  confidence                    0 to 1\n"
    "  count                         endings the row stands for\n"
    "  idle                          silence before the end: 500ms, 30s, 5m\n"
    "  one_sided, midstream          yes or no\n"
    "  tag                           VLAN or tunnel number\n"
    "\n"
    "WORDS\n"
    "\n";

constexpr char kFilterTail[] =
    "\n"
    "FLAGS\n"
    "\n"
    "Filter flags are a shorter way to write the same. Values of one flag are alternatives, different flags must all\n"
    "hold, and --not turns the next flag round:\n"
    "\n"
    "  --client-ip 10.0.0.0/8 --port 80,443 --not --cause client_cancel\n"
    "  client_ip in 10.0.0.0/8 and port in (80, 443) and not cause = client_cancel\n"
    "\n"
    "Benign endings are left out unless --benign is given; a note says how many there were.\n";

constexpr char kEnvironment[] =
    "ENVIRONMENT\n"
    "\n"
    "Every flag has a variable: RESETSCOPE_ and the flag's name in capitals with _ for -. A flag on the command line "
    "wins.\n"
    "\n"
    "  RESETSCOPE_SERVER=unix:/run/resetscope/control.sock\n"
    "  RESETSCOPE_OUTPUT=json\n"
    "  RESETSCOPE_TIMEOUT=30s\n"
    "  RESETSCOPE_TLS_CA=/etc/resetscope/ca.crt    likewise RESETSCOPE_TLS_CERT and RESETSCOPE_TLS_KEY\n"
    "  RESETSCOPE_BIN_DIR    where analyze and config check find resetscope-sensor and resetscope-control\n"
    "  NO_COLOR              any value: no colour\n";

constexpr char kExit[] =
    "EXIT STATUS\n"
    "\n"
    "  0  done\n"
    "  1  error: the control plane cannot be reached, a file cannot be read, nothing found to explain\n"
    "  2  bad usage: unknown flag or word, bad time, bad filter\n"
    "\n"
    "Data goes to standard output, everything else to standard error.\n";

template <class E>
void append_words(string& out, std::string_view field, const Style& style) {
  string list;
  for (const string& word : words<E>()) list.append(list.empty() ? "" : ", ").append(word);
  out.append("  ").append(field).append("\n");
  append_wrapped(out, list, 6, style);
}

string filter_help(const Style& style) {
  string out = kFilterHead;
  append_words<v1::Severity>(out, "severity (in this order)", style);
  append_words<v1::Origin>(out, "origin", style);
  append_words<v1::Stage>(out, "stage", style);
  append_words<v1::Ending>(out, "ending", style);
  append_words<v1::Family>(out, "family", style);
  append_words<v1::Side>(out, "claimed_sender", style);
  append_words<v1::Cause>(out, "cause", style);
  return out + kFilterTail;
}

int run(CLI::App& app, const std::vector<string>& topic, Session& session) {
  if (topic.empty()) {
    session.out.write(app.help());
    return kDone;
  }
  if (topic.size() == 1 && topic[0] == "filter")
    session.out.write(filter_help(session.style));
  else if (topic.size() == 1 && topic[0] == "environment")
    session.out.write(kEnvironment);
  else if (topic.size() == 1 && topic[0] == "exit")
    session.out.write(kExit);
  else if (topic.size() == 1 && topic[0] == "man")  // for the build, which installs it
    session.out.write(man_page(app));
  else {
    CLI::App* at = &app;
    for (const string& name : topic) {
      const auto subs = at->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == name; });
      CLI::App* next = subs.empty() ? nullptr : subs.front();
      if (next == nullptr)
        return session.fail({Code::kInvalid, "there is no help on \"" + name +
                                                 "\"; topics: filter, environment, exit, and every command"});
      at = next;
    }
    session.out.write(at->help());
  }
  return kDone;
}

}  // namespace

void add_help(Commands& commands) {
  CLI::App* help = commands.app.add_subcommand("help", "help on a command, or on: filter, environment, exit");
  auto topic = std::make_shared<std::vector<string>>();
  help->add_option("topic", *topic, "command or topic");
  help->callback([&commands, topic] {
    commands.run = [topic, &app = commands.app](Session& session) { return run(app, *topic, session); };
  });
}

}  // namespace rs::cli
