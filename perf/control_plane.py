# SPDX-License-Identifier: Apache-2.0
"""The control plane under the load of two sensors (perf/control/sensor_load_bench.cc): how fast endings become
committed rows with correlation on, how fast questions are answered over a week of them, alone and while more come in,
how long a reset on a mirror port takes to reach a watching client, and what all this needs of memory.

Ingest has one core to itself and everything in it: gRPC, verification, merge, SQLite, correlation. The load has the
others. Every stored row is accounted for before a figure is given."""
import contextlib
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from machine import ROOT, fail

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "e2e")]

START_S = 1_700_000_000 // 3600 * 3600
WEEK_S = 7 * 86_400
SERVICES = NETWORKS = 1000
CALL_S = 60
ROUNDS = 20
MIXED = 200
INGEST_ROWS, PER_SECOND = (2_000_000, 300_000), 200_000   # full, quick; of packet time
STATISTICS_ROWS = (2_000_000, 200_000)
WATCHED_RESETS = (200, 40)


class Plane:
    """resetscope-control over a store of its own."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.server = f"unix:{folder}/control.sock"
        self.log = open(folder / "control.log", "ab")
        reader, writer = os.pipe()
        self.process = subprocess.Popen(
            [build / "control/resetscope-control", "--store", folder / "events.db", "--listen", self.server,
             "--retention-days", "0", "--max-store-mib", "0", "--ready-fd", str(writer)],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, pass_fds=(writer,))
        os.close(writer)
        if not os.read(reader, 16):
            fail(f"the control plane does not start: {(folder / 'control.log').read_text()[-500:]}")
        os.close(reader)

    def use_cores(self, cores):
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), cores)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        fields = {k: int(v.split()[0]) for k, v in (line.split(":", 1) for line in status.splitlines())
                  if k in ("VmHWM", "RssFile", "RssShmem")}
        return fields["VmHWM"] / 1024

    def stop(self):
        self.process.terminate()
        if self.process.wait(120) != 0:
            fail(f"the control plane ended badly: {(self.folder / 'control.log').read_text()[-500:]}")
        self.log.close()


def load(plane, core, **options):
    command = ["taskset", "-c", str(core)] if core is not None else []
    command += [str(plane.build / "perf/sensor_load"), "--server", plane.server, "--services", str(SERVICES),
                "--networks", str(NETWORKS)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process):
    out, err = process.communicate()
    if process.returncode != 0:
        fail(f"sensor_load: {err.strip()[-400:]}")
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


def ingest(plane, clients, events):
    """Endings to committed and correlated rows as fast as they happen, the control plane on one core."""
    cores = sorted(os.sched_getaffinity(0))
    plane.use_cores({cores[0]})
    cpu, start = plane.cpu_seconds(), time.monotonic()
    done = finished(load(plane, cores[-1], events=events, start=START_S - 3600, span=max(1, events // PER_SECOND)))
    while True:
        info = clients.resetscope.GetServerInfo(clients.query.GetServerInfoRequest(), timeout=CALL_S)
        if info.correlated_cursor >= info.events:
            break
        time.sleep(0.05)
    seconds, cpu = time.monotonic() - start, plane.cpu_seconds() - cpu
    if info.endings != done["endings"]:
        fail(f"ingest: {done['endings']:.0f} endings sent, {info.endings} stored")
    return {"ingest_events_per_s": done["rows"] / seconds, "ingest_events_per_cpu_s": done["rows"] / cpu}


def fill(plane, clients, events):
    """A week of endings, to be asked about."""
    start = time.monotonic()
    done = finished(load(plane, None, events=events, start=START_S, span=WEEK_S, boot=4))
    seconds = time.monotonic() - start
    info = clients.resetscope.GetServerInfo(clients.query.GetServerInfoRequest(), timeout=CALL_S)
    return {"stored_events": info.events, "fill_events_per_s": done["rows"] / seconds}


def rollups(plane, clients, rows):
    """Batches of service statistics alone: they touch sums only. In connections ended, as events are."""
    cores = sorted(os.sched_getaffinity(0))
    plane.use_cores({cores[0]})
    cpu, start = plane.cpu_seconds(), time.monotonic()
    done = finished(load(plane, cores[-1], kind="statistics", events=rows, start=START_S - 86_400, boot=2))
    seconds, cpu = time.monotonic() - start, plane.cpu_seconds() - cpu
    plane.use_cores(set(cores))
    services = clients.resetscope.ListServices(clients.query.ListServicesRequest(limit=10_000), timeout=CALL_S).services
    # Both sensors see the same connections of a service where they share endings: then those of one count.
    counted = sum(s.attempted for s in services)
    if not done["endings"] * 0.4 <= counted <= done["endings"]:
        fail(f"rollups: {done['endings']:.0f} connections sent, {counted} counted")
    return {"rollup_events_per_s": done["endings"] / seconds, "statistics_rows_per_s": done["rows"] / seconds,
            "statistics_rows_per_cpu_s": done["rows"] / cpu}


class Questions:
    """What people ask of a week."""

    def __init__(self, clients, seed=1):
        self.query, self.stub = clients.query, clients.resetscope
        self.week = self.query.TimeRange()
        self.week.since.seconds, self.week.until.seconds = START_S, START_S + WEEK_S
        self.chance = random.Random(seed)
        page = self.stub.ListResets(self.query.ListResetsRequest(range=self.week, page_size=500, brief=True),
                                    timeout=CALL_S)
        newest = self.stub.ListResets(self.query.ListResetsRequest(range=self.week, page_size=500, brief=True,
                                                                   last=True), timeout=CALL_S)
        self.known = [*page.events, *newest.events]
        second_half = self.query.TimeRange()
        second_half.CopyFrom(self.week)
        second_half.since.seconds += WEEK_S // 2
        self.middle = self.stub.ListResets(self.query.ListResetsRequest(range=second_half, page_size=100),
                                           timeout=CALL_S)

    def heatmap(self):
        q = self.query
        request = q.HeatmapRequest(x=q.DIMENSION_TIME, y=q.DIMENSION_SERVICE, range=self.week, rows=50)
        answer = self.stub.Heatmap(request, timeout=CALL_S)
        if len(answer.y_labels) != 50 or answer.total <= 0:
            fail(f"heatmap: {len(answer.y_labels)} rows, total {answer.total}")

    def top(self):
        q = self.query
        answer = self.stub.Top(q.TopRequest(by=[q.DIMENSION_SERVICE], range=self.week), timeout=CALL_S)
        if len(answer.rows) != 20:
            fail(f"top: {len(answer.rows)} rows")

    def why(self):
        event = self.chance.choice(self.known)
        answer = self.stub.Why(self.query.WhyRequest(client=event.client.ip, server=f"{event.server.ip}:443"),
                               timeout=CALL_S)
        if not answer.explanations or answer.matching < 1:
            fail("why: no explanation of a stored ending")

    def newest_page(self):
        answer = self.stub.ListResets(self.query.ListResetsRequest(last=True), timeout=CALL_S)
        if len(answer.events) != 100:
            fail(f"list: {len(answer.events)} events on the first page")

    def middle_page(self):
        """Half the week's pages were turned before it."""
        answer = self.stub.ListResets(self.query.ListResetsRequest(range=self.week,
                                                                   page_token=self.middle.next_page_token),
                                      timeout=CALL_S)
        if not answer.events or answer.events[0].time.ToNanoseconds() < self.middle.events[-1].time.ToNanoseconds():
            fail("list: the page in the middle does not follow the one before")

    def page_of_server(self):
        server = self.chance.choice(self.known).server.ip
        if not self.stub.ListResets(self.query.ListResetsRequest(filter=f"server_ip = {server}", last=True),
                                    timeout=CALL_S).events:
            fail(f"list: nothing of {server}")

    def page_of_client(self):
        client = self.chance.choice(self.known).client.ip
        if not self.stub.ListResets(self.query.ListResetsRequest(filter=f"client_ip = {client}", include_benign=True),
                                    timeout=CALL_S).events:
            fail(f"list: nothing of {client}")

    def page_of_cause(self):
        self.stub.ListResets(self.query.ListResetsRequest(filter="cause = tls_failure", range=self.week, last=True),
                             timeout=CALL_S)

    def get(self):
        event = self.chance.choice(self.known)
        if self.stub.GetReset(self.query.GetResetRequest(id=event.id), timeout=CALL_S).event.id != event.id:
            fail("get: another event")

    def incidents(self):
        self.stub.ListIncidents(self.query.ListIncidentsRequest(range=self.week), timeout=CALL_S)


