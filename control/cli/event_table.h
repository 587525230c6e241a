// SPDX-License-Identifier: Apache-2.0
//
// Endings as people read them: one line each.
#pragma once

#include "control/cli/session.h"

namespace rs::cli {

// "10.0.2.9:8080", "[2001:db8::1]:443"; with a name from the names file "payments-db @ fra1 (10.0.2.9:8080)".
std::string endpoint_text(const v1::Endpoint& endpoint);
std::string service_text(const v1::Endpoint& endpoint);
std::string percent(double share);

// Columns of `resets list` and `resets watch`. `streaming` sets widths before the first row.
Table make_event_table(const Session& session, bool streaming);
void add_event(Table& table, const Session& session, const v1::Event& event);

// Endings in whatever format the session wants; used by list, watch and analyze.
class EventPrinter {
 public:
  EventPrinter(Session& session, bool streaming);
  void print(const v1::Event& event);
  // Writes what is buffered.
  void flush();

 private:
  Session& session_;
  Table table_;
  bool header_ = false;
};

}  // namespace rs::cli
