// SPDX-License-Identifier: Apache-2.0
//
// One ending as machines read it. The field table in event_fields.cc is the contract: JSON and CSV are both printed
// from it, in its order. A name never changes once released; new fields go to the end.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "control/cli/words.h"

namespace rs::cli {

struct EventField {
  enum class Kind : uint8_t {
    kWord,    // written as a string that needs no escaping
    kText,    // any text
    kRaw,     // number, true, false or null
    kNested,  // list or object, written as JSON
  };
  std::string_view name;
  Kind kind;
  void (*write)(std::string& out, const v1::Event& event);                // all but kText
  std::string_view (*text)(const v1::Event& event) = nullptr;             // kText
  void (*write_csv)(std::string& out, const v1::Event& event) = nullptr;  // kNested: absent means left out of CSV
};

std::span<const EventField> event_fields();

// One object without line end; `more` is appended before the closing brace, e.g. ",\"margin\":0.9".
void append_event_json(std::string& out, const v1::Event& event, std::string_view more = {});
void append_event_csv_header(std::string& out);
void append_event_csv(std::string& out, const v1::Event& event);

// "rst_ttl=57", or the bare name where the fact has no value.
void append_fact(std::string& out, const v1::Fact& fact);
bool fact_has_value(std::string_view name);

}  // namespace rs::cli