def milliseconds(call):
    start = time.monotonic()
    call()
    return (time.monotonic() - start) * 1000


def questions(clients):
    """Medians of ROUNDS, each asked over gRPC by a Python client; and the slowest first page."""
    ask = Questions(clients)
    figures = {}
    for name in ("heatmap", "top", "why", "newest_page", "middle_page", "page_of_server", "page_of_client",
                 "page_of_cause", "get"):
        call = getattr(ask, name)
        call()
        times = [milliseconds(call) for _ in range(ROUNDS)]
        figures[f"{name}_ms"] = statistics.median(times)
        figures[f"{name}_worst_ms"] = max(times)
    return figures


def mixed(plane, clients):
    """200 questions of all kinds while the sensors go on."""
    ask = Questions(clients, 2)
    kinds = [ask.heatmap, ask.top, ask.why, ask.newest_page, ask.middle_page, ask.page_of_server,
             ask.page_of_client, ask.page_of_cause, ask.get, ask.incidents]
    before = clients.resetscope.GetServerInfo(clients.query.GetServerInfoRequest(), timeout=CALL_S).events
    sensors = load(plane, None, events=1_000_000_000, start=START_S + WEEK_S, span=WEEK_S * 1000, boot=3)
    start = time.monotonic()
    time.sleep(1)
    chance = random.Random(3)
    try:
        times = sorted(milliseconds(chance.choice(kinds)) for _ in range(MIXED))
    finally:
        sensors.terminate()
        sensors.communicate()
    after = clients.resetscope.GetServerInfo(clients.query.GetServerInfoRequest(), timeout=CALL_S).events
    return {"mixed_p99_ms": times[int(len(times) * 0.99) - 1], "mixed_median_ms": statistics.median(times),
            "mixed_ingest_events_per_s": (after - before) / (time.monotonic() - start)}


