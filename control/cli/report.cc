// SPDX-License-Identifier: Apache-2.0
#include "control/cli/report.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "control/cli/event_table.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

std::string rate_text(double per_second, std::string_view unit) {
  char buffer[64];
  if (per_second >= 1e6)
    std::snprintf(buffer, sizeof buffer, "%.1f million %.*s/s", per_second / 1e6, static_cast<int>(unit.size()),
                  unit.data());
  else
    std::snprintf(buffer, sizeof buffer, "%s %.*s/s", grouped(static_cast<uint64_t>(per_second)).c_str(),
                  static_cast<int>(unit.size()), unit.data());
  return buffer;
}

std::string seconds_text(double seconds) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, seconds < 10 ? "%.2f s" : "%.0f s", seconds);
  return buffer;
}

// The sensor's outcomes of a packet (dataplane/packet/view.h) as they come in its health report.
constexpr std::string_view kTcpCounters[] = {"tracked", "mirror_duplicate", "table_full"};
constexpr std::string_view kUnreadableCounters[] = {"unsupported_link", "short_link", "short_ip",   "short_tunnel",
                                                    "bad_ipv4",         "bad_ipv6",   "bad_tunnel", "too_many_headers",
                                                    "too_many_tunnels", "bad_tcp",    "short_tcp",  "bad_records"};

uint64_t sum(const v1::Sensor& sensor, std::span<const std::string_view> names) {
  uint64_t total = 0;
  for (const std::string_view name : names)
    if (const auto found = sensor.counters().find(std::string(name)); found != sensor.counters().end())
      total += found->second;
  return total;
}

}  // namespace

Totals totals_of(const v1::ListSensorsResponse& sensors, const v1::ListServicesResponse& services,
                 const v1::TopResponse& endings) {
  Totals t;
  for (const v1::Sensor& s : sensors.sensors()) {
    t.packets += s.received_packets();
    t.bytes += s.received_bytes();
    t.missed += s.missed_packets();
    t.lost_events += s.lost_events() + s.ring_dropped_events();
    t.tcp_packets += sum(s, kTcpCounters);
    t.unreadable += sum(s, kUnreadableCounters);
  }
  for (const v1::Service& s : services.services()) {
    t.attempted += s.attempted();
    t.established += s.established();
    t.closed_cleanly += s.closed_cleanly();
    t.lost_bytes += s.lost_bytes();
  }
  t.at_least = static_cast<uint32_t>(services.services_size()) >= kMostServices;
  const auto count = [&](v1::Ending ending) {
    for (const v1::TopRow& row : endings.rows())
      if (row.keys_size() == 1 && row.keys(0) == word(ending)) return static_cast<uint64_t>(std::max(0.0, row.value()));
    return uint64_t{0};
  };
  t.refused = count(v1::ENDING_REFUSED);
  t.reset = count(v1::ENDING_RESET);
  t.timed_out = count(v1::ENDING_TIMED_OUT);
  t.rejected = count(v1::ENDING_REJECTED);
  t.closed = count(v1::ENDING_CLOSED);
  return t;
}

void append_totals(std::string& out, const Totals& t, const std::string& what, double seconds, const Style& style) {
  const auto row = [&](std::string_view label, const std::string& text) {
    out += painted(label, Paint::kBold, style);
    out.append(label.size() < 13 ? 13 - label.size() : 1, ' ');
    out += printable(text);
    out += '\n';
  };
  row("Read", what + ": " + counted(t.packets, "packet", "packets") + ", " + grouped(t.tcp_packets) + " of them TCP, " +
                  bytes_text(t.bytes));
  if (seconds > 0)
    row("Speed", seconds_text(seconds) + ", " + rate_text(static_cast<double>(t.packets) / seconds, "packets"));
  row("Connections", (t.at_least ? "at least " : "") + grouped(t.attempted) + " attempted, " + grouped(t.established) +
                         " established, " + grouped(t.closed_cleanly) + " closed cleanly");
  row("Endings", grouped(t.reset) + " reset, " + grouped(t.refused) + " refused, " + grouped(t.timed_out) +
                     " timed out" + (t.rejected > 0 ? ", " + grouped(t.rejected) + " rejected by ICMP" : "") +
                     (t.closed > 0 ? ", " + grouped(t.closed) + " closed by a timer" : "") +
                     (t.lost_bytes > 0 ? "; " + bytes_text(t.lost_bytes) + " sent and never acknowledged" : ""));
  if (t.unreadable > 0) row("Unreadable", counted(t.unreadable, "packet", "packets") + " (--stats says why)");
  if (t.missed > 0) row("Missed", counted(t.missed, "packet was", "packets were") + " not read");
  if (t.lost_events > 0) row("Lost", counted(t.lost_events, "ending was", "endings were") + " found but lost");
}

void append_top(std::string& out, std::string_view title, const v1::TopResponse& top, const Style& style) {
  if (top.rows_size() == 0) return;
  out += '\n';
  Table table({{title, false, 20}, {"endings", true}, {"share", true}, {"mostly"}, {"by"}}, style);
  for (const v1::TopRow& row : top.rows())
    table.add({{row.keys_size() == 0 ? "" : row.keys(0)},
               {grouped(static_cast<uint64_t>(std::max(0.0, row.value())))},
               {percent(row.share())},
               {std::string(word(row.top_cause()))},
               {std::string(word(row.top_origin()))}});
  table.render(out);
}

void append_counters(std::string& out, const v1::ListSensorsResponse& sensors) {
  for (const v1::Sensor& sensor : sensors.sensors()) {
    Table table({{"counter"}, {"value", true}}, Style{});
    for (const auto& [name, value] :
         std::map<std::string, uint64_t>(sensor.counters().begin(), sensor.counters().end()))
      table.add({{name}, {grouped(value)}});
    table.render(out);
  }
}

std::string progress_line(uint64_t done, uint64_t total, uint64_t packets, double seconds, size_t width) {
  std::string tail = "  " + counted(packets, "packet", "packets");
  if (seconds > 0.5) tail += "  " + rate_text(static_cast<double>(packets) / seconds, "packets");
  if (total == 0) return fitted(tail.substr(2), width);
  const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
  char percent_text[16];
  std::snprintf(percent_text, sizeof percent_text, " %3.0f%%", share * 100);
  const size_t used = 2 + 5 + tail.size();
  const size_t bar = width > used + 10 ? std::min<size_t>(width - used, 40) : 10;
  const auto full = static_cast<size_t>(share * static_cast<double>(bar));
  return fitted("[" + std::string(full, '#') + std::string(bar - full, '-') + "]" + percent_text + tail, width);
}

}  // namespace rs::cli
