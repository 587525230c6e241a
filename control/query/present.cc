// SPDX-License-Identifier: Apache-2.0
#include "control/query/present.h"

namespace rs::query {

void present(const Parts& parts, const model::Event& event, Detail detail, v1::Event& out) {
  encode(event, detail, *parts.names.get(), out);
}

}  // namespace rs::query
