// SPDX-License-Identifier: Apache-2.0
//
// From correlation's incidents to the alerts that are posted.
#pragma once

#include <memory>

#include "control/alerts/sender.h"
#include "control/config.h"
#include "control/correlate/correlation.h"
#include "control/model/names.h"

namespace rs::control {

// Started; null when the configuration has no alerts.url. Correlation and names outlive it.
std::unique_ptr<alerts::Sender> start_alerts(const Config& config, const correlate::Correlation& correlation,
                                             const model::NamesHolder& names);

}  // namespace rs::control
