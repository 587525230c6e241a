// SPDX-License-Identifier: Apache-2.0
//
// What nearly every file here includes of outside libraries, parsed once for all of them. Files include what they use
// all the same.
#ifndef RS_CONTROL_QUERY_PCH_LIBRARIES_H_  // not the usual pragma: this is a compiler's main file too
#define RS_CONTROL_QUERY_PCH_LIBRARIES_H_

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#endif