SENDER = """
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("feed0", 0))
data, at = sys.stdin.buffer.read(), 0
while at < len(data):
    port, size = struct.unpack_from("<HH", data, at)
    at += 4
    s.send(data[at:at + size])
    at += size
    if port:
        print(port, time.time(), flush=True)
        time.sleep(0.03)
"""


def reset_to_client(build, folder, resets):
    """From a reset on a mirror port to the client that watches: settle time, fold, export, store, watch."""
    os.environ["RESETSCOPE_BUILD"] = str(build)
    import struct
    from clients import Clients
    from live_net import Net, Sensor, rounds
    from programs import Control, Workspace
    with Workspace("perf-watch") as space, Net(1) as net:
        control = Control(space).start()
        clients = Clients(control.server)
        sensor = Sensor(space, net, control, "s1", "--interface", "mirror0")
        arrived = {}
        call = clients.resetscope.WatchResets(clients.query.WatchResetsRequest(include_benign=True), timeout=120)

        def collect():
            try:
                for item in call:
                    if item.WhichOneof("item") == "event":
                        arrived.setdefault(item.event.client.port, time.time())
            except Exception:   # cancelled
                pass

        thread = threading.Thread(target=collect)
        thread.start()
        time.sleep(1)
        data = b""
        for i in range(resets):
            steps = [frames[0][1] for frames in rounds(1, 20_000 + i)]
            for n, frame in enumerate(steps):
                data += struct.pack("<HH", 20_000 + i if n + 1 == len(steps) else 0, len(frame)) + frame
        done = subprocess.run(["ip", "netns", "exec", net.name, sys.executable, "-c", SENDER], input=data,
                              capture_output=True, timeout=120)
        sent = {int(p): float(t) for p, t in (line.split() for line in done.stdout.decode().splitlines())}
        deadline = time.monotonic() + 20
        while len(arrived) < resets and time.monotonic() < deadline:
            time.sleep(0.1)
        call.cancel()
        thread.join()
        sensor.stop()
        clients.close()
        control.stop()
    if len(arrived) < resets:
        fail(f"watch: {len(arrived)} of {resets} resets reached the client")
    times = sorted((arrived[p] - sent[p]) * 1000 for p in sent)
    return {"rst_to_client_p99_ms": times[int(len(times) * 0.99) - 1],
            "rst_to_client_median_ms": statistics.median(times)}


def control_plane(build, quick, events, store):
    """`events` to store; `store`: a folder to keep it in, else it goes."""
    from clients import Clients
    figures = {}
    folder = pathlib.Path(store) if store else pathlib.Path(tempfile.mkdtemp(dir=build, prefix="control-"))
    folder.mkdir(parents=True, exist_ok=True)
    fresh = not (folder / "events.db").exists()
    plane = Plane(build, folder)
    clients = Clients(plane.server)
    try:
        if fresh:
            figures |= ingest(plane, clients, INGEST_ROWS[quick])
            figures |= rollups(plane, clients, STATISTICS_ROWS[quick])
            figures |= fill(plane, clients, events)
        else:
            info = clients.resetscope.GetServerInfo(clients.query.GetServerInfoRequest(), timeout=CALL_S)
            figures["stored_events"] = info.events
        figures |= questions(clients)
        figures |= mixed(plane, clients)
        figures["rss_mib"] = plane.peak_mib()
        figures["store_mib"] = (folder / "events.db").stat().st_size / 2**20
    finally:
        clients.close()
        plane.stop()
        if not store:
            shutil.rmtree(folder, ignore_errors=True)
    if os.geteuid() == 0:
        figures |= reset_to_client(build, folder, WATCHED_RESETS[quick])
    else:
        figures["notes"] = ["the way from a reset to a watching client is measured on a network of its own: needs root"]
    return figures
