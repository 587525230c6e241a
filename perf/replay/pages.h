// SPDX-License-Identifier: Apache-2.0
//
// Zeroed memory on 2 MiB pages for the benches: reserved hugepages where the machine has them, else transparent ones,
// already faulted in. No EAL.
#pragma once

#include <cstddef>
#include <span>

namespace rs::perf {

enum class PageKind { kHugetlb, kTransparent };

class Pages {
 public:
  // Aborts when there is no memory.
  explicit Pages(size_t bytes);
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, bytes_}; }
  [[nodiscard]] PageKind kind() const { return kind_; }
  [[nodiscard]] const char* kind_name() const {
    return kind_ == PageKind::kHugetlb ? "hugepages" : "transparent hugepages";
  }

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
  void* mapping_ = nullptr;
  size_t mapped_ = 0;
  PageKind kind_ = PageKind::kHugetlb;
};

}  // namespace rs::perf
