// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge.h"

#include <arpa/inet.h>

#include <algorithm>

#include "control/correlate/knowledge_fill.h"
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

using std::string;
using std::string_view;

// Below this a reason is worded as a guess. Our choice: two to one against is no longer an assertion.
constexpr double kProbablyBelow = 0.6;

bool probed(const model::Event& e) {
  return std::ranges::any_of(e.timeline, [](const model::Step& s) { return s.kind == StepKind::kKeepaliveProbe; });
}

// Where in the connection's life, with the leading blank.
string stage_phrase(const model::Event& e) {
  switch (e.stage) {
    case Stage::kSyn:
      return " at its first packet";
    case Stage::kSynAck:
      return " before the handshake was complete";
    case Stage::kEstablished:
      return " right after the handshake";
    case Stage::kRequest:
      return " before any answer to the request";
    case Stage::kExchange:
      return " in mid-exchange";
    case Stage::kIdle:
      // Probes are no silence, and end none: nothing was said for longer than since the last of them.
      return e.idle_ns == 0 || probed(e) ? " while it was idle" : " after " + duration_text(e.idle_ns) + " of silence";
    case Stage::kClosing:
      return " while it was being closed";
    case Stage::kClosed:
      return " after both sides had closed";
    case Stage::kMidstream:
      return " at a point unknown (its start was not seen)";
    case Stage::kUnknown:
      break;
  }
  return "";
}

string reset_phrase(const model::Event& e) {
  const string at = stage_phrase(e), client = endpoint_text(e.client), server = endpoint_text(e.server);
  switch (e.origin) {
    case Origin::kClient:
      return client + " reset its connection with " + server + at;
    case Origin::kServer:
      return server + " reset its connection with " + client + at;
    case Origin::kMiddlebox:
      return "A device on the path reset the connection of " + client + " with " + server + at;
    case Origin::kOffPath:
      return "Somebody off the path reset the connection of " + client + " with " + server + at;
    case Origin::kUnknown:
      break;
  }
  if (e.claimed_sender == Side::kUnknown) return "The connection of " + client + " with " + server + " was reset" + at;
  return "The connection of " + client + " with " + server + " was reset" + at + ", in the name of the " +
         (e.claimed_sender == Side::kClient ? "client" : "server");
}

string refused_phrase(const model::Event& e) {
  const string client = ip_text(e.client.ip), server = endpoint_text(e.server);
  switch (e.origin) {
    case Origin::kServer:
      return server + " refused " + client;
    case Origin::kMiddlebox:
      return "A device on the path refused " + client + " access to " + server;
    case Origin::kOffPath:
      return "Somebody off the path refused " + client + " access to " + server;
    case Origin::kClient:
      return client + " refused its own connection with " + server;
    case Origin::kUnknown:
      break;
  }
  return client + " was refused at " + server;
}

// What happened, whatever the reason.
string event_phrase(const model::Event& e) {
  const string client = endpoint_text(e.client), server = endpoint_text(e.server);
  switch (e.ending) {
    case Ending::kRefused:
      return refused_phrase(e);
    case Ending::kTimedOut:
      if (e.stage == Stage::kSyn) return ip_text(e.client.ip) + " got no answer from " + server;
      return "The connection of " + client + " with " + server + " died without a word" + stage_phrase(e);
    case Ending::kRejected:
      return ip_text(e.client.ip) + " was told that " + server + " cannot be reached";
    case Ending::kClosed:
      return "The connection of " + client + " with " + server + " was closed" + stage_phrase(e);
    case Ending::kReset:
      return reset_phrase(e);
    case Ending::kUnknown:
      break;
  }
  return "The connection of " + client + " with " + server + " ended" + stage_phrase(e);
}

// The published cause rests on what a message said.
bool rests_on_words(const model::Event& e) {
  return std::ranges::any_of(e.evidence, [](const model::Fact& fact) {
    return fact.weight > 0 && (is_said(fact.id) || fact.id == FactId::kAlertAfterHandshake);
  });
}

string worded(const string& meaning) {
  return printable(meaning) + (meaning == "tls.data=alert_size" ? ", an encrypted record of an alert's size" : "");
}

string last_meaning(const model::Event& e) {
  if (e.meanings.empty()) return {};
  if (rests_on_words(e)) {
    const auto telling = std::find_if(e.meanings.rbegin(), e.meanings.rend(),
                                      [](const string& meaning) { return meaning.find('=') != string::npos; });
    if (telling != e.meanings.rend() && telling != e.meanings.rbegin())
      return "; the message that tells was " + worded(*telling);
  }
  return "; the last message was " + worded(e.meanings.back());
}

// What TLS hides is HTTP as a rule.
bool saw_protocol(const model::Event& e, string_view protocol) {
  return std::ranges::any_of(e.meanings, [&](const string& meaning) {
    const string_view seen = string_view(meaning).substr(0, meaning.find('.'));
    return seen == protocol || (seen == "tls" && protocol == "http");
  });
}

bool fits(const Check& check, const CauseText& text, const model::Event& e) {
  if (check.protocol.empty()) return true;
  if (check.protocol != "other") return saw_protocol(e, check.protocol);
  return std::ranges::none_of(text.checks, [&](const Check& one) {
    return !one.protocol.empty() && one.protocol != "other" && saw_protocol(e, one.protocol);
  });
}

