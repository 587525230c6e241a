#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Three taps report to one control plane: what correlation makes of it, asked over the public interface."""
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "packet")]
import tap_scenes as scenes
from builder import START_NS, write_pcap
from clients import CALL_S, Clients
from programs import Control, Failure, Workspace, each, sensor_command
from report import Report

READ_S, CORRELATED_S = 60, 20
AWAY_S = 90   # how far the clock of the sensor "late" is off


def read_all(space, control, captures):
    """One sensor a tap, all at once."""
    running = []
    for tap, packets in captures.items():
        path = space / f"{tap}.pcap"
        write_pcap(path, packets)
        command = [tap if part == "s1" else part
                   for part in sensor_command(space, control, path, "--no-fold", spool=f"spool-{tap}")]
        running.append((tap, space.start(tap, command)))
    for tap, process in running:
        try:
            status = process.wait(READ_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"the sensor at {tap} has not ended after {READ_S} s") from None
        if status != 0:
            raise Failure(f"the sensor at {tap} ended with status {status}: {space.log(tap)[-300:]}")


class Answers:
    """The public interface, with everything stored correlated."""

    def __init__(self, control):
        self.clients = Clients(control.server)
        self.query = self.clients.query
        deadline = time.monotonic() + CORRELATED_S
        while not self.correlated():
            if time.monotonic() > deadline:
                raise Failure(f"not everything is correlated after {CORRELATED_S} s")
            time.sleep(0.1)

    def ask(self, call, **fields):
        request = getattr(self.query, call + "Request")(**fields)
        return getattr(self.clients.resetscope, call)(request, timeout=CALL_S)

    def correlated(self):
        newest = max((e.cursor for e in self.events()), default=0)
        return self.ask("GetServerInfo").correlated_cursor >= newest

    def events(self, expression=""):
        found, token = [], ""
        while True:
            page = self.ask("ListResets", filter=expression, include_benign=True, page_size=5000, page_token=token)
            found += page.events
            token = page.next_page_token
            if not token:
                return found

    def incident(self, kind, expression):
        """The one incident of this kind there, or a Failure."""
        every = self.ask("ListIncidents", filter=expression).incidents
        found = [i for i in every if i.kind == getattr(self.query, f"INCIDENT_KIND_{kind}")]
        if len(found) != 1:
            raise Failure(f"{len(found)} {kind} incidents for {expression}: {[i.summary for i in every]}")
        return found[0]


def of_server(server):
    return f"server_ip = {server[0]} and server_port = {server[1]}"


