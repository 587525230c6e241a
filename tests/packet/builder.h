// SPDX-License-Identifier: Apache-2.0
//
// All of the packet builder: segment.h makes one packet, conversation.h a connection, pcap.h a capture file, tunnel.h
// what a packet may be carried in.
#pragma once

#include "tests/packet/conversation.h"  // IWYU pragma: export
#include "tests/packet/pcap.h"          // IWYU pragma: export
#include "tests/packet/segment.h"       // IWYU pragma: export
#include "tests/packet/tunnel.h"        // IWYU pragma: export
