# SPDX-License-Identifier: Apache-2.0
"""All scenarios: load() registers them in context.SCENARIOS."""
import importlib

MODULES = (
    "aborts",
    "clean",
    "databases",
    "expiry",
    "forgers",
    "kernel",
    "late_data",
    "middlebox",
    "overload",
    "probes",
    "programs",
    "refusals",
    "scans",
    "secure",
    "stacks",
    "timers",
    "web",
)


def load():
    for name in MODULES:
        importlib.import_module("scenarios." + name)
