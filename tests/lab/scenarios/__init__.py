# SPDX-License-Identifier: Apache-2.0
"""All scenarios: importing this package registers them in context.SCENARIOS."""
from scenarios import aborts, clean, late_data, middlebox, overload, probes, programs, refusals, timers  # noqa: F401
