// SPDX-License-Identifier: Apache-2.0
//
// Printed names of query.proto's enumerators, made from its descriptors so that none can be missing: the part after
// the enum's own prefix, in lower case ("CAUSE_PORT_CLOSED" is port_closed). Zeek's states and Linux's reasons keep
// the case their own world prints them in.
#pragma once

#include <google/protobuf/generated_enum_reflection.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/query.pb.h"

namespace rs::cli {

namespace v1 = resetscope::v1;

// Names by number; numbers never have holes in query.proto (words_test.cc).
std::vector<std::string> words_of(const google::protobuf::EnumDescriptor& enumeration);

template <class E>
const std::vector<std::string>& words() {
  static const std::vector<std::string> all = words_of(*google::protobuf::GetEnumDescriptor<E>());
  return all;
}

// "unrecognized" for a number that a newer control plane sent.
template <class E>
std::string_view word(E value) {
  const auto& all = words<E>();
  const auto i = static_cast<size_t>(value);
  return i < all.size() ? std::string_view(all[i]) : std::string_view("unrecognized");
}

template <class E>
std::optional<E> parse_word(std::string_view text) {
  const auto& all = words<E>();
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i] == text) return static_cast<E>(i);
  return std::nullopt;
}

// The word of `known` most like `text`, or empty when none is near (edit distance above a third of it).
std::string nearest(std::string_view text, const std::vector<std::string>& known);

}  // namespace rs::cli
