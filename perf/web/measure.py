# SPDX-License-Identifier: Apache-2.0
"""The page over a week of 200 services, in Chromium, by measure.mjs. Needs node, npm and chromium."""
import json
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "tests"), str(HERE.parent.parent / "tests" / "web")]

ENDINGS_AN_EVENT = 33
MEASURE_S = 600


def page(build, events):
    """Figures by name. The store is made for it and removed."""
    os.environ["RESETSCOPE_BUILD"] = str(build)   # where tests/ looks for programs
    from browser import playwright
    from programs import Control, Workspace, run_ok
    from stage import free_port
    with Workspace("perf-page") as space:
        store = space / "week.db"
        run_ok(build / "perf" / "fill_store", store, events, ENDINGS_AN_EVENT, timeout=MEASURE_S)
        port = free_port()
        control = Control(space, "week.db", ["--web", f"127.0.0.1:{port}", "--retention-days", "0"]).start()
        setup = {"base": f"http://127.0.0.1:{port}", "library": playwright().as_uri()}
        done = run_ok("node", HERE / "measure.mjs", json.dumps(setup), timeout=MEASURE_S)
        control.stop()
    return json.loads(done.stdout) | {"page_store_events_m": events / 1e6}
