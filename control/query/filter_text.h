// SPDX-License-Identifier: Apache-2.0
//
// The one filter language: text -> typed tree, the same in API, command line and web page. Pure, any thread.
//
//   expression  = term { "or" term }          term = factor { "and" factor }
//   factor      = "not" factor | "(" expression ")" | test
//   test        = field operator value | field ["not"] "in" ( "(" value { "," value } ")" | network )
//               | yes/no field
//   operator    = "=" | "!=" | "<" | "<=" | ">" | ">="
//
// Fields are those of an event (model/filter.h) and those of the names file (name_filter.h).
//
// Words are case-insensitive, text in quotes is taken as it stands ("\"" and "\\" escape). Examples:
//   cause = port_closed and server_ip in 10.0.0.0/8 and not stage = syn
//   severity >= problem or idle >= 5m
//   site = fra1 and not client_site = fra1
#pragma once

#include <string>
#include <string_view>

#include "control/model/filter.h"
#include "control/model/names.h"
#include "proto/result.h"

namespace rs::query {

inline constexpr size_t kMaxFilterBytes = 8192;   // our choice: a list of two hundred networks fits
inline constexpr size_t kMaxFilterDepth = 64;     // our choice: nobody nests deeper; keeps recursion small
inline constexpr size_t kMaxFilterValues = 1024;  // tests and list members together; a store binds each one

// Empty or blank text is the filter that lets everything through. Errors are Code::kInvalid and read
// "filter, column 7: unknown field "casue"; did you mean cause?". `names`: what site, service, owner and role mean,
// as of now.
Result<model::Filter> parse_filter(std::string_view text, const model::Names& names = {});

// The fields, operators and names of the language as a text for people.
std::string filter_help();

}  // namespace rs::query
