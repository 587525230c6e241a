# SPDX-License-Identifier: Apache-2.0
"""Starts, watches and ends the three programs for the tests. Every process is ended by its own handle."""
import collections
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile

from report import build_dir, program

START_S = 20     # a program that is not ready by then never will be
STOP_S = 20
RUN_S = 120
SANITIZER = ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer")


class Failure(Exception):
    """What went wrong, as the test's reason."""


def run(*command, timeout=RUN_S, **options):
    """Runs to the end; never by a signal and never with a sanitizer's complaint."""
    command = [str(c) for c in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    except subprocess.TimeoutExpired:
        raise Failure(f"no end after {timeout} s: {' '.join(command)}") from None
    if done.returncode < 0:
        raise Failure(f"died of signal {-done.returncode}: {' '.join(command)}: {done.stderr.strip()[-300:]}")
    if any(mark in done.stderr for mark in SANITIZER):
        raise Failure(f"sanitizer: {' '.join(command)}: {done.stderr.strip()[:600]}")
    return done


def run_ok(*command, **options):
    done = run(*command, **options)
    if done.returncode != 0:
        raise Failure(f"status {done.returncode}: {' '.join(map(str, command))}: {done.stderr.strip()[-400:]}")
    return done


def json_lines(text):
    try:
        return [json.loads(line) for line in text.splitlines() if line]
    except ValueError as e:
        raise Failure(f"not one JSON object a line: {e}") from None


class Workspace:
    """A short-named directory of its own (Unix socket paths end at 107 bytes), removed at the end with all in it."""

    def __init__(self, name):
        self.name = name
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="rs-"))
        self.logs = build_dir() / "logs" / "programs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.processes = []
        self.mounts = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for mount in self.mounts:
            subprocess.run(["umount", mount], check=False)
        shutil.rmtree(self.path, ignore_errors=True)

    def __truediv__(self, name):
        return self.path / name

    def tmpfs(self, name, size):
        """A small file system of its own; None where mounting is not allowed."""
        path = self.path / name
        path.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "resetscope-test", path],
                          capture_output=True).returncode != 0:
            return None
        self.mounts.append(path)
        return path

    def start(self, name, command, **options):
        log = open(self.logs / f"{self.name}-{name}.log", "ab")
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                   **options)
        log.close()
        self.processes.append(process)
        return process

    def log(self, name):
        return (self.logs / f"{self.name}-{name}.log").read_text(errors="replace")

    def forget_logs(self):
        for old in self.logs.glob(f"{self.name}-*.log"):
            old.unlink()

    def capture(self, name, *arguments):
        """A capture made by perf/generate, and its summary."""
        path = self.path / name
        done = run_ok(build_dir() / "perf" / "generate", "--out", path, *arguments)
        return path, json.loads(done.stderr)


class Control:
    """The control plane of a workspace, on a Unix socket."""

    def __init__(self, space, store="events.db", arguments=()):
        self.space, self.arguments = space, list(arguments)
        self.store = store if store == ":memory:" else space.path / store
        self.server = f"unix:{space.path}/control.sock"
        self.process = None

    def start(self):
        reader, writer = os.pipe()
        command = [program("resetscope-control"), "--store", self.store, "--listen", self.server, "--ready-fd", writer,
                   *self.arguments]
        self.process = self.space.start("control", command, pass_fds=(writer,))
        os.close(writer)
        ready, _, _ = select.select([reader], [], [], START_S)
        said = os.read(reader, 64) if ready else b""
        os.close(reader)
        if not said:
            raise Failure(f"the control plane was not ready in {START_S} s: {self.space.log('control')[-400:]}")
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """Asks it to end; its exit status must be 0."""
        self.process.terminate()
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"the control plane does not end in {STOP_S} s after SIGTERM") from None
        if status != 0:
            raise Failure(f"the control plane ended with status {status}: {self.space.log('control')[-400:]}")

    def events(self, *arguments):
        """All stored events by the command-line client."""
        return json_lines(run_ok(program("resetscope"), "--server", self.server, "resets", "list", "-o", "json",
                                 "--all", "--benign", *arguments).stdout)


def sensor_command(space, control, capture, *arguments, spool="spool"):
    return [program("resetscope-sensor"), "--read", capture, "--export-server", control.server, "--name", "s1",
            "--spool-dir", space.path / spool, *arguments]


# What may differ between two runs over the same packets: the row's place in the store.
VOLATILE = ("cursor",)
# And between two orders of arrival: an incident is called after the ending that opened it.
BY_ARRIVAL = (*VOLATILE, "incident")


def canonical(events, without=VOLATILE):
    """The events as a sorted list of texts, for comparing whole sets."""
    return sorted(json.dumps({k: v for k, v in e.items() if k not in without}, sort_keys=True) for e in events)


def difference(want, got, limit=3):
    """Lines that tell how two canonical lists differ; none when they are equal."""
    want_count, got_count = {}, {}
    for text in want:
        want_count[text] = want_count.get(text, 0) + 1
    for text in got:
        got_count[text] = got_count.get(text, 0) + 1
    lost = [t for t, n in want_count.items() if got_count.get(t, 0) < n]
    extra = [t for t, n in got_count.items() if want_count.get(t, 0) < n]
    if lost or extra:
        yield f"{len(want)} events expected, {len(got)} found: {len(lost)} missing, {len(extra)} too many"
        yield from changed_fields(lost, extra, limit)
        for mark, texts in (("missing", lost), ("too many", extra)):
            for text in texts[:limit]:
                yield f"{mark}: {text[:300]}"


def changed_fields(lost, extra, limit):
    """Of events that are there, but not as they were: what changed, with how many; and the first ones' values."""
    by_id = {e["id"]: e for e in map(json.loads, extra)}
    pairs = [(e, by_id[e["id"]]) for e in map(json.loads, lost) if e["id"] in by_id]
    keys = [[k for k in {**a, **b} if a.get(k) != b.get(k)] for a, b in pairs]
    for key, n in collections.Counter(k for changed in keys for k in changed).most_common():
        yield f"{n} with another {key}"
    for (a, b), changed in list(zip(pairs, keys))[:limit]:
        yield f"{a['id']}: " + ", ".join(f"{k} {a.get(k)!r} became {b.get(k)!r}" for k in changed)[:300]


def each(report, tests):
    """Runs test functions; a Failure or a list of problems is a FAIL. A docstring's first line is the test's name."""
    for test in tests:
        name = test.__doc__.strip().splitlines()[0].rstrip(".")
        try:
            outcome = test()
        except Failure as e:
            report.fail(name, str(e))
            continue
        if isinstance(outcome, Skip):
            report.skip(name, outcome.reason)
        elif isinstance(outcome, str):
            report.ok(name, outcome)
        else:
            report.check(name, outcome or [])


class Skip:
    def __init__(self, reason):
        self.reason = reason
