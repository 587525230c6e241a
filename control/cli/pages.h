// SPDX-License-Identifier: Apache-2.0
//
// Endings page by page: the next two pages are fetched side by side while the last ones are printed.
#pragma once

#include <functional>

#include "control/cli/client.h"

namespace rs::cli {

// Calls `take` with pages until `limit` endings were given (0: no limit), the end, or `take` returns false. Pages come
// oldest first, with request.last newest first; within a page the newest stands last. A page may hold fewer than asked
// for. The first page's completeness, which alone counts what is hidden, goes to *completeness.
Result<void> for_each_page(Client& client, v1::ListResetsRequest request, uint64_t limit,
                           const std::function<bool(const v1::ListResetsResponse& page)>& take,
                           v1::Completeness* completeness);

}  // namespace rs::cli
