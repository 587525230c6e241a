#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The HTTP side by itself: headers, tags, refusals, JSON that says what gRPC says, streams that resume."""
import gzip
import json
import pathlib
import re
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import Workspace, each
from report import Report

import stage
import traffic

MOST_PAGE_BYTES = 2 << 20   # of all files together, uncompressed
VIEWS = ("/", "/heatmap", "/endings", "/event/x", "/incidents", "/incident/x", "/services", "/service/x", "/timeouts",
         "/sensors")


def files(s):
    """Every file of the page, found as the browser finds them: {path: text}."""
    found, wanted = {}, ["/"]
    while wanted:
        path = wanted.pop()
        if path in found:
            continue
        response, body = s.request("GET", path)
        if response.status != 200:
            found[path] = None
            continue
        found[path] = text = body.decode("utf-8")
        if path.startswith("/vendor/"):
            continue
        for name in re.findall(r"""(?:href|src)=["'](/[^"']+)["']""", text if path == "/" else ""):
            wanted.append(name)
        for name in re.findall(r"""(?:from|import\()\s*'(\.[^']+)'""", text):
            wanted.append(urllib.parse.urljoin(path, name))
    return found


class Tests:
    def __init__(self, s):
        self.s = s

    def headers(self):
        """every answer forbids inline code and frames"""
        for path in (*VIEWS, "/app.css", "/nothing/here", "/api/v1/GetServerInfo"):
            response, _ = self.s.request("GET", path)
            policy = response.getheader("Content-Security-Policy") or ""
            for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
                if part not in policy:
                    yield f"{path}: no {part} in the policy"
            if "unsafe" in policy or response.getheader("X-Content-Type-Options") != "nosniff":
                yield f"{path}: {policy}"

    def views(self):
        """the page is served under the path of every view, other paths are not found"""
        for path in VIEWS:
            response, body = self.s.request("GET", path)
            if response.status != 200 or b"/main.js" not in body:
                yield f"{path}: status {response.status}"
        for path in ("/nosuch", "/heatmapx", "/vendor/", "/../etc/passwd", "/%2e%2e/etc/passwd"):
            response, _ = self.s.request("GET", path)
            if response.status != 404:
                yield f"{path}: status {response.status}"

    def tags(self):
        """files are packed, and asked for again cost nothing"""
        response, packed = self.s.request("GET", "/vendor/echarts.js", headers={"Accept-Encoding": "gzip, br"})
        tag = response.getheader("ETag")
        if response.getheader("Content-Encoding") != "gzip" or not tag or tag.startswith("W/"):
            yield f"{response.getheaders()}"
        plain_response, plain = self.s.request("GET", "/vendor/echarts.js")
        if gzip.decompress(packed) != plain or plain_response.getheader("ETag") == tag:
            yield "packed and plain bytes differ, or share a strong tag"
        again, body = self.s.request("GET", "/vendor/echarts.js",
                                     headers={"Accept-Encoding": "gzip", "If-None-Match": tag})
        if again.status != 304 or body:
            yield f"asked again with its tag: status {again.status}, {len(body)} bytes"

    def weight(self):
        """all files exist and weigh less than 2 MiB, none comes from elsewhere"""
        found = files(self.s)
        yield from (f"{path} is linked and does not exist" for path, text in found.items() if text is None)
        size = sum(len(text.encode()) for text in found.values() if text)
        if size >= MOST_PAGE_BYTES or len(found) < 20:
            yield f"{len(found)} files, {size} bytes"
        for path, text in found.items():
            if path.startswith("/vendor/") or text is None:
                continue
            for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
                if word in text:
                    yield f"{path} has {word}"
            if re.search(r"""(?:src|href|from|import\()\s*=?\s*["'(]*https?://""", text):
                yield f"{path} fetches from elsewhere"

    def refusals(self):
        """other names, other origins, unknown calls, broken and huge requests are refused with a reason"""
        for why, status, method, path, body, headers in (
                ("a name that is not the loopback's", 421, "GET", "/", None, {"Host": "rebound.example:80"}),
                ("another origin", 403, "POST", "/api/v1/ListSensors", "{}", {"Origin": "http://evil.example"}),
                ("an unknown call", 404, "POST", "/api/v1/DropAll", "{}", {}),
                ("an unknown stream", 404, "GET", "/api/v1/WatchAll", None, {}),
                ("a call by GET", 405, "GET", "/api/v1/ListSensors", None, {}),
                ("no JSON", 400, "POST", "/api/v1/Top", "{", {}),
                ("an unknown field", 400, "POST", "/api/v1/Top", '{"byy": []}', {}),
                ("a bad filter", 400, "POST", "/api/v1/Top", '{"by": ["DIMENSION_CAUSE"], "filter": "x ="}', {}),
                ("an unknown ending", 404, "POST", "/api/v1/GetReset", '{"id": "0123456789abcdef"}', {}),
                ("a huge range", 200, "POST", "/api/v1/Heatmap", json.dumps(
                    {"x": "DIMENSION_TIME", "y": "DIMENSION_CAUSE", "range":
                     {"since": "1970-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}}), {}),
                ("too many rows", 400, "POST", "/api/v1/Heatmap", json.dumps(
                    {"x": "DIMENSION_TIME", "y": "DIMENSION_CAUSE", "rows": 100000}), {}),
                ("a megabyte", 413, "POST", "/api/v1/Top", "x" * (1 << 20), {})):
            try:
                response, text = self.s.request(method, path, body, headers)
            except (ConnectionError, BrokenPipeError):
                if status != 413:   # there the server may hang up while we still send
                    yield f"{why}: hung up"
                continue
            if response.status != status:
                yield f"{why}: status {response.status}, not {status}"
            elif status >= 400 and status != 413 and not json.loads(text).get("message"):
                yield f"{why}: no message in {text[:100]!r}"

    def stream(self):
        """a stream resumes after the last item that was read"""
        def events(headers, wanted, request):
            connection = self.s.connection()
            connection.request("GET", "/api/v1/WatchResets?request=" + urllib.parse.quote(json.dumps(request)),
                               headers=headers)
            response = connection.getresponse()
            got, place = [], None
            while len(got) < wanted:
                line = response.readline().decode().rstrip("\n")
                if line.startswith("id: "):
                    place = line[4:]
                elif line.startswith("data: "):
                    got.append((place, json.loads(line[6:])["event"]["id"]))
            connection.close()
            return response, got

        response, first = events({}, 5, {"last": 5})
        if response.getheader("Content-Type") != "text/event-stream":
            yield f"type {response.getheader('Content-Type')}"
        _, rest = events({"Last-Event-ID": first[1][0]}, 3, {"last": 5})
        if [e for _, e in rest] != [e for _, e in first[2:]]:
            yield f"resumed after {first[1]}: {rest}, not {first[2:]}"

    def same_as_cli(self):
        """the JSON API says what the command line says"""
        listed = self.s.cli("top", "--by", "cause")
        top = self.s.call("Top", {"by": ["DIMENSION_CAUSE"]})
        if [(r["keys"][0], r["value"]) for r in top["rows"]] != [(r["cause"], r["value"]) for r in listed]:
            yield f"{top['rows']} / {listed}"


def main():
    report = Report()
    with Workspace("web-api") as space:
        s = stage.Stage(space)
        s.feed(traffic.company(time.time_ns(), hours=1.0))
        t = Tests(s)
        each(report, [stage.listed(one) for one in (t.headers, t.views, t.tags, t.weight, t.refusals, t.stream,
                                                    t.same_as_cli)])
        begin = time.monotonic()
        s.control.stop()
        took = time.monotonic() - begin
        report.check("stops while browsers are connected", [f"took {took:.1f} s"] if took > 8 else [])
    report.exit()


if __name__ == "__main__":
    main()
