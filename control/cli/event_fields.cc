// SPDX-License-Identifier: Apache-2.0
#include "control/cli/event_fields.h"

#include <algorithm>
#include <array>

#include "control/cli/text.h"

namespace rs::cli {
namespace {

using Event = v1::Event;
using Kind = EventField::Kind;
using std::string;
using std::string_view;

// Facts whose value says something; all others carry 1. Sorted; event_fields_test.cc compares with event.fbs.
constexpr string_view kFactsWithValue[] = {"age_whole_seconds",  "both_sides_reset",
                                           "client_bytes",       "data_after_fin",
                                           "ended_together",     "faster_than_sender",
                                           "fin_at_end_of_idle", "icmp_code",
                                           "idle_known_default", "idle_ms",
                                           "idle_whole_seconds", "ip_id_breaks",
                                           "ip_id_continues",    "keepalive_probes",
                                           "late_handshake",     "mirror_duplicate",
                                           "mptcp_reason",       "outer_ttl",
                                           "peer_alive_after",   "peer_data_in_flight",
                                           "peer_reset_too",     "ports_tried",
                                           "probe_interval_ms",  "reaction_us",
                                           "regular_client",     "relayed_reset",
                                           "reordered",          "repeat_interval_ms",
                                           "repeated_rst",       "request_unanswered",
                                           "retransmissions",    "rst_fields_vary",
                                           "rst_payload",        "rst_segment_ladder",
                                           "rst_seq_ladder",     "rst_ttl",
                                           "rst_window",         "scanner_syn",
                                           "sender_continued",   "sender_repeated",
                                           "seq_behind_sender",  "seq_in_window",
                                           "seq_out_of_window",  "served_before",
                                           "served_others",      "server_bytes",
                                           "servers_together",   "syn_ack_resent",
                                           "syn_retries",        "ttl_differs_from_sender",
                                           "ttl_off_by_one",     "ttl_step",
                                           "tunnelled",          "tuple_closed_before",
                                           "unacked_inbound",    "unanswered_handshakes",
                                           "window_reason_code", "zero_window"};
static_assert(std::ranges::is_sorted(kFactsWithValue));

void append_bool(string& out, bool value) { out += value ? "true" : "false"; }

// 0: not measured.
void append_milliseconds(string& out, const google::protobuf::Duration& value) {
  if (value.seconds() == 0 && value.nanos() == 0) {
    out += "null";
    return;
  }
  append_decimal(out, static_cast<double>(value.seconds()) * 1e3 + static_cast<double>(value.nanos()) / 1e6);
}

template <class List, class Write>
void append_list(string& out, const List& list, Write write) {
  out += '[';
  bool first = true;
  for (const auto& item : list) {
    if (!first) out += ',';
    first = false;
    write(item);
  }
  out += ']';
}

// Milliseconds from the first packet; the timeline's own times are absolute.
double since_start_ms(const Event& e, const v1::Step& step) {
  return static_cast<double>(step.time().seconds() - e.start().seconds()) * 1e3 +
         static_cast<double>(step.time().nanos() - e.start().nanos()) / 1e6;
}

void write_evidence(string& out, const Event& e) {
  append_list(out, e.evidence(), [&](const v1::Fact& fact) {
    string text;
    append_fact(text, fact);
    append_json_string(out, text);
  });
}

void write_evidence_csv(string& out, const Event& e) {
  string text;
  for (const v1::Fact& fact : e.evidence()) {
    if (!text.empty()) text += ' ';
    append_fact(text, fact);
  }
  append_csv(out, text);
}

void write_evidence_detail(string& out, const Event& e) {
  append_list(out, e.evidence(), [&](const v1::Fact& fact) {
    out += "{\"fact\":";
    append_json_string(out, fact.name());
    out += ",\"value\":";
    append_number(out, static_cast<int64_t>(fact.value()));
    out += ",\"weight\":";
    append_decimal(out, fact.weight());
    out += ",\"text\":";
    append_json_string(out, fact.text());
    out += '}';
  });
}

void write_meanings(string& out, const Event& e) {
  append_list(out, e.meanings(), [&](const string& text) { append_json_string(out, text); });
}

void write_meanings_csv(string& out, const Event& e) {
  string text;
  for (const string& meaning : e.meanings()) text.append(text.empty() ? "" : " ").append(meaning);
  append_csv(out, text);
}

void write_exemplars(string& out, const Event& e) {
  append_list(out, e.exemplars(), [&](const v1::Exemplar& x) {
    out += "{\"time\":\"";
    append_rfc3339(out, x.time());
    out += "\",\"client_ip\":";
    append_json_string(out, x.client().ip());
    out += ",\"client_port\":";
    append_number(out, uint64_t{x.client().port()});
    out += '}';
  });
}

void write_timeline(string& out, const Event& e) {
  append_list(out, e.timeline(), [&](const v1::Step& step) {
    out += "{\"ms\":";
    append_decimal(out, since_start_ms(e, step));
    out += ",\"kind\":\"";
    out += word(step.kind());
    out += "\",\"side\":\"";
    out += word(step.side());
    out += "\",\"value\":";
    append_number(out, uint64_t{step.value()});
    out += ",\"text\":";
    append_json_string(out, step.text());
    out += '}';
  });
}

void write_sightings(string& out, const Event& e) {
  append_list(out, e.sightings(), [&](const v1::Sighting& s) {
    out += "{\"sensor\":";
    append_json_string(out, s.sensor());
    out += ",\"time\":\"";
    append_rfc3339(out, s.time());
    out += "\"}";
  });
}

bool start_known(const Event& e) { return e.start().seconds() != 0 || e.start().nanos() != 0; }

void write_start(string& out, const Event& e) {
  if (!start_known(e)) {
    out += "null";
    return;
  }
  out += '"';
  append_rfc3339(out, e.start());
  out += '"';
}

#define RS_WORD(field) [](string& out, const Event& e) { out += word(e.field()); }
#define RS_TEXT(expression) nullptr, [](const Event& e) -> string_view { return e.expression; }
#define RS_COUNT(expression) [](string& out, const Event& e) { append_number(out, uint64_t{e.expression}); }
#define RS_BOOL(field) [](string& out, const Event& e) { append_bool(out, e.field()); }
#define RS_SHARE(field) [](string& out, const Event& e) { append_decimal(out, e.field()); }

constexpr EventField kFields[] = {
    {"time", Kind::kWord, [](string& out, const Event& e) { append_rfc3339(out, e.time()); }},
    {"client_ip", Kind::kText, RS_TEXT(client().ip())},
    {"client_port", Kind::kRaw, RS_COUNT(client().port())},
    {"server_ip", Kind::kText, RS_TEXT(server().ip())},
    {"server_port", Kind::kRaw, RS_COUNT(server().port())},
    {"claimed_sender", Kind::kWord, RS_WORD(claimed_sender)},
    {"origin", Kind::kWord, RS_WORD(origin)},
    {"stage", Kind::kWord, RS_WORD(stage)},
    {"cause", Kind::kWord, RS_WORD(cause)},
    {"family", Kind::kWord, RS_WORD(family)},
    {"severity", Kind::kWord, RS_WORD(severity)},
    {"confidence", Kind::kRaw, RS_SHARE(confidence)},
    {"second_cause", Kind::kWord, RS_WORD(second_cause)},
    {"second_confidence", Kind::kRaw, RS_SHARE(second_confidence)},
    {"evidence", Kind::kNested, write_evidence, nullptr, write_evidence_csv},
    {"idle_seconds", Kind::kRaw, [](string& out, const Event& e) { append_seconds(out, e.idle()); }},
    {"count", Kind::kRaw, RS_COUNT(count())},
    {"zeek_state", Kind::kWord, RS_WORD(zeek_state)},
    {"sensor", Kind::kText, RS_TEXT(sensor())},
    {"one_sided", Kind::kRaw, RS_BOOL(one_sided)},
    {"summary", Kind::kText, RS_TEXT(summary())},
    {"id", Kind::kText, RS_TEXT(id())},
    {"ending", Kind::kWord, RS_WORD(ending)},
    {"evidence_detail", Kind::kNested, write_evidence_detail},
    {"cloudflare_stage", Kind::kWord, RS_WORD(cloudflare_stage)},
    {"linux_reason", Kind::kWord, RS_WORD(linux_reason)},
    {"rst_count", Kind::kRaw, RS_COUNT(rst_count())},
    {"client_bytes", Kind::kRaw, RS_COUNT(client_bytes())},
    {"server_bytes", Kind::kRaw, RS_COUNT(server_bytes())},
    {"lost_bytes", Kind::kRaw, RS_COUNT(lost_bytes())},
    {"start", Kind::kNested, write_start, nullptr,
     [](string& out, const Event& e) {
       if (start_known(e)) append_rfc3339(out, e.start());
     }},
    {"midstream", Kind::kRaw, RS_BOOL(midstream)},
    {"client_guessed", Kind::kRaw, RS_BOOL(client_guessed)},
    {"meanings", Kind::kNested, write_meanings, nullptr, write_meanings_csv},
    {"server_name", Kind::kText, RS_TEXT(server_name())},
    {"exemplars", Kind::kNested, write_exemplars},
    {"timeline", Kind::kNested, write_timeline},
    {"rtt_client_ms", Kind::kRaw, [](string& out, const Event& e) { append_milliseconds(out, e.rtt_client()); }},
    {"rtt_server_ms", Kind::kRaw, [](string& out, const Event& e) { append_milliseconds(out, e.rtt_server()); }},
    {"client_packets", Kind::kRaw, RS_COUNT(client_packets())},
    {"server_packets", Kind::kRaw, RS_COUNT(server_packets())},
    {"lossy", Kind::kRaw, RS_BOOL(lossy)},
    {"network_tag", Kind::kRaw, RS_COUNT(network_tag())},
    {"client_host", Kind::kText, RS_TEXT(client().name())},
    {"client_site", Kind::kText, RS_TEXT(client().site())},
    {"service", Kind::kText, RS_TEXT(server().name())},
    {"server_site", Kind::kText, RS_TEXT(server().site())},
    {"sightings", Kind::kNested, write_sightings},
    {"incident", Kind::kText, RS_TEXT(incident_id())},
    {"incident_kind", Kind::kWord, RS_WORD(incident_kind)},
    {"revised_cause", Kind::kWord, RS_WORD(revised_cause)},
    {"revised_origin", Kind::kWord, RS_WORD(revised_origin)},
    {"revised_reason", Kind::kText, RS_TEXT(revised_reason())},
    {"root_event", Kind::kText, RS_TEXT(root_event_id())},
    {"location", Kind::kText, RS_TEXT(location().text())},
};

// {"first": and ,"others": ready to append.
std::vector<string> json_keys() {
  std::vector<string> keys;
  for (const EventField& field : kFields)
    keys.push_back(string(keys.empty() ? "{\"" : ",\"").append(field.name).append("\":"));
  return keys;
}

bool in_csv(const EventField& field) { return field.kind != Kind::kNested || field.write_csv != nullptr; }

}  // namespace

std::span<const EventField> event_fields() { return kFields; }

bool fact_has_value(string_view name) { return std::ranges::binary_search(kFactsWithValue, name); }

void append_fact(string& out, const v1::Fact& fact) {
  out += fact.name();
  // 0 or 1 is "it is so"; a fact newer than this program shows any other value.
  if ((fact.value() == 0 || fact.value() == 1) && !fact_has_value(fact.name())) return;
  out += '=';
  append_number(out, static_cast<int64_t>(fact.value()));
}

void append_event_json(string& out, const Event& event, string_view more) {
  static const std::vector<string> keys = json_keys();
  for (size_t i = 0; i < std::size(kFields); ++i) {
    const EventField& field = kFields[i];
    out += keys[i];
    if (field.kind == Kind::kText) {
      append_json_string(out, field.text(event));
    } else if (field.kind == Kind::kWord) {
      out += '"';
      field.write(out, event);
      out += '"';
    } else {
      field.write(out, event);
    }
  }
  out += more;
  out += '}';
}

void append_event_csv_header(string& out) {
  bool first = true;
  for (const EventField& field : kFields) {
    if (!in_csv(field)) continue;
    if (!first) out += ',';
    first = false;
    out += field.name;
  }
}

void append_event_csv(string& out, const Event& event) {
  bool first = true;
  for (const EventField& field : kFields) {
    if (!in_csv(field)) continue;
    if (!first) out += ',';
    first = false;
    if (field.kind == Kind::kText)
      append_csv(out, field.text(event));
    else if (field.kind == Kind::kNested)
      field.write_csv(out, event);
    else
      field.write(out, event);
  }
}

}  // namespace rs::cli
