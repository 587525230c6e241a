// SPDX-License-Identifier: Apache-2.0
//
// Denominators for "per 1,000 connections": connections attempted, by the same key as the endings.
#pragma once

#include <map>
#include <string>

#include "control/query/request.h"
#include "control/store/store.h"

namespace rs::query {

struct Attempts {
  std::map<store::Key, double> by_key;
  double total = 0;
};

// Dimension: service, server_ip, server_network or port, the ones that service statistics know. The filter's parts
// about the server choose the denominators; its parts about the ending (cause, stage ...) choose only what is
// counted above them; parts about clients are refused, since nobody counted connections by client.
Result<Attempts> attempts(const Parts& parts, store::Dimension by, const model::Filter& filter,
                          const store::TimeRange& range, const store::Patience& patience);

}  // namespace rs::query
