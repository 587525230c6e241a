// SPDX-License-Identifier: Apache-2.0
#include "control/cli/pages.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <future>
#include <utility>
#include <vector>

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

// Pages in the order of the list, from one call.
class Pages {
 public:
  Pages(Client& client, v1::ListResetsRequest request, uint64_t limit)
      : client_(client), request_(std::move(request)), unlimited_(limit == 0), left_(limit) {}

  std::unique_ptr<Page> first() {
    request_.set_page_size(size());
    auto page = fetch(client_, request_);
    count(*page);
    return page;
  }

  // Asks for the page after `page` and the one after that, which is not known by its token yet but by its distance.
  // False: there is none, or nobody wants it.
  bool ask(const Page& page) {
    const std::string& token = page.response->next_page_token();
    // An empty page with a token would go on for ever.
    if (token.empty() || token == request_.page_token() || (!unlimited_ && left_ == 0)) return false;
    request_.set_page_token(token);
    request_.set_page_size(size());
    next_ = start(request_);
    const uint32_t asked = request_.page_size();
    if (!unlimited_ && left_ <= asked) return true;
    v1::ListResetsRequest beyond = request_;
    beyond.set_skip(asked);
    beyond.set_page_size(unlimited_ ? size() : size_of(left_ - asked));
    after_next_ = start(std::move(beyond));
    return true;
  }

  // What ask() asked for: one page or two, the second only if it begins where the first ends. It does not when the
  // first was cut short, or endings were stored in between; then the second is asked for anew, by its token.
  std::vector<std::unique_ptr<Page>> take() {
    std::vector<std::unique_ptr<Page>> pages;
    pages.push_back(next_.get());
    count(*pages[0]);
    if (!after_next_.valid()) return pages;
    auto second = after_next_.get();
    const Page& first = *pages[0];
    if (!first.result || first.response->next_page_token().empty()) return pages;
    const auto got = static_cast<uint32_t>(first.response->events_size());
    if (got != 0 && got < request_.page_size()) most_ = got;  // no larger one fits a message
    if (!second->result || second->response->skipped_to() != first.response->next_page_token()) return pages;
    count(*second);
    request_.set_page_token(first.response->next_page_token());
    pages.push_back(std::move(second));
    return pages;
  }

 private:
  [[nodiscard]] uint32_t size_of(uint64_t events) const {
    return static_cast<uint32_t>(std::min<uint64_t>(events, most_));
  }
  [[nodiscard]] uint32_t size() const { return unlimited_ ? most_ : size_of(left_); }
  std::future<std::unique_ptr<Page>> start(v1::ListResetsRequest request) {
    return std::async(std::launch::async,
                      [&client = client_, request = std::move(request)] { return fetch(client, request); });
  }
  void count(const Page& page) {
    left_ -= std::min<uint64_t>(left_, static_cast<uint64_t>(page.response->events_size()));
  }

  Client& client_;
  v1::ListResetsRequest request_;
  bool unlimited_;
  uint64_t left_;
  uint32_t most_ = kPerPage;
  std::future<std::unique_ptr<Page>> next_;
  std::future<std::unique_ptr<Page>> after_next_;
};

}  // namespace

Result<void> for_each_page(Client& client, v1::ListResetsRequest request, uint64_t limit,
                           const std::function<bool(const v1::ListResetsResponse& page)>& take,
                           v1::Completeness* completeness) {
  Pages pages(client, std::move(request), limit);
  std::vector<std::unique_ptr<Page>> here;
  here.push_back(pages.first());
  if (here[0]->result && completeness != nullptr) *completeness = here[0]->response->completeness();
  for (;;) {
    for (const auto& page : here)
      if (!page->result) return page->result;
    const bool more = pages.ask(*here.back());
    bool go_on = true;
    for (const auto& page : here) go_on = go_on && take(*page->response);
    if (!more) return {};
    here = pages.take();
    if (!go_on) return {};
  }
}

}  // namespace rs::cli
