# SPDX-License-Identifier: Apache-2.0
"""A control plane with a page, and sensors that read captures into it."""
import functools
import http.client
import json
import pathlib
import socket
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "packet")]
from builder import write_pcap
from programs import Control, Failure, json_lines, run_ok
from report import program

import traffic


def listed(test):
    """A test that yields its problems, as one that returns them: what it raises is then caught with it."""
    return functools.wraps(test)(lambda: list(test()))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Stage:
    def __init__(self, space, store="events.db"):
        self.space, self.port, self.fed = space, free_port(), 0
        (space / "names.yaml").write_text(traffic.NAMES)
        self.control = Control(space, store, ["--web", f"127.0.0.1:{self.port}", "--names", space / "names.yaml"])
        self.control.start()
        self.base = f"http://127.0.0.1:{self.port}"

    def feed(self, packets, sensor="fra1-a"):
        self.fed += 1
        path = self.space / f"feed{self.fed}.pcap"
        write_pcap(path, packets)
        run_ok(program("resetscope-sensor"), "--read", path, "--export-server", self.control.server, "--name", sensor,
               "--spool-dir", self.space / f"spool-{sensor}", "--workers", "1", "--server-names", "true", "--log-level",
               "error")

    def cli(self, *arguments):
        return json_lines(run_ok(program("resetscope"), "--server", self.control.server, "-q", *arguments, "-o",
                                 "json").stdout)

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def request(self, method, path, body=None, headers=None):
        """(response, body bytes)"""
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def call(self, name, request):
        response, body = self.request("POST", f"/api/v1/{name}", json.dumps(request))
        if response.status != 200:
            raise Failure(f"{name}: status {response.status}: {body[:200]!r}")
        return json.loads(body)

    def settle(self):
        """Until correlation knows all that is stored."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            info = self.call("GetServerInfo", {})
            if int(info.get("correlatedCursor", 0)) >= int(info.get("events", 0)) > 0:
                return
            time.sleep(0.1)
