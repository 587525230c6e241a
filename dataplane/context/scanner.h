// SPDX-License-Identifier: Apache-2.0
//
// Reads what the messages of an ending meant. One per worker and database: it holds Hyperscan's scratch memory, made
// on the control thread. A new pattern set comes as a new Scanner; the worker takes the pointer once an ending and
// keeps nothing of the old one, so that whoever swaps it may free the old one after the worker's next burst.
#pragma once

#include <memory>

#include "dataplane/base/bytes.h"
#include "dataplane/context/database.h"
#include "dataplane/context/meaning.h"
#include "dataplane/track/ending.h"

struct hs_scratch;

namespace rs::context {

class Scanner {
 public:
  // control thread
  static Result<std::unique_ptr<Scanner>> create(std::shared_ptr<const Database> database);
  ~Scanner();
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;
  [[nodiscard]] const Database& database() const { return *database_; }

  // worker thread; no allocation
  [[nodiscard]] Context scan(const track::Ending& ending) const;
  // One message.
  [[nodiscard]] Meaning read(Place place, const Bytes& message) const;

 private:
  Scanner(std::shared_ptr<const Database> database, hs_scratch* scratch)
      : database_(std::move(database)), scratch_(scratch) {}

  std::shared_ptr<const Database> database_;
  hs_scratch* scratch_;
};

// worker thread. With no scanner nothing is known but the name.
Context scan(const Scanner* scanner, const track::Ending& ending);

}  // namespace rs::context
