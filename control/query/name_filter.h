// SPDX-License-Identifier: Apache-2.0
//
// Tests by what the names file calls an address. Stores know addresses only, so "site = fra1" becomes the networks and
// ports that have this site, less the more specific ones that have another; it agrees with model::Names::find. Pure,
// any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/model/filter.h"
#include "control/model/names.h"

namespace rs::query {

// One row a field: the table is parser and help.
struct NameField {
  std::string_view name;                               // "site", "client_site"
  bool client;                                         // of the client's address; else of the server's
  std::string_view (*value)(const model::NameEntry&);  // empty: the entry does not say
  std::string_view help;
};
std::span<const NameField> name_fields();

// What the names file has for it, each once, sorted. Views into `names`.
std::vector<std::string_view> known_values(const NameField& field, const model::Names& names);

// Endings whose address has one of `values`; an empty value: addresses for which the names file says nothing.
model::Filter name_test(const NameField& field, std::span<const std::string> values, const model::Names& names);

}  // namespace rs::query
