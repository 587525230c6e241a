// SPDX-License-Identifier: Apache-2.0
//
// `resetscope admin`: what operators change at a running control plane, and who changed what.
#include "control/cli/session.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

using std::string;

int set_log_level(const string& level, Session& session) {
  Client client = session.connect();
  v1::SetLogLevelRequest request;
  request.set_level(level);
  v1::SetLogLevelResponse response;
  if (auto done = client.call(&Client::OperationStub::SetLogLevel, request, &response); !done)
    return session.fail(done.error());
  string& out = session.out.buffer();
  if (session.format == Format::kJson) {
    out += "{\"level\":";
    append_json_string(out, level);
    out += ",\"before\":";
    append_json_string(out, response.before());
    out += "}\n";
  } else {
    out.append("log level is now ").append(level).append("; it was ").append(response.before()).append("\n");
  }
  session.out.flush();
  return kDone;
}

void append_list(string& out, const string& name, const google::protobuf::RepeatedPtrField<string>& list) {
  append_json_string(out, name);
  out += ":[";
  for (int i = 0; i < list.size(); ++i) {
    if (i != 0) out += ',';
    append_json_string(out, list[i]);
  }
  out += ']';
}

int reload(Session& session) {
  Client client = session.connect();
  v1::ReloadResponse response;
  if (auto done = client.call(&Client::OperationStub::Reload, v1::ReloadRequest{}, &response); !done)
    return session.fail(done.error());
  string& out = session.out.buffer();
  if (session.format == Format::kJson) {
    out += '{';
    append_list(out, "changed", response.changed());
    out += ',';
    append_list(out, "restart", response.restart());
    out += "}\n";
  } else {
    out += "the configuration was read again\n";
    for (const string& key : response.changed()) out.append("took effect      ").append(key).append("\n");
    for (const string& key : response.restart()) out.append("needs a restart  ").append(key).append("\n");
  }
  session.out.flush();
  return kDone;
}

void append_json(string& out, const v1::AuditEntry& e) {
  out += "{\"time\":\"";
  append_rfc3339(out, e.time());
  out += '"';
  for (const auto& [name, value] : {std::pair<const char*, const string&>("who", e.who()),
                                    {"from", e.from()},
                                    {"action", e.action()},
                                    {"detail", e.detail()}}) {
    out.append(",\"").append(name).append("\":");
    append_json_string(out, value);
  }
  out.append(",\"allowed\":").append(e.allowed() ? "true" : "false").append(",\"outcome\":");
  append_json_string(out, e.outcome());
  out += "}\n";
}

int audit(uint32_t last, Session& session) {
  Client client = session.connect();
  v1::ListAuditRequest request;
  request.set_limit(last);
  v1::ListAuditResponse response;
  if (auto done = client.call(&Client::OperationStub::ListAudit, request, &response); !done)
    return session.fail(done.error());
  string& out = session.out.buffer();
  if (session.format == Format::kJson) {
    for (const v1::AuditEntry& e : response.entries()) append_json(out, e);
  } else if (session.format == Format::kCsv) {
    out += "time,who,from,action,detail,allowed,outcome\n";
    for (const v1::AuditEntry& e : response.entries()) {
      append_rfc3339(out, e.time());
      for (const string* value : {&e.who(), &e.from(), &e.action(), &e.detail()}) {
        out += ',';
        append_csv(out, *value);
      }
      out.append(e.allowed() ? ",true," : ",false,");
      append_csv(out, e.outcome());
      out += '\n';
    }
  } else if (response.entries_size() != 0) {
    Table table({{"time"}, {"who", false, 8}, {"from", false, 8}, {"action"}, {"outcome", false, 20}}, session.style);
    for (const v1::AuditEntry& e : response.entries())
      table.add({{when_text(e.time())},
                 {e.who()},
                 {e.from()},
                 {e.action() + (e.detail().empty() ? "" : " " + e.detail())},
                 {e.outcome(), e.allowed() ? Paint::kNone : Paint::kProblem}});
    table.render(out);
  }
  session.out.flush();
  if (response.entries_size() == 0) session.notes.note("Nothing has been changed since the control plane started.");
  return kDone;
}

}  // namespace

void add_admin(Commands& commands) {
  CLI::App* admin =
      commands.app.add_subcommand("admin", "for operators: change things while the control plane runs, read who did");
  admin->require_subcommand(1);
  admin->footer(
      "These need the role operator, which a certificate with the organisational unit resetscope-operator gives, or\n"
      "access.operators in the configuration; whoever may use the Unix socket has it, too.");

  CLI::App* level = admin->add_subcommand("log-level", "change how much the control plane logs, until it restarts");
  auto wanted = std::make_shared<string>();
  level->add_option("LEVEL", *wanted, "debug, info, warn or error")->type_name("LEVEL")->required();
  level->callback(
      [&commands, wanted] { commands.run = [wanted](Session& session) { return set_log_level(*wanted, session); }; });

  CLI::App* again = admin->add_subcommand("reload", "have configuration, names file and audit log opened again");
  again->footer("The same as SIGHUP. A faulty configuration changes nothing and is an error here.");
  again->callback([&commands] { commands.run = [](Session& session) { return reload(session); }; });

  CLI::App* who = admin->add_subcommand("audit", "who changed what, and who was refused, newest last");
  auto last = std::make_shared<uint32_t>(100);
  who->add_option("--last", *last, "the newest N")
      ->type_name("N")
      ->check(CLI::Range(1U, 1000U).description(""))
      ->capture_default_str();
  who->footer("The control plane keeps the newest 1,000 in memory; access.audit names a file that keeps all.");
  who->callback([&commands, last] { commands.run = [last](Session& session) { return audit(*last, session); }; });
}

}  // namespace rs::cli
