// SPDX-License-Identifier: Apache-2.0
//
// What one row of a rollup of service statistics holds: all services of one sensor in one bucket of time, packed, in
// the order of their keys. A sensor reports them together, and they are read together. Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/store/sqlite/columns.h"

namespace rs::store::sqlite {

struct ServiceSum {
  Served key;
  // attempted, established, closed_cleanly, refused, reset, timed_out, client_bytes, server_bytes, lost_bytes
  std::array<uint64_t, 9> counts{};
};

void encode_services(const std::vector<ServiceSum>& sums, std::string& out);
// False when the bytes are damaged. Replaces what `out` holds.
bool decode_services(std::string_view bytes, std::vector<ServiceSum>& out);
// Adds `more` into `into`; both in order, and so is the result. Equal keys in `more` are added, too.
void merge_services(const std::vector<ServiceSum>& more, std::vector<ServiceSum>& into);

}  // namespace rs::store::sqlite
