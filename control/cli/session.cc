// SPDX-License-Identifier: Apache-2.0
#include "control/cli/session.h"

#include "control/cli/text.h"

namespace rs::cli {
namespace {

constexpr char kFilterGroup[] = "Filters (see: resetscope help filter)";

}  // namespace

int Session::fail(const Error& error) const {
  notes.error(error.text);
  return error.code == Code::kInvalid ? kBadUsage : kFailed;
}

void add_filter_flags(CLI::App& command, Selection& selection) {
  const auto flags = filter_flags();
  for (size_t i = 0; i < flags.size(); ++i) {
    const FilterFlag& flag = flags[i];
    const std::string name = "--" + std::string(flag.name);
    const char* kind = flag.value == FilterFlag::Value::kAddress ? "ADDRESS"
                       : flag.value == FilterFlag::Value::kPort  ? "PORT"
                                                                 : "NAME";
    // One value a flag, so that what follows is not swallowed; commas and repetition give more.
    command.add_option(name, selection.filter.wanted[i], std::string(flag.help))
        ->type_name(kind)
        ->delimiter(',')
        ->allow_extra_args(false)
        ->group(kFilterGroup);
    command
        .add_option("--not-" + std::string(flag.name), selection.filter.unwanted[i],
                    "what --not --" + std::string(flag.name) + " becomes")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->group("");
  }
  // Declared for --help; join_not() has taken every real one out before.
  command
      .add_flag_callback(
          "--not", [] {}, "turns the next filter flag round: --not --cause port_scan")
      ->group(kFilterGroup);
  command.add_option("--filter", selection.filter.raw, "expression of the filter language")
      ->type_name("EXPR")
      ->group(kFilterGroup);
  command.add_flag("--benign", selection.benign, "show benign endings, too")->group(kFilterGroup);
}

void add_time_flags(CLI::App& command, Selection& selection) {
  command.add_option("--since", selection.since, "from this time on: 15m, 2h, 3d ago, or 2026-11-21T10:43:18Z")
      ->type_name("TIME")
      ->group("Time");
  command.add_option("--until", selection.until, "up to this time")->type_name("TIME")->group("Time");
}

Result<std::string> resolve(const Selection& selection, UnixNs now, v1::TimeRange* range) {
  UnixNs since = 0, until = now;
  if (!selection.since.empty()) {
    auto ns = parse_when(selection.since, now);
    if (!ns) return Error{Code::kInvalid, "--since: " + ns.error().text};
    since = *ns;
    if (range != nullptr) *range->mutable_since() = to_timestamp(since);
  }
  if (!selection.until.empty()) {
    auto ns = parse_when(selection.until, now);
    if (!ns) return Error{Code::kInvalid, "--until: " + ns.error().text};
    until = *ns;
    if (range != nullptr) *range->mutable_until() = to_timestamp(until);
    if (until < since) return Error{Code::kInvalid, "--until lies before --since: nothing can be between them"};
  }
  return filter_text(selection.filter);
}

void say_completeness(const Session& session, const v1::Completeness& c, bool one_may_show_benign) {
  if (c.hidden_benign() > 0)
    session.notes.note("note: " + counted(c.hidden_benign(), "benign ending is", "benign endings are") + " left out" +
                       (one_may_show_benign ? "; --benign shows them." : "."));
  for (const std::string& note : c.notes()) session.notes.note("note: " + note);
  if (c.notes_size() != 0) return;
  if (c.missed_packets() > 0)
    session.notes.note("note: the sensors missed " + grouped(c.missed_packets()) + " of " +
                       counted(c.missed_packets() + c.received_packets(), "packet", "packets") +
                       "; something may be missing here.");
  if (c.lost_events() > 0)
    session.notes.note("note: " + counted(c.lost_events(), "ending was", "endings were") +
                       " lost before being stored.");
}

}  // namespace rs::cli