// Linux, BSD and macOS begin at 64, network devices at 255 or 64; nobody is more than 63 hops away.
bool looks_like_windows(const model::Event& event) {
  const model::Fact* ttl = find_fact(event, FactId::kRstTtl);
  return ttl != nullptr && ttl->value > 64 && ttl->value <= 128 &&
         (event.origin == Origin::kClient || event.origin == Origin::kServer);
}

// The sensor keeps the first few of many; the count is whole where the event is one connection's.
string untold_resets(const model::Event& event, const model::Step& last) {
  size_t told = 0;
  bool later = false;
  for (const model::Step& step : event.timeline) {
    told += step.kind == StepKind::kRst ? 1 : 0;
    later |= step.kind == StepKind::kRst && step.at_ns > last.at_ns;
  }
  if (later || told == 0 || event.count > 1 || event.rst_count <= told) return {};
  return ", " + std::to_string(event.rst_count - told) + " more follow";
}

}  // namespace

string summary(const model::Event& event) {
  const FillContext context{event};
  const CauseText& text = cause_text(event.cause);
  string out = text.what.empty() ? event_phrase(event) : fill(text.what, context);
  out += ": ";
  if (event.cause != Cause::kUnknown && event.confidence < kProbablyBelow) out += "probably ";
  out += fill(text.why, context);
  if (event.cause == Cause::kUnknown && event.second_cause != Cause::kUnknown) {
    string guess(cause_text(event.second_cause).title);
    const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    const bool acronym = guess.size() > 1 && upper(guess[1]);  // "SYN flood", "TLS failure"
    if (!guess.empty() && upper(guess[0]) && !acronym) guess[0] = static_cast<char>(guess[0] - 'A' + 'a');
    out += " (best guess: " + guess + ")";
  }
  if (!text.note.empty() && text.note_origin == event.origin && text.note_origin != Origin::kUnknown)
    out += " (" + fill(text.note, context) + ")";
  out += last_meaning(event);
  if (event.count > 1) out += " (" + std::to_string(event.count) + " such endings within a second)";
  out += '.';
  return out;
}

string fact_name(FactId id) {
  const string_view known = name(id);
  return known.empty() ? "fact_" + std::to_string(static_cast<unsigned>(id)) : string(known);
}

string fact_text(const model::Event& event, const model::Fact& fact) {
  const string_view text = fact_template(fact.id);
  if (text.empty())
    return "a fact newer than this program: " + fact_name(fact.id) + ", value " + std::to_string(fact.value);
  return fill(text, {event, &fact});
}

string step_text(const model::Event& event, const model::Step& step) {
  const string_view text = step_template(step.kind);
  if (text.empty()) return "a step newer than this program (" + std::to_string(static_cast<unsigned>(step.kind)) + ")";
  if (step.kind == StepKind::kDataSoFar && step.value == 0)
    return fill("{side} sends a bare acknowledgement (ACK)", {event, nullptr, &step});
  string out = fill(text, {event, nullptr, &step});
  if (step.kind == StepKind::kRst) out += untold_resets(event, step);
  return out;
}

Advice advice(const model::Event& event, Cause cause) {
  const FillContext context{event};
  const CauseText& text = cause_text(cause);
  Advice out;
  out.title = text.title;
  out.meaning = fill(text.meaning, context);
  out.whose_side = fill(text.whose_side, context);
  out.confused_with = fill(text.confused_with, context);
  bool on_actor = false;
  for (const Check& check : text.checks) {
    const string look_for = fill(check.look_for, context);
    if (look_for.empty() || !fits(check, text, event)) continue;
    string line = fill(check.command, context);
    line += line.empty() ? "# " : "   # ";
    if (check.where != "anywhere") line += "on " + fill(check.where, context) + ": ";
    out.check_first.push_back(line + look_for);
    on_actor |= !check.command.empty() && fill(check.where, context) == ip_text(acting_endpoint(event).ip);
  }
  if (on_actor && looks_like_windows(event))
    out.check_first.push_back("# on " + ip_text(acting_endpoint(event).ip) +
                              ": its TTL began at 128, as Windows' does: if so ask its event log, netstat -ano and "
                              "pktmon instead");
  out.usual_fix = fill(text.usual_fix, context);
  return out;
}

string ip_text(const model::Ip& ip) {
  char buffer[INET6_ADDRSTRLEN];
  const bool mapped =
      std::all_of(ip.begin(), ip.begin() + 10, [](uint8_t b) { return b == 0; }) && ip[10] == 0xff && ip[11] == 0xff;
  if (mapped)
    inet_ntop(AF_INET, ip.data() + 12, buffer, sizeof buffer);
  else
    inet_ntop(AF_INET6, ip.data(), buffer, sizeof buffer);
  return buffer;
}

string endpoint_text(const model::Endpoint& endpoint) {
  const string ip = ip_text(endpoint.ip);
  if (ip.find(':') != string::npos) return "[" + ip + "]:" + std::to_string(endpoint.port);
  return ip + ":" + std::to_string(endpoint.port);
}

}  // namespace rs::correlate
