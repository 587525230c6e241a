// SPDX-License-Identifier: Apache-2.0
//
// The names file: networks -> site, service, owner, role; sensors -> where they tap. Read at start and again whenever
// it changes or SIGHUP comes; a file with a fault is refused whole, with file and line, and the names before it stay.
#pragma once

#include <cstdint>
#include <string>

#include "control/model/names.h"
#include "proto/result.h"

namespace rs::control {

// Errors name file, line and reason.
Result<model::Names> load_names(const std::string& path);

// A file of every kind of entry, for people to start from.
std::string sample_names();

class NamesFile {
 public:
  NamesFile(std::string path, model::NamesHolder& holder) : path_(std::move(path)), holder_(holder) {}
  // Reads it if it changed since the last look, or in any case when `again`; a fault goes to the holder's state and the
  // log. Error: of the first reading only.
  Result<void> look(bool again);

 private:
  std::string path_;
  model::NamesHolder& holder_;
  int64_t changed_ns_ = -1;  // of the file as read last
  int64_t size_ = -1;
  uint64_t inode_ = 0;
  bool read_ = false;
};

}  // namespace rs::control
