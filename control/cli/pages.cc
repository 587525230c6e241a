// SPDX-License-Identifier: Apache-2.0
#include "control/cli/pages.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <future>

namespace rs::cli {
namespace {

// A page lives in an arena: thousands of small messages are freed at once.
struct Page {
  google::protobuf::Arena arena;
  v1::ListResetsResponse* response = google::protobuf::Arena::CreateMessage<v1::ListResetsResponse>(&arena);
  Result<void> result;
};

std::unique_ptr<Page> fetch(Client& client, const v1::ListResetsRequest& request) {
  auto page = std::make_unique<Page>();
  page->result = client.call(&Client::Stub::ListResets, request, page->response);
  return page;
}

// Of 500, 1,000, 2,000 and pages that grow from 1,000 to 10,000, this took least time (14,000 endings, both ends on one
// machine): the first lines come at once, both sides stay busy, and a page's memory is used again for the next.
constexpr uint32_t kPerPage = 1'000;

}  // namespace

Result<void> for_each_page(Client& client, v1::ListResetsRequest request, uint64_t limit,
                           const std::function<bool(const v1::ListResetsResponse& page)>& take,
                           v1::Completeness* completeness) {
  const auto page_size = [](uint64_t events) {
    return events == 0 ? kPerPage : static_cast<uint32_t>(std::min<uint64_t>(events, kPerPage));
  };
  uint64_t left = limit;
  request.set_page_size(page_size(left));
  std::unique_ptr<Page> page = fetch(client, request);
  if (page->result && completeness != nullptr) *completeness = page->response->completeness();
  for (;;) {
    if (!page->result) return page->result;
    const auto& response = *page->response;
    const auto got = static_cast<uint64_t>(response.events_size());
    left -= std::min(left, got);
    // An empty page with a token would go on for ever.
    const bool more = !response.next_page_token().empty() && response.next_page_token() != request.page_token() &&
                      (limit == 0 || left > 0);
    std::future<std::unique_ptr<Page>> next;
    if (more) {
      request.set_page_token(response.next_page_token());
      request.set_page_size(page_size(left));
      next = std::async(std::launch::async, [&client, request] { return fetch(client, request); });
    }
    const bool go_on = take(response);
    if (!more) return {};
    page = next.get();
    if (!go_on) return {};
  }
}

}  // namespace rs::cli
