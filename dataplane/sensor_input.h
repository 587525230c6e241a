// SPDX-License-Identifier: Apache-2.0
//
// What a capture is, whatever its name and however it is cut into files: the number that event ids and batches carry,
// so that the same capture read again gives the same events. Control thread, at opening.
#pragma once

#include <cstdint>

#include "dataplane/capture/capture_file.h"

namespace rs {

// A digest of beginning, end and length of the captures' records, in the order of the files' first packets: the order
// in which files are named does not matter, nor (pcap) how many files the records stand in. Never 0.
uint64_t input_digest(const capture::CaptureFiles& files);

}  // namespace rs
