// SPDX-License-Identifier: Apache-2.0
//
// Flags whose value is a word of one of query.proto's enums, "unspecified" left out.
#pragma once

#include <string>

#include "control/cli/words.h"
#include "proto/result.h"

namespace rs::cli {

// "time, service, ..."
template <class E>
std::string choices() {
  std::string out;
  for (size_t i = 1; i < words<E>().size(); ++i) out.append(out.empty() ? "" : ", ").append(words<E>()[i]);
  return out;
}

template <class E>
Result<E> parse_choice(const char* flag, const std::string& text) {
  const auto value = parse_word<E>(text);
  if (value && static_cast<int>(*value) != 0) return *value;
  const std::string near = nearest(text, words<E>());
  return Error{Code::kInvalid, std::string(flag) + ": \"" + text + "\" is not known; " +
                                   (near.empty() || near == "unspecified" ? "there are " + choices<E>()
                                                                          : "did you mean " + near + "?")};
}

}  // namespace rs::cli
