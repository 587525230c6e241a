// SPDX-License-Identifier: Apache-2.0
#include "control/cli/event_table.h"

#include <algorithm>
#include <cmath>

#include "control/cli/event_fields.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

std::string idle_text(const v1::Event& event) {
  const auto& idle = event.idle();
  if (idle.seconds() <= 0 && idle.nanos() < 1'000'000) return "";
  return duration_text(idle.seconds() * 1'000'000'000 + idle.nanos());
}

// Without a name in the way of the eye: an unknown origin is told by whose address the packet bears.
std::string who_text(const v1::Event& event) {
  if (event.ending() == v1::ENDING_TIMED_OUT && event.origin() == v1::ORIGIN_UNKNOWN)
    return "-";  // nobody sent anything
  if (event.origin() != v1::ORIGIN_UNKNOWN || event.claimed_sender() == v1::SIDE_UNKNOWN)
    return std::string(word(event.origin()));
  return std::string(word(event.claimed_sender())) + "?";
}

// The sensor's cause; in brackets the one that an incident, a proxy chain or other taps give it.
std::string cause_text(const v1::Event& event) {
  std::string text(word(event.cause()));
  if (event.revised_cause() != v1::CAUSE_UNKNOWN && event.revised_cause() != event.cause())
    text.append(" (").append(word(event.revised_cause())).append(")");
  return text;
}

// Below this width the year and the milliseconds go.
constexpr size_t kShortTimeBelow = 120;
bool short_time(const Session& session) { return session.style.width != 0 && session.style.width < kShortTimeBelow; }

std::string time_cell(const Session& session, const v1::Event& event) {
  const std::string text = when_text(event.time());
  return short_time(session) ? text.substr(5, 14) : text;
}

}  // namespace

std::string endpoint_text(const v1::Endpoint& endpoint) {
  const bool ipv6 = endpoint.ip().find(':') != std::string::npos;
  return (ipv6 ? "[" + endpoint.ip() + "]" : endpoint.ip()) + ":" + std::to_string(endpoint.port());
}

std::string service_text(const v1::Endpoint& endpoint) {
  if (endpoint.name().empty()) return endpoint_text(endpoint);
  return endpoint.name() + (endpoint.site().empty() ? "" : " @ " + endpoint.site()) + " (" + endpoint_text(endpoint) +
         ")";
}

std::string percent(double share) {
  const double clamped = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
  const long rounded = std::lround(clamped * 100);
  return rounded == 0 && clamped > 0 ? "<1%" : std::to_string(rounded) + "%";
}

Table make_event_table(const Session& session, bool streaming) {
  const auto preset = [&](size_t width) { return streaming ? width : 0; };
  std::vector<Column> columns = {
      {"when (UTC)", false, 0, preset(short_time(session) ? 14 : 23)},
      {"service", false, 12, preset(22)},
      {"client", false, 12, preset(22)},
      {"cause", false, 10, preset(22)},
      {"who", false, 0, preset(9)},
      {"stage", false, 0, preset(11)},
      {"conf", true},
      {"count", true, 0, preset(5)},
  };
  if (session.format == Format::kWide)
    for (const Column& column : {Column{"ending", false, 0, preset(9)}, Column{"severity", false, 0, preset(8)},
                                 Column{"second", false, 10, preset(22)}, Column{"idle", true, 0, preset(9)},
                                 Column{"zeek", false, 0, preset(6)}, Column{"sensor", false, 6, preset(8)},
                                 Column{"incident", false, 0, preset(13)}, Column{"id", false, 0, preset(16)},
                                 Column{"summary", false, 30, 0}})
      columns.push_back(column);
  return {std::move(columns), session.style};
}

void add_event(Table& table, const Session& session, const v1::Event& event) {
  const Paint paint = paint_of(event.severity());
  std::vector<Cell> row = {
      {time_cell(session, event), Paint::kDim},
      {service_text(event.server())},
      {endpoint_text(event.client())},
      {cause_text(event), paint},
      {who_text(event)},
      {std::string(word(event.stage()))},
      {percent(event.confidence())},
      {grouped(event.count())},
  };
  if (session.format == Format::kWide) {
    std::string second;
    if (event.second_cause() != v1::CAUSE_UNKNOWN)
      second = std::string(word(event.second_cause())) + " " + percent(event.second_confidence());
    row.insert(row.end(), {{std::string(word(event.ending()))},
                           {std::string(word(event.severity())), paint},
                           {second},
                           {idle_text(event)},
                           {std::string(word(event.zeek_state()))},
                           {event.sensor()},
                           {event.incident_id().empty() ? "" : std::string(word(event.incident_kind()))},
                           {event.id()},
                           {event.summary()}});
  }
  table.add(std::move(row));
}

EventPrinter::EventPrinter(Session& session, bool streaming)
    : session_(session), table_(make_event_table(session, streaming)) {
  // A watcher sees at once that it is connected.
  if (streaming && (session.format == Format::kTable || session.format == Format::kWide))
    table_.start(session.out.buffer());
}

void EventPrinter::print(const v1::Event& event) {
  std::string& out = session_.out.buffer();
  switch (session_.format) {
    case Format::kJson:
      append_event_json(out, event);
      out += '\n';
      break;
    case Format::kCsv:
      if (!header_) {
        append_event_csv_header(out);
        out += '\n';
        header_ = true;
      }
      append_event_csv(out, event);
      out += '\n';
      break;
    case Format::kTable:
    case Format::kWide:
      add_event(table_, session_, event);
      return;
  }
  session_.out.maybe_flush();
}

void EventPrinter::flush() {
  std::string& out = session_.out.buffer();
  if (session_.format == Format::kTable || session_.format == Format::kWide) table_.render(out);
  if (session_.format == Format::kCsv && !header_) {
    append_event_csv_header(out);
    out += '\n';
    header_ = true;
  }
  session_.out.flush();
}

}  // namespace rs::cli
