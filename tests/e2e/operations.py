#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What those who run it need: metrics that promtool takes, rules, alerts at a receiver, logs, man pages, units."""
import http.server
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import Control, Failure, Workspace, each, program, run, run_ok, sensor_command
from report import ROOT, Report, build_dir

DEPLOY = ROOT / "deploy"
MOST_SERIES = 1500   # of one program: what it tells must not grow with traffic


def until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def scrape(log):
    found = re.findall(r"metrics on http://127\.0\.0\.1:0 \(port (\d+)\)", log)
    if not found:
        raise Failure(f"the log names no port of metrics: {log[-300:]}")
    with urllib.request.urlopen(f"http://127.0.0.1:{found[-1]}/metrics", timeout=10) as answer:
        return answer.read().decode()


def value(page, name):
    """The sum of a metric's samples."""
    found = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", page, re.MULTILINE)
    if not found:
        raise Failure(f"{name} is not among the metrics")
    return sum(map(float, found))


def page_problems(page, prefix):
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=30)
    if done.returncode != 0 or done.stderr.strip() or done.stdout.strip():
        yield f"promtool: {(done.stdout + done.stderr)[:400]}"
    series = [line for line in page.splitlines() if line and not line.startswith("#")]
    if len(series) > MOST_SERIES:
        yield f"{len(series)} series"
    for line in series:
        if not line.startswith((prefix, "process_", "exposer_")):
            yield f"a foreign name: {line[:80]}"
        labels = line.split("{", 1)[1].rsplit("}", 1)[0] if "{" in line else ""
        if re.search(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", labels):
            yield f"an address in a label: {line[:120]}"
        if line.endswith(" NaN"):
            yield f"no number: {line}"


class Receiver:
    """Alertmanager's API, as far as it goes here: remembers what is posted."""

    def __init__(self):
        posts = self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posts.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


def tests(space, control, receiver):
    capture, _ = space.capture("many.pcap", "--packets", 60_000, "--reset-share", 0.5, "--clients", 400)

    def control_metrics():
        """control plane: metrics are clean, bounded and true."""
        before = scrape(space.log("control"))
        run_ok(*sensor_command(space, control, capture, "--no-fold"))
        events = control.events()
        page = scrape(space.log("control"))
        yield from page_problems(page, "resetscope_control_")
        counted = value(page, "resetscope_control_endings_total") - 0
        if counted != sum(e["count"] for e in events):
            yield f"{counted} endings counted, {sum(e['count'] for e in events)} stored"
        if value(page, "resetscope_control_store_events") != len(events):
            yield "store_events is not the number of events"
        if value(before, 'resetscope_control_sensors_connected') != 0:
            yield "a sensor is connected before there is one"
        for name, least in (("resetscope_control_batches_total", 1), ("resetscope_control_calls_total", 1),
                            ("resetscope_control_batch_age_seconds_count", 1),
                            ("resetscope_control_call_duration_seconds_count", 1),
                            ("resetscope_control_store_writable", 1), ("resetscope_control_build_info", 1),
                            ("resetscope_control_sensor_received_packets_total", 60_000),
                            ("process_resident_memory_bytes", 1e6), ("process_start_time_seconds", 1.6e9)):
            if value(page, name) < least:
                yield f"{name} is {value(page, name)}"

    def sensor_metrics():
        """sensor: metrics are clean, bounded, and every packet is in one outcome."""
        command = sensor_command(space, control, capture, "--no-fold", "--metrics-listen", "0", spool="spool-metrics")
        command[command.index("--export-server") + 1] = f"unix:{space.path}/nobody.sock"
        sensor = space.start("sensor-metrics", command)
        try:
            # It waits for a control plane that is not there, having read all.
            if not until(lambda: "metrics on" in space.log("sensor-metrics"), 20):
                return [f"no metrics: {space.log('sensor-metrics')[-300:]}"]
            until(lambda: value(scrape(space.log("sensor-metrics")), "resetscope_sensor_waiting_batches") > 0 and
                  value(scrape(space.log("sensor-metrics")), "resetscope_sensor_received_packets_total") >= 60_000, 15)
            page = scrape(space.log("sensor-metrics"))
        finally:
            sensor.kill()
            sensor.wait()
        found = list(page_problems(page, "resetscope_sensor_"))
        packets, outcomes = (value(page, f"resetscope_sensor_{n}_total") for n in ("received_packets", "packets"))
        if packets != 60_000 or outcomes != packets:
            found.append(f"{packets} packets received, {outcomes} in outcomes, of 60000")
        if value(page, "resetscope_sensor_control_connected") != 0:
            found.append("says it is connected")
        return found

    def rules():
        """rules: promtool checks them, their tests pass, and they name only metrics there are."""
        run_ok("promtool", "check", "rules", DEPLOY / "prometheus" / "rules.yaml")
        run_ok("promtool", "test", "rules", DEPLOY / "prometheus" / "rules_test.yaml")
        page = scrape(space.log("control"))
        used = set(re.findall(r"\bresetscope_control_\w+", (DEPLOY / "prometheus" / "rules.yaml").read_text()))
        told = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
        unknown = {n for n in used if n not in told and n.removesuffix("_bucket") not in told}
        # Told only with TLS, and of sensors that are connected.
        unknown -= {"resetscope_control_tls_certificate_expiry_timestamp_seconds",
                    "resetscope_control_sensor_clock_skew_seconds"}
        return [f"no such metric: {sorted(unknown)}"] if unknown else []

    def alerts():
        """alerts: an incident reaches an Alertmanager, with what it is and what it concerns."""
        if not until(lambda: receiver.posts, 20):
            open_ones = run_ok(program("resetscope"), "--server", control.server, "incidents", "-o", "json").stdout
            return [f"nothing was posted; incidents: {open_ones[:200]}"]
        path, kind, body = receiver.posts[0]
        found = []
        if (path, kind) != ("/api/v2/alerts", "application/json"):
            found.append(f"posted to {path} as {kind}")
        known = {i["id"]: i for i in map(json.loads, run_ok(
            program("resetscope"), "--server", control.server, "incidents", "-o", "json").stdout.splitlines())}
        for alert in body:
            incident = known.get(alert["labels"]["incident"])
            if incident is None:
                found.append(f"an incident nobody knows: {alert['labels']}")
            elif incident["kind"] != alert["labels"]["kind"] or not alert["annotations"]["summary"]:
                found.append(f"{alert} is not {incident}")
        return found

    def json_log():
        """log: JSON lines that a reader takes, whatever stands in them."""
        lines = [json.loads(line) for line in space.log("control").splitlines()]
        if not lines or any({"time", "level", "program", "text"} - set(line) for line in lines):
            yield f"fields: {lines[:1]}"
        sensor = run(program("resetscope-sensor"), "--read", space / 'no "such" file.pcap', "--log-format", "json",
                     "--export-server", control.server)
        last = sensor.stderr.splitlines()[-1]
        if '"such"' not in json.loads(last)["text"]:
            yield f"the sensor logs {last}"

    def manuals():
        """manual pages: they render without a warning and know every flag."""
        pages = {"resetscope": build_dir() / "control" / "cli" / "resetscope.1",
                 "resetscope-control": DEPLOY / "man" / "resetscope-control.8",
                 "resetscope-sensor": DEPLOY / "man" / "resetscope-sensor.8"}
        for name, page in pages.items():
            groff = run("groff", "-man", "-ww", "-Tutf8", page)
            if groff.stderr.strip() or groff.returncode:
                yield f"groff on {page.name}: {groff.stderr[:200]}"
            lint = run("mandoc", "-T", "lint", "-W", "warning", page)
            if lint.stdout.strip() or lint.stderr.strip():
                yield f"mandoc on {page.name}: {(lint.stdout + lint.stderr)[:300]}"
            text = re.sub("[\u2010\u2212]", "-", re.sub("\x1b\\[[0-9;]*m|.\b", "", groff.stdout))
            helps = run_ok(program(name), "--help").stdout.split("Keys of the configuration file")[0]
            for flag in sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", helps))):
                if flag not in text:
                    yield f"{page.name} does not know {flag}"

    def completion():
        """completion: the scripts parse, and complete commands that came last."""
        for shell in ("bash", "zsh", "fish"):
            script = run_ok(program("resetscope"), "completion", shell).stdout
            if shutil.which(shell) and shell != "fish":
                done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, timeout=20)
                if done.returncode != 0:
                    yield f"{shell}: {done.stderr[:200]}"
        script = run_ok(program("resetscope"), "completion", "bash").stdout
        for typed, want in ((["ad"], "admin"), (["admin", "log"], "log-level"), (["admin", "log-level", "de"], "debug"),
                            (["config", "ch"], "check"), (["heatmap", "--sv"], "--svg"), (["--tls-k"], "--tls-key")):
            words = " ".join(["resetscope", *typed])
            line = f"COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _resetscope; echo ${{COMPREPLY[@]}}"
            done = subprocess.run(["bash", "-c", script + "\n" + line], capture_output=True, text=True, timeout=20)
            if want not in done.stdout.split():
                yield f"\"{words}\" completes to \"{done.stdout.strip()}\""

    def config_check():
        """config check: good files are good, faulty ones are refused with file, line and reason."""
        good = [DEPLOY / f"resetscope-{n}.yaml" for n in ("control", "sensor", "names")]
        done = run(program("resetscope"), "config", "check", *good)
        if done.returncode != 0 or done.stdout.count(": good") != 3:
            yield f"samples: status {done.returncode}: {done.stdout}{done.stderr[:300]}"
        for name, text, want in (("c.yaml", "store:\n  pth: x\n", 'c.yaml:2: unknown key "store.pth"'),
                                 ("s.yaml", "capture:\n  workers: many\n", "s.yaml:2: capture.workers"),
                                 ("n.yaml", "networks:\n  - cidr: 10.0.0.0/99\n", "n.yaml:2"),
                                 ("t.yaml", "tls: {ca: /x, cert: /x, key: /x}\n", "/x: cannot read"),
                                 ("u.yaml", "nothing: 1\n", "--for")):
            (space / name).write_text(text)
            done = run(program("resetscope"), "config", "check", space / name)
            if done.returncode == 0 or want not in done.stderr:
                yield f"{name}: status {done.returncode}: {done.stderr[:200]}"

    def pictures():
        """heatmap: SVG and PNG files are written and whole."""
        svg, png = space / "map.svg", space / "map.png"
        run_ok(program("resetscope"), "--server", control.server, "heatmap", "--svg", svg, "--png", png, "--benign")
        if not xml.dom.minidom.parse(str(svg)).getElementsByTagName("svg"):
            yield "the SVG has no picture"
        data = png.read_bytes()
        if not data.startswith(b"\x89PNG\r\n\x1a\n") or b"IEND" not in data[-16:] or len(data) < 2000:
            yield f"the PNG has {len(data)} bytes"
        done = run(program("resetscope"), "--server", control.server, "heatmap", "--benign", "--svg",
                   "/nonexistent/x.svg")
        if done.returncode != 1 or "/nonexistent/x.svg" not in done.stderr:
            yield f"a place that cannot be written: status {done.returncode}: {done.stderr[:200]}"

    def units():
        """units: systemd takes them, and what they start is checked in."""
        if shutil.which("systemd-analyze") is None:
            return   # a machine without systemd
        units_there = sorted((DEPLOY / "systemd").glob("*.service"))
        done = run("systemd-analyze", "verify", "--man=no", *units_there)
        for line in done.stderr.splitlines():
            if "is not executable: No such file" not in line and "resetscope" in line:
                yield line[:200]
        for unit in units_there:
            for flag in re.findall(r"^ExecStart=/usr/bin/resetscope-\w+ (--\S+)", unit.read_text(), re.MULTILINE):
                if flag != "--config":
                    yield f"{unit.name} starts with {flag}"

    def stopping():
        """control plane: ends cleanly with all of that on."""
        control.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        if value(scrape(space.log("control")), "resetscope_control_config_last_reload_successful") != 1:
            yield "the reload failed"
        control.stop()

    return [control_metrics, sensor_metrics, rules, alerts, json_log, manuals, completion, config_check, pictures,
            units, stopping]


def main():
    report = Report()
    with Workspace("operations") as space:
        space.forget_logs()
        receiver = Receiver()
        control = Control(space, arguments=["--metrics-listen", "0", "--alerts-url", receiver.url, "--log-format",
                                            "json"]).start()

        def gathered(test):
            def whole():
                return list(test() or [])
            whole.__doc__ = test.__doc__
            return whole

        each(report, [gathered(t) for t in tests(space, control, receiver)])
        receiver.close()
    report.exit()


if __name__ == "__main__":
    main()
