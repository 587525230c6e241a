// SPDX-License-Identifier: Apache-2.0
#include "control/cli/explain.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "control/cli/event_fields.h"
#include "control/cli/event_table.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

using std::string;

constexpr size_t kIndent = 2;
constexpr double kLeastShown = 0.01;       // a second guess below that is none
constexpr double kLeastExplained = 0.095;  // from what is printed as 10 % on it is worth a second look

void heading(string& out, std::string_view text, const Style& style) {
  out += '\n';
  out += painted(text, Paint::kBold, style);
  out += '\n';
}

void paragraph(string& out, std::string_view title, std::string_view text, const Style& style) {
  if (text.empty()) return;
  heading(out, title, style);
  append_wrapped(out, text, kIndent, style);
}

string number(const char* format, double value) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

string pad_left(const string& text, size_t width) {
  const size_t used = display_width(text);
  return used >= width ? text : string(width - used, ' ') + text;
}

// Milliseconds since the connection's start, readable over eight orders of magnitude.
string offset_text(const v1::Event& event, const v1::Step& step) {
  const double ms =
      static_cast<double>(to_ns(step.time()) - to_ns(event.has_start() ? event.start() : event.timeline(0).time())) /
      1e6;
  if (std::fabs(ms) < 1e4) return number("%+.3f ms", ms);
  return number("%+.3f s", ms / 1e3);
}

void append_timeline(string& out, const v1::Event& event, const Style& style) {
  if (event.timeline_size() == 0) return;
  heading(out, "What happened (time since the first packet)", style);
  const string client = endpoint_text(event.client()), server = endpoint_text(event.server());
  const char* to_server = style.unicode ? "→" : "->";
  const char* to_client = style.unicode ? "←" : "<-";
  append_wrapped(out, client + " is the client, " + server + " the server.", kIndent, style);
  for (const v1::Step& step : event.timeline()) {
    const bool rst = step.kind() == v1::STEP_KIND_RST;
    const string arrow = step.side() == v1::SIDE_CLIENT ? to_server : to_client;
    const string ends = "  client " + arrow + " server  ";
    string line = pad_left(offset_text(event, step), 16);
    line += step.side() == v1::SIDE_UNKNOWN ? string(display_width(ends), ' ') : ends;  // what is no packet of theirs
    line += step.text().empty() ? string(word(step.kind())) : step.text();
    out += painted(printable(line), rst ? paint_of(event.severity()) : Paint::kNone, style);
    out += '\n';
  }
}

void append_facts(string& out, std::string_view title, std::vector<const v1::Fact*> facts, const Style& style) {
  if (facts.empty()) return;
  std::ranges::stable_sort(
      facts, [](const v1::Fact* a, const v1::Fact* b) { return std::fabs(a->weight()) > std::fabs(b->weight()); });
  heading(out, title, style);
  for (const v1::Fact* fact : facts) {
    const string weight = fact->weight() == 0 ? "" : number("%+.2f", fact->weight());
    string text = fact->text();
    if (text.empty()) append_fact(text, *fact);
    out +=
        painted(printable(pad_left(weight, 8) + "  " + text), fact->weight() == 0 ? Paint::kDim : Paint::kNone, style);
    out += '\n';
  }
}

// What weighs nothing and only says again what another line says, or that a test did not apply. Lists in JSON have it.
bool is_repeat(const v1::Event& event, const v1::Fact& fact) {
  struct Row {
    std::string_view name;
    std::array<std::string_view, 3> said_by;  // the first empty: the verdict's own rows say it
  };
  static constexpr Row kRows[] = {
      {"client_bytes", {}},
      {"server_bytes", {}},
      {"tos_unmarked", {}},
      {"rst_ttl", {"ttl_matches_sender", "ttl_differs_from_sender", "ttl_off_by_one"}},
      {"fin_from_client", {"fin_from_rst_sender", "fin_from_peer"}},
      {"fin_from_server", {"fin_from_rst_sender", "fin_from_peer"}},
      {"retransmissions", {"sender_repeated"}},
      {"idle_ms", {"fin_at_end_of_idle", "keepalive_probes", "sender_repeated"}},
      {"idle_whole_seconds", {"keepalive_probes"}},
      {"age_whole_seconds", {"idle_whole_seconds", "keepalive_probes", "sender_repeated"}},
  };
  if (fact.weight() != 0) return false;
  if (fact.name() == "idle_ms" && fact.value() < 1000) return true;  // a pause: how soon the RST came tells more
  if (fact.name() == "acked_all")                                    // of nothing
    return (event.claimed_sender() == v1::SIDE_CLIENT ? event.server_bytes() : event.client_bytes()) == 0;
  const auto* row = std::ranges::find(kRows, fact.name(), &Row::name);
  if (row == std::end(kRows)) return false;
  if (row->said_by[0].empty()) return true;
  return std::ranges::any_of(event.evidence(), [&](const v1::Fact& other) {
    return !other.name().empty() && std::ranges::find(row->said_by, other.name()) != row->said_by.end();
  });
}

