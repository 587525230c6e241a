// SPDX-License-Identifier: Apache-2.0
#include "control/store/store.h"

#include "control/model/ip.h"

namespace rs::store {

model::Ip network_of(const model::Ip& ip) {
  const bool v4 = model::is_v4(ip);
  const auto bits = static_cast<uint8_t>(v4 ? model::kMappedBits + kClientNetworkBitsV4 : kClientNetworkBitsV6);
  return model::first_of({ip, bits});
}

}  // namespace rs::store
