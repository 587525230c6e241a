// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/lookup_key.h"

#include <array>
#include <bit>
#include <utility>

#include "control/store/sqlite/hash.h"

namespace rs::store::sqlite {
namespace {

constexpr uint16_t kId = 0, kServer = 1, kClient = 2;

LookupKey key(uint16_t kind, uint64_t hash) {
  return {static_cast<uint16_t>(kind << kSlotBits | (hash & ((1u << kSlotBits) - 1))),
          static_cast<uint16_t>(hash >> kSlotBits)};
}

uint64_t hash_of_ip(const model::Ip& ip) {
  Mixer mixer;
  for (const uint64_t half : std::bit_cast<std::array<uint64_t, 2>>(ip)) mixer.add(half);
  return mixer.value();
}

// Of several alternatives of an AND the one with the fewest keys; clients are the finer sieve.
bool finer(const LookupTerms& a, const LookupTerms& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  return !a.empty() && a.front().key.slot >> kSlotBits > b.front().key.slot >> kSlotBits;
}

// What fits one of both.
LookupTerms joined(LookupTerms a, LookupTerms b) {
  if (finer(b, a)) std::swap(a, b);
  if (b.size() != 1) return a;  // one more key is all that a term holds
  for (LookupTerm& term : a)
    if (!term.also && term.key != b.front().key) term.also = b.front().key;
  return a;
}

std::optional<LookupTerms> terms_of_test(const model::Filter& test) {
  const bool client = test.field == model::Field::kClientIp || test.field == model::Field::kIp;
  const bool server = test.field == model::Field::kServerIp || test.field == model::Field::kIp;
  if ((!client && !server) || (test.op != model::Op::kEq && test.op != model::Op::kIn)) return std::nullopt;
  LookupTerms terms;
  for (const model::Value& value : test.values) {
    const auto* prefix = std::get_if<model::Prefix>(&value);
    if (prefix == nullptr || prefix->bits != 128) return std::nullopt;
    if (client) terms.push_back({client_key(prefix->ip), std::nullopt});
    if (server) terms.push_back({server_key(prefix->ip), std::nullopt});
  }
  return terms;
}

}  // namespace

LookupKey id_key(uint64_t id) {
  Mixer mixer;
  mixer.add(id);
  return key(kId, mixer.value());
}
LookupKey server_key(const model::Ip& ip) { return key(kServer, hash_of_ip(ip)); }
LookupKey client_key(const model::Ip& ip) { return key(kClient, hash_of_ip(ip)); }

std::optional<LookupTerms> terms_of(const model::Filter& filter) {
  constexpr size_t kMostTerms = 64;  // more are looked for as well by reading along
  std::optional<LookupTerms> found;
  switch (filter.kind) {
    case model::Filter::Kind::kTest:
      found = terms_of_test(filter);
      break;
    case model::Filter::Kind::kAnd:
      for (const model::Filter& child : filter.children)
        if (auto terms = terms_of(child))
          found = found ? joined(*std::move(found), *std::move(terms)) : *std::move(terms);
      break;
    case model::Filter::Kind::kOr:
      found.emplace();
      for (const model::Filter& child : filter.children) {
        const auto terms = terms_of(child);
        if (!terms) return std::nullopt;
        found->insert(found->end(), terms->begin(), terms->end());
      }
      break;
    default:
      break;
  }
  if (found && found->size() > kMostTerms) return std::nullopt;
  return found;
}

}  // namespace rs::store::sqlite
