// SPDX-License-Identifier: Apache-2.0
//
// Hints for mistyped names. Pure, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace rs::query {

// "did you mean cause or second_cause?" when something is near, else "known are: a, b, c".
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

// "a, b, c"
std::string joined(std::span<const std::string_view> names);

}  // namespace rs::query
