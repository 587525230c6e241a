// SPDX-License-Identifier: Apache-2.0
//
// The one header that includes rte_ethdev.h. Include it last: from here on every name that could send a packet is
// poisoned, so that the sensor is passive by construction.
#pragma once

#include <rte_ethdev.h>

#pragma GCC poison rte_eth_tx_burst rte_eth_tx_buffer rte_eth_tx_buffer_flush rte_eth_tx_prepare
