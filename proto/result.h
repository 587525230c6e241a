// SPDX-License-Identifier: Apache-2.0
//
// Value or error, for set-up and control code of every program; shaped like C++23 std::expected. It stands here
// because proto/ is all that data plane and control plane share. The hot path returns codes and counts instead.
// An error's text says what failed, where, and what to do.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace rs {

enum class Code : unsigned char {
  kInvalid,      // bad input or configuration
  kNotFound,     // file, interface, host
  kPermission,   // a right is missing
  kResource,     // memory, disk, descriptors
  kUnavailable,  // the other side is away; trying again may help
  kCorrupt,      // damaged data
  kInternal,
};

struct Error {
  Code code = Code::kInternal;
  std::string text;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit by design

  explicit operator bool() const { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace rs
