// SPDX-License-Identifier: Apache-2.0
//
// One ending as clients see it: the sensor's verdict, with names and with what correlation adds. Any thread.
#pragma once

#include <memory>

#include "control/correlate/incident_text.h"
#include "control/query/encode.h"
#include "control/query/request.h"

namespace rs::query {

// For the endings of one answer: all see the same names.
class Presenter {
 public:
  explicit Presenter(const Parts& parts) : parts_(parts), names_(parts.names.get()) {}
  void present(const model::Event& event, Detail detail, v1::Event& out);

 private:
  const Parts& parts_;
  std::shared_ptr<const model::Names> names_;
  correlate::Summaries summaries_;
};

// For a single one.
inline void present(const Parts& parts, const model::Event& event, Detail detail, v1::Event& out) {
  Presenter(parts).present(event, detail, out);
}

}  // namespace rs::query
