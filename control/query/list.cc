// SPDX-License-Identifier: Apache-2.0
//
// ListResets: one page, newest last. A page ends after page_size events or kPageBytes, whichever is first, so that
// it fits the 4 MiB a gRPC client accepts by default; its token leads to the next (with `last`: to the older one).
#include <algorithm>

#include "control/query/calls.h"
#include "control/query/present.h"

namespace rs::query {
namespace {

constexpr size_t kDefaultPage = 100;
constexpr size_t kLargestPage = 10'000;
constexpr size_t kPageBytes = 3u << 20;

struct Token {
  bool newest_first = false;
  store::Position position;
};

std::string text_of(const Token& token) {
  std::string text(1, token.newest_first ? 'n' : 'o');
  return text.append(id_text(token.position.time_ns)).append(id_text(token.position.cursor));
}

// About the bytes that an encoded event takes, rather too many; adding up beats asking protobuf, which walks the whole
// message.
size_t encoded_bytes(const model::Event& event, const v1::Event& out) {
  constexpr size_t kFixed = 300;    // all scalar fields, both addresses, id, times
  constexpr size_t kFact = 44;      // a name of up to 25 characters, weight and value
  constexpr size_t kStep = 28;      // without its sentence
  constexpr size_t kExemplar = 72;  // a time and an IPv6 address
  size_t bytes = kFixed + event.sensor.size() + event.server_name.size() + out.summary().size();
  for (const std::string& meaning : event.meanings) bytes += meaning.size() + 4;
  return bytes + kFact * event.evidence.size() + kStep * event.timeline.size() + kExemplar * event.exemplars.size();
}

std::optional<Token> parse_token(std::string_view text) {
  if (text.size() != 33 || (text[0] != 'n' && text[0] != 'o')) return std::nullopt;
  const auto time = parse_id(text.substr(1, 16));
  const auto cursor = parse_id(text.substr(17));
  if (!time || !cursor) return std::nullopt;
  return Token{text[0] == 'n', {*time, *cursor}};
}

}  // namespace

grpc::Status list_resets(const Parts& parts, grpc::ServerContext& context, const v1::ListResetsRequest& in,
                         v1::ListResetsResponse& out) {
  const auto filter = wanted(parts, in.filter(), in.include_benign());
  if (!filter) return status_of(filter.error(), context);
  const auto range = range_of(in.range());
  if (!range) return status_of(range.error(), context);
  const auto limit = limit_of(in.page_size(), kDefaultPage, kLargestPage, "page_size");
  if (!limit) return status_of(limit.error(), context);
  const auto skip = limit_of(in.skip(), 0, kLargestPage, "skip");
  if (!skip) return status_of(skip.error(), context);

  store::ListQuery query;
  query.filter = filter->applied;
  query.range = *range;
  query.newest_first = in.last();
  query.limit = *skip + *limit + 1;  // one more tells whether there is another page
  query.brief = in.brief();
  if (!in.page_token().empty()) {
    const auto token = parse_token(in.page_token());
    if (!token || token->newest_first != in.last())
      return {grpc::StatusCode::INVALID_ARGUMENT, "page_token is not one that this call gave out for the same request"};
    query.after = token->position;
  }

  const store::Patience patience = patience_of(context);
  Token next{in.last(), {}};
  size_t bytes = 0;
  size_t skipped = 0;
  Presenter presenter(parts);
  const auto listed = parts.store.list(query, patience, [&](const model::Event& event) {
    if (skipped < *skip) {
      next.position = {event.time_ns, event.cursor};
      if (++skipped == *skip) out.set_skipped_to(text_of(next));
      return true;
    }
    if (static_cast<size_t>(out.events_size()) == *limit || bytes > kPageBytes) {
      out.set_next_page_token(text_of(next));
      return false;
    }
    v1::Event& encoded = *out.add_events();
    presenter.present(event, in.brief() ? Detail::kBrief : Detail::kList, encoded);
    bytes += encoded_bytes(event, encoded);
    next.position = {event.time_ns, event.cursor};
    return true;
  });
  if (!listed) return status_of(listed.error(), context);
  if (in.last()) std::reverse(out.mutable_events()->pointer_begin(), out.mutable_events()->pointer_end());
  // Counting what is hidden can cost a scan: once, with the first page.
  const Wanted* count_hidden = in.page_token().empty() && *skip == 0 ? &*filter : nullptr;
  if (auto done = complete(parts, *range, count_hidden, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