void append_evidence(string& out, const v1::Event& event, const Style& style) {
  std::vector<const v1::Fact*> speak_for, against, neutral;
  for (const v1::Fact& fact : event.evidence())
    if (!is_repeat(event, fact))
      (fact.weight() > 0 ? speak_for : fact.weight() < 0 ? against : neutral).push_back(&fact);
  append_facts(out, "What speaks for it (weights are natural log-odds)", speak_for, style);
  append_facts(out, "What speaks against it", against, style);
  append_facts(out, "Also seen", neutral, style);
}

// "Sent by", with what the address says where that is not the same.
string who_text(const v1::Event& event) {
  const string claimed =
      event.claimed_sender() == v1::SIDE_UNKNOWN ? "" : "the " + string(word(event.claimed_sender()));
  switch (event.origin()) {
    case v1::ORIGIN_CLIENT:
      return "the client itself";
    case v1::ORIGIN_SERVER:
      return "the server itself";
    case v1::ORIGIN_MIDDLEBOX:
      return "a device on the path" + (claimed.empty() ? "" : ", in the name of " + claimed);
    case v1::ORIGIN_OFF_PATH:
      return "somebody off the path" + (claimed.empty() ? "" : ", in the name of " + claimed);
    default:
      return "not certain" + (claimed.empty() ? "" : "; it bears the address of " + claimed);
  }
}

string silent_text(v1::Origin origin) {
  if (origin == v1::ORIGIN_MIDDLEBOX) return "a device on the path";
  return origin == v1::ORIGIN_CLIENT ? "the client" : "the server";
}

void append_row(string& out, std::string_view label, std::string_view text) {
  if (text.empty()) return;
  out.append(kIndent, ' ').append(label).append(label.size() < 14 ? 14 - label.size() : 1, ' ');
  out += printable(text);
  out += '\n';
}

// What correlation adds to the sensor's verdict.
void append_context(string& out, const v1::Event& e) {
  string revised;
  if (e.revised_cause() != v1::CAUSE_UNKNOWN) revised += word(e.revised_cause());
  if (e.revised_origin() != v1::ORIGIN_UNKNOWN)
    revised.append(revised.empty() ? "" : ", ").append("sent by the ").append(word(e.revised_origin()));
  if (!revised.empty())
    append_row(out, "in context", revised + (e.revised_reason().empty() ? "" : ": " + e.revised_reason()));
  if (!e.incident_id().empty()) append_row(out, "incident", string(word(e.incident_kind())) + " " + e.incident_id());
  if (!e.root_event_id().empty()) append_row(out, "root", "resetscope why " + e.root_event_id());
  if (e.has_location()) append_row(out, "where", e.location().text());
  string seen;
  for (int i = 1; i < e.sightings_size(); ++i) seen.append(i == 1 ? "" : ", ").append(e.sightings(i).sensor());
  if (!seen.empty()) append_row(out, "seen too by", seen);
}

void append_verdict(string& out, const v1::Explanation& x) {
  const v1::Event& e = x.event();
  out += '\n';
  append_row(
      out, "cause",
      string(word(e.cause())) + ", confidence " + percent(e.confidence()) + (e.confidence() < 0.6 ? " (a guess)" : ""));
  if (e.second_cause() != v1::CAUSE_UNKNOWN && e.second_confidence() >= kLeastShown)
    append_row(out, "second guess",
               string(word(e.second_cause())) + (x.second().title().empty() ? "" : " (" + x.second().title() + ")") +
                   ", confidence " + percent(e.second_confidence()) + "; margin " +
                   std::to_string(std::lround(x.margin() * 100)) + " points" +
                   (x.margin() < 0.1 ? ", too close to call" : ""));
  if (e.ending() != v1::ENDING_TIMED_OUT)
    append_row(out, "sent by", who_text(e));
  else if (e.origin() != v1::ORIGIN_UNKNOWN)
    append_row(out, "fell silent", e.origin() == v1::ORIGIN_OFF_PATH ? who_text(e) : silent_text(e.origin()));
  append_row(out, "stage",
             string(word(e.stage())) + ", ending " + string(word(e.ending())) +
                 (e.cause() == v1::CAUSE_BLIND_RST_ATTEMPT ? " (without effect)" : "") + ", severity " +
                 string(word(e.severity())));
  append_row(out, "when",
             when_text(e.time()) + " UTC, seen by " +
                 (e.sensor().empty() ? string("an unnamed sensor") : "sensor " + e.sensor()) +
                 (e.count() > 1 ? "; stands for " + counted(e.count(), "ending", "endings") : ""));
  append_context(out, e);
  string data = "client " + bytes_text(e.client_bytes()) + ", server " + bytes_text(e.server_bytes());
  if (e.lost_bytes() > 0) data += "; " + bytes_text(e.lost_bytes()) + " sent and never acknowledged";
  append_row(out, "data", data);
  const int64_t rtt_client = e.rtt_client().seconds() * 1'000'000'000 + e.rtt_client().nanos();
  const int64_t rtt_server = e.rtt_server().seconds() * 1'000'000'000 + e.rtt_server().nanos();
  const auto rtt = [](int64_t ns) { return ns > 0 ? duration_text(ns) : string("unknown"); };
  if (rtt_client > 0 || rtt_server > 0)
    append_row(out, "round trips", "client " + rtt(rtt_client) + ", server " + rtt(rtt_server));
  append_row(out, "asked for", e.server_name());
  string meanings;
  for (const string& meaning : e.meanings()) meanings.append(meanings.empty() ? "" : ", ").append(meaning);
  append_row(out, "messages", meanings);
  string limits;
  if (e.one_sided()) limits += "only one direction was captured; ";
  if (e.midstream()) limits += "the start was not seen; ";
  if (e.client_guessed()) limits += "which end is the client is a guess; ";
  if (e.lossy()) limits += "the sensor missed packets then; ";
  if (!limits.empty()) append_row(out, "limits", limits.substr(0, limits.size() - 2));
  append_row(out, "elsewhere",
             "Zeek " + string(word(e.zeek_state())) + ", Cloudflare " + string(word(e.cloudflare_stage())) +
                 (e.linux_reason() == v1::LINUX_REASON_NONE ? "" : ", Linux " + string(word(e.linux_reason()))));
  append_row(out, "event", e.id());
}

