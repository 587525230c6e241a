// SPDX-License-Identifier: Apache-2.0
//
// ListNames: what the names file has for a field of the filter language, for completion.
#include <algorithm>

#include "control/query/calls.h"
#include "control/query/name_filter.h"

namespace rs::query {
namespace {

constexpr size_t kDefaultValues = 20;
constexpr size_t kMostValues = 1000;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool holds(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end() ||
         part.empty();
}

}  // namespace

grpc::Status list_names(const Parts& parts, grpc::ServerContext& context, const v1::ListNamesRequest& in,
                        v1::ListNamesResponse& out) {
  const auto fields = name_fields();
  const auto field = std::ranges::find(fields, std::string_view(in.field()), &NameField::name);
  if (field == fields.end())
    return status_of({Code::kInvalid,
                      "field: the names file gives site, service, owner and role, and the same with "
                      "client_ before it"},
                     context);
  const auto limit = limit_of(in.limit(), kDefaultValues, kMostValues, "limit");
  if (!limit) return status_of(limit.error(), context);
  const auto names = parts.names.get();
  for (const std::string_view value : known_values(*field, *names)) {
    if (!holds(value, in.part())) continue;
    if (static_cast<size_t>(out.values_size()) == *limit) {
      out.set_more(true);
      break;
    }
    out.add_values(std::string(value));
  }
  return grpc::Status::OK;
}

}  // namespace rs::query