def tests(answers):
    query = answers.query

    def merged():
        """a reset that three taps saw is one event with three sightings."""
        events = [e for e in answers.events(of_server(scenes.WEB)) if e.client.port < 41_000]
        if len(events) != scenes.ABORTS:
            yield f"{scenes.ABORTS} endings, {len(events)} events"
        for e in events:
            if sorted(s.sensor for s in e.sightings) != sorted(scenes.PATH):
                yield f"{e.client.port}: seen by {[s.sensor for s in e.sightings]}"
            if e.location.origin == query.ORIGIN_MIDDLEBOX:
                yield f"{e.client.port}: {e.location.text}"

    def served_once():
        """connections that three taps saw count once."""
        services = answers.ask("ListServices", filter=of_server(scenes.WEB)).services
        want = scenes.ABORTS + 1 + len(scenes.later_traffic())
        if [s.attempted for s in services] != [want]:
            yield f"{want} connections, counted {[s.attempted for s in services]}"

    def located():
        """a reset that one tap did not see comes from between two."""
        events = [e for e in answers.events(of_server(scenes.WEB)) if e.client.port == 41_000]
        if len(events) != 1:
            yield f"{len(events)} events"
            return
        e = events[0]
        if (e.location.after, e.location.before) != ("west", "middle"):
            yield f"placed after \"{e.location.after}\", before \"{e.location.before}\": {e.location.text}"
        if e.revised_origin and e.revised_origin != query.ORIGIN_MIDDLEBOX or \
                query.ORIGIN_MIDDLEBOX not in (e.origin, e.revised_origin):
            yield f"origin {query.Origin.Name(e.origin)}, revised {query.Origin.Name(e.revised_origin)}"

    def chained():
        """a proxy's front ending names the back ending as its root."""
        back = {e.client.port: e for e in answers.events(of_server(scenes.BACK))}
        front = answers.events(of_server(scenes.FRONT))
        if len(back) != scenes.RELAYED or len(front) != scenes.RELAYED:
            yield f"{len(back)} back and {len(front)} front endings, not {scenes.RELAYED}"
            return
        for e in front:
            root = back[33_000 + e.client.port - 50_000]
            if e.root_event_id != root.id or e.revised_cause != query.CAUSE_PROXY_RELAYED:
                yield f"{e.client.port}: root \"{e.root_event_id}\", not {root.id}; {query.Cause.Name(e.revised_cause)}"
        if any(e.root_event_id for e in back.values()):
            yield "a back ending has a root"

    def restarted():
        """connections broken together, then refused: a restart."""
        incident = answers.incident("RESTART", of_server(scenes.SHOP))
        if incident.endings != scenes.BROKEN + scenes.TURNED_AWAY:
            yield f"{incident.endings} endings, not {scenes.BROKEN + scenes.TURNED_AWAY}: {incident.summary}"
        if incident.state != query.INCIDENT_STATE_CLOSED:
            yield "still open, though all was well minutes ago"
        listed = answers.events(incident.filter)
        if len([e for e in listed if e.incident_id == incident.id]) != incident.endings:
            yield f"its filter \"{incident.filter}\" does not list its {incident.endings} endings"

    def learned():
        """an idle timeout is known after ten endings, to two per cent."""
        found = answers.ask("ListIdleTimeouts", filter=of_server(scenes.DATABASE)).timeouts
        if len(found) != 1:
            yield f"{len(found)} timeouts"
            return
        seconds = found[0].value.seconds + found[0].value.nanos / 1e9
        if abs(seconds - scenes.IDLE_S) > scenes.IDLE_S * 0.02:
            yield f"{seconds} s, not {scenes.IDLE_S}"
        if found[0].samples != scenes.IDLE_SAMPLES or found[0].enforced_by != query.ORIGIN_MIDDLEBOX:
            yield f"{found[0].samples} samples, by {query.Origin.Name(found[0].enforced_by)}"
        if not 0 < found[0].keepalive_to_set.seconds < scenes.IDLE_S or "350 s" not in found[0].known_default:
            yield f"keepalive {found[0].keepalive_to_set.seconds} s, default \"{found[0].known_default}\""

    def flooded():
        """SYNs that nobody repeats are a flood."""
        incident = answers.incident("FLOOD", of_server(scenes.FLOODED))
        if not scenes.FLOOD_SYNS * 0.99 <= incident.endings <= scenes.FLOOD_SYNS:
            yield f"{incident.endings} endings of {scenes.FLOOD_SYNS}"

    def scanned():
        """one client at many ports is a scan."""
        incident = answers.incident("SCAN", f"client_ip = {scenes.SCANNER}")
        if incident.endings != scenes.SCANNED_PORTS or incident.clients != 1:
            yield f"{incident.endings} endings of {scenes.SCANNED_PORTS}, {incident.clients} clients"

    def nothing_else():
        """no other incident is seen."""
        every = answers.ask("ListIncidents").incidents
        kinds = sorted(query.IncidentKind.Name(i.kind) for i in every)
        if kinds != ["INCIDENT_KIND_FLOOD", "INCIDENT_KIND_RESTART", "INCIDENT_KIND_SCAN"]:
            yield f"{[i.summary for i in every]}"

    return [merged, served_once, located, chained, restarted, learned, flooded, scanned, nothing_else]


def wrong_clock():
    """a clock that is off by a minute and a half: still one event, and the difference is told."""
    with Workspace("taps-clock") as space:
        space.forget_logs()
        control = Control(space).start()
        captures = scenes.gathered(scenes.aborts(count=8))
        del captures["middle"]
        for packet in captures["west"]:
            packet.time += AWAY_S * scenes.SECOND
        read_all(space, control, captures)
        answers = Answers(control)
        events = answers.events()
        answers.clients.close()
        control.stop()
        skews = [s.skew.ToNanoseconds() / 1e9 for e in events for s in e.sightings if s.sensor != e.sensor]
        problems = []
        if len(events) != 8:
            problems.append(f"{len(events)} events of 8 endings")
        if any(abs(abs(s) - AWAY_S) > 0.1 for s in skews):
            problems.append(f"measured differences {skews}, not {AWAY_S} s")
        return problems


def main():
    report = Report()
    with Workspace("taps") as space:
        space.forget_logs()
        control = Control(space).start()
        stories = [*scenes.aborts(), *scenes.firewall(), *scenes.later_traffic(), *scenes.relayed(), *scenes.restart(),
                   *scenes.idle_timeouts(), *scenes.flood(), *scenes.scan(), *scenes.time_goes_on()]
        read_all(space, control, scenes.gathered(stories))
        answers = Answers(control)

        def attempt(test):
            try:
                return list(test())
            except Failure as failure:
                return [str(failure)]

        def gathered(test):
            def whole():
                # A sighting is no event: all events may be correlated, and the last sightings not yet.
                deadline = time.monotonic() + CORRELATED_S
                while (problems := attempt(test)) and time.monotonic() < deadline:
                    time.sleep(0.2)
                return problems
            whole.__doc__ = test.__doc__
            return whole

        each(report, [gathered(t) for t in tests(answers)])
        answers.clients.close()
        control.stop()
    each(report, [wrong_clock])
    report.exit()


if __name__ == "__main__":
    main()