// Each line a comment of the shell's, so that the whole block can be pasted.
void append_remark(string& out, const string& remark, const Style& style) {
  string wrapped;
  append_wrapped(wrapped, remark, kIndent + 2, style);
  for (size_t at = 0; at < wrapped.size(); at = wrapped.find('\n', at) + 1) wrapped[at + kIndent] = '#';
  out += wrapped;
}

void append_commands(string& out, const v1::Advice& advice, const Style& style) {
  if (advice.check_first_size() == 0) return;
  heading(out, "Check first", style);
  for (const string& line : advice.check_first()) {
    // "command   # remark": the remark goes above its command, where it can wrap and the command can be copied alone.
    const size_t at = line.find("# ");
    const string remark = at == string::npos ? "" : line.substr(at + 2);
    const string command = line.substr(0, std::min(line.find_last_not_of(' ', at == string::npos ? at
                                                                              : at == 0          ? 0
                                                                                                 : at - 1) +
                                                       1,
                                                   line.size()));
    if (!remark.empty()) append_remark(out, remark, style);
    if (!command.empty() && at != 0) out += "  " + painted(printable(command), Paint::kBold, style) + "\n";
  }
}

void append_advice_json(string& out, const v1::Advice& a) {
  out += "{\"cause\":\"";
  out += word(a.cause());
  const auto member = [&](std::string_view name, std::string_view text) {
    out.append(",\"").append(name).append("\":");
    append_json_string(out, text);
  };
  out += '"';
  member("title", a.title());
  member("meaning", a.meaning());
  member("whose_side", a.whose_side());
  member("confused_with", a.confused_with());
  out += ",\"check_first\":[";
  for (int i = 0; i < a.check_first_size(); ++i) {
    if (i != 0) out += ',';
    append_json_string(out, a.check_first(i));
  }
  out += ']';
  member("usual_fix", a.usual_fix());
  out += '}';
}

}  // namespace

void append_explanation(string& out, const v1::Explanation& x, const Style& style) {
  const v1::Event& e = x.event();
  append_wrapped(out, e.summary().empty() ? "The control plane sent no summary." : e.summary(), 0, style);
  append_verdict(out, x);
  append_timeline(out, e, style);
  append_evidence(out, e, style);
  const v1::Advice& advice = x.advice();
  paragraph(out, advice.title().empty() ? "What it means" : "What it means: " + advice.title(), advice.meaning(),
            style);
  paragraph(out, "Whose side", advice.whose_side(), style);
  paragraph(out, "Easily confused with", advice.confused_with(), style);
  if (x.has_second() && e.second_confidence() >= kLeastExplained && !x.second().title().empty())
    paragraph(out, "If it is not that: " + x.second().title() + " (" + percent(e.second_confidence()) + ")",
              x.second().meaning(), style);
  append_commands(out, advice, style);
  paragraph(out, "Usual fix", advice.usual_fix(), style);
}

void append_explanation_json(string& out, const v1::Explanation& x) {
  string more = ",\"margin\":";
  append_decimal(more, x.margin());
  more += ",\"advice\":";
  append_advice_json(more, x.advice());
  more += ",\"second_advice\":";
  if (x.has_second())
    append_advice_json(more, x.second());
  else
    more += "null";
  append_event_json(out, x.event(), more);
}

}  // namespace rs::cli
