// SPDX-License-Identifier: Apache-2.0
//
// A pattern set made ready for scanning: one Hyperscan database a place. Built on the control thread, immutable from
// then on and shared by all workers; see scanner.h for what a worker needs besides.
#pragma once

#include <array>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/context/patterns.h"

struct hs_database;

namespace rs::context {

class Database {
 public:
  // Compiles the set and checks it against its own examples; the error names file, line and pattern. With a
  // `cache_dir` the compiled form is kept there, under a name made of the set's digest, Hyperscan's version and the
  // CPU; a cache that cannot be read or written costs time and nothing else. The directory must be as trustworthy as
  // the program. The built-in set comes compiled where prebuilt() holds it.
  static Result<std::shared_ptr<const Database>> build(PatternSet set, const std::string& cache_dir,
                                                       std::string_view prebuilt = {});
  // As above, compiled for every CPU that Hyperscan runs on, in the form of prebuilt(). For the build.
  static Result<std::string> compile_for_any_cpu(PatternSet set);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] const PatternSet& set() const { return set_; }
  // nullptr where no pattern applies.
  [[nodiscard]] const hs_database* of(Place p) const { return databases_[static_cast<size_t>(p)]; }
  [[nodiscard]] bool from_cache() const { return from_cache_; }

 private:
  explicit Database(PatternSet set) : set_(std::move(set)) {}
  Result<void> compile(bool any_cpu);
  Result<void> check_examples() const;
  bool read(std::istream& in);
  void write(std::ostream& out) const;
  void write_cache(const std::string& path) const;
  void clear();

  PatternSet set_;
  std::array<hs_database*, kPlaceCount> databases_{};
  bool from_cache_ = false;
};

// The built-in set as the build compiled it: its digest (8 bytes, little endian), then what the cache holds. Linked
// into the sensor alone, so that a start does not spend half a second on it.
std::string_view prebuilt();

}  // namespace rs::context
