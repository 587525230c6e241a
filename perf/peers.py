# SPDX-License-Identifier: Apache-2.0
"""`resetscope analyze` over a generated capture beside tcptrace, argus and tshark, each asked for its connections in
the cheapest way it has. Whole commands, wall time, the median of several rounds in which all take turns; the file is in
the page cache. What each counted stands beside what the generator wrote; resetscope's must be right."""
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from machine import fail

ROUNDS = 3
MILLION, SHORT_RUNS = 1_000_000, 5   # a small capture, start and report of the programs included
PACKAGES = {"tcptrace": "tcptrace", "argus": "argus-server", "ra": "argus-client", "tshark": "tshark"}


class Run:
    """One finished command: seconds, largest resident process in MiB."""

    def __init__(self, command, stdout):
        with open(stdout, "wb") as out, tempfile.TemporaryFile() as err:
            start = time.monotonic()
            process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err, stdin=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            self.seconds = time.monotonic() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            err.seek(0)
            self.errors = err.read().decode(errors="replace")
        self.rss_mib = usage.ru_maxrss / 1024   # of the largest of its processes
        self.status = process.returncode


class Tool:
    def __init__(self, name, command, count):
        self.name, self.command, self.count = name, command, count
        self.runs = []

    def run(self, stdout):
        done = Run(self.command, stdout)
        if done.status != 0:
            fail(f"{self.name}: status {done.status}: {done.errors.strip()[-400:]}")
        self.runs.append(done)

    def seconds(self):
        return statistics.median(run.seconds for run in self.runs)


def install():
    missing = sorted({package for program, package in PACKAGES.items() if not shutil.which(program)})
    if missing and os.geteuid() == 0:
        print(f"installing {' '.join(missing)}", file=sys.stderr)
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *missing], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                       env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


def count_tcptrace(out, _):
    text = text_of(out)
    return {"connections": len(re.findall(r"^ *\d+: ", text, re.M)), "resets": text.count("(reset)")}


def count_argus(_, records):
    """argus writes records; ra, untimed, prints them."""
    done = subprocess.run(["ra", "-r", records, "-n", "-s", "state", "-", "tcp"], capture_output=True, text=True)
    states = done.stdout.split()
    return {"connections": len([s for s in states if s != "State"]), "resets": states.count("RST")}


def count_tshark(out, _):
    return {"connections": text_of(out).count("<->")}


def count_resetscope(out, _):
    """Of the plain report."""
    found = re.search(r"([\d,]+) attempted", text_of(out))
    return {"connections": int(found.group(1).replace(",", "")) if found else -1}


def peers(capture, records):
    tools = [Tool("tcptrace", ["tcptrace", "-n", capture], count_tcptrace),
             Tool("argus", ["argus", "-r", capture, "-w", records], count_argus),
             Tool("tshark", ["tshark", "-n", "-q", "-r", capture, "-z", "conv,tcp"], count_tshark)]
    for tool in tools:
        if shutil.which(tool.command[0]):
            yield tool
        else:
            print(f"{tool.name} is not installed: left out", file=sys.stderr)


def generate(build_dir, path, packets):
    command = [str(build_dir / "perf/generate"), "--out", path, "--packets", str(packets), "--servers", "50"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        fail(f"generate: {done.stderr.strip()}")
    return json.loads(done.stderr)


def complete(program, capture, truth, out):
    """One event for every reset connection that the generator wrote, causes too; returns the time this took."""
    done = Run([program, "analyze", capture, "--output", "json", "--quiet"], out)
    if done.status != 0:
        fail(f"analyze: status {done.status}: {done.errors.strip()[-400:]}")
    with open(out, encoding="utf-8") as lines:
        resets = sum(json.loads(line)["count"] for line in lines)
    if resets != truth["reset_connections"]:
        fail(f"analyze: {resets} resets reported, {truth['reset_connections']} written")
    return done


def analyze(build_dir, packets, keep):
    install()
    program = build_dir / "control/cli/resetscope"
    with tempfile.TemporaryDirectory(dir=build_dir, prefix="analyze-") as folder:
        folder = pathlib.Path(folder)
        capture, quarter, million, out, records = (
            folder / n for n in ("all.pcap", "quarter.pcap", "million.pcap", "out", "records"))
        truth = generate(build_dir, capture, packets)
        generate(build_dir, quarter, packets // 4)
        generate(build_dir, million, MILLION)
        json_run = complete(program, capture, truth, out)
        ours = Tool("resetscope", [program, "analyze", capture, "--quiet"], count_resetscope)
        others = list(peers(capture, records))
        notes = [f"capture: {packets:,} packets, {truth['bytes'] // packets} bytes each, "
                 f"{truth['connections']:,} connections, {truth['reset_connections']:,} reset"]
        for round_number in range(ROUNDS):
            for tool in [ours, *others]:
                records.unlink(missing_ok=True)
                tool.run(out)
                if round_number == 0:
                    tool.counted = tool.count(out, records)
        if ours.counted["connections"] != truth["connections"]:
            fail(f"analyze: {ours.counted['connections']} connections reported, {truth['connections']} written")
        small = Run([program, "analyze", quarter, "--quiet"], out)
        short = [Run([program, "analyze", million, "--workers", "1", "--output", "json"], out)
                 for _ in range(SHORT_RUNS)]
        if bad := [run for run in short if run.status != 0]:
            fail(f"analyze: status {bad[0].status}: {bad[0].errors}")
        for tool in others:
            counts = ", ".join(f"{n:,} {what}" for what, n in tool.counted.items())
            ratio = tool.seconds() / ours.seconds()
            notes.append(f"{tool.name}: {tool.seconds():.2f} s; analyze is {ratio:.2f} times as fast; counted {counts}")
        notes.append(f"resetscope: {ours.seconds():.2f} s, as JSON lines {json_run.seconds:.2f} s")
        if keep:
            shutil.move(capture, build_dir / "all.pcap")
        figures = {"analyze_mpps": packets / ours.seconds() / 1e6, "analyze_packets": packets,
                   "analyze_1m_mpps": MILLION / min(run.seconds for run in short) / 1e6,
                   "analyze_rss_mib": max(run.rss_mib for run in ours.runs), "analyze_rss_quarter_mib": small.rss_mib,
                   "notes": notes}
        figures |= {f"{tool.name}_mpps": packets / tool.seconds() / 1e6 for tool in others}
        if others:
            figures["analyze_vs_best_peer"] = min(tool.seconds() for tool in others) / ours.seconds()
        return figures
