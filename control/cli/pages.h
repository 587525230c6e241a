// SPDX-License-Identifier: Apache-2.0
//
// Endings page by page: the next page is fetched while the last is printed.
#pragma once

#include <functional>

#include "control/cli/client.h"

namespace rs::cli {

inline constexpr uint32_t kMostPerPage = 10'000;  // query.proto, ListResetsRequest.page_size

// Calls `take` with pages, oldest first, until `limit` endings were given (0: no limit), the end, or `take` returns
// false. The completeness of the last page stays in *completeness. The request's page size and token are set here.
Result<void> for_each_page(Client& client, v1::ListResetsRequest request, uint64_t limit,
                           const std::function<bool(const v1::ListResetsResponse& page)>& take, v1::Completeness* completeness);

}  // namespace rs::cli
