# SPDX-License-Identifier: Apache-2.0
"""All scenarios: load() registers them in context.SCENARIOS."""
import importlib

MODULES = ("aborts", "clean", "late_data", "middlebox", "overload", "probes", "programs", "refusals", "timers")


def load():
    for name in MODULES:
        importlib.import_module("scenarios." + name)
