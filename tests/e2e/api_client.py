#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client made from query.proto alone lists, watches, gets, and uses reflection and health."""
import pathlib
import sys
import threading

import grpc
from google.protobuf import descriptor_pb2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from clients import CALL_S, Clients, status_of
from programs import Control, Workspace, each, run_ok, sensor_command
from report import Report

WATCH_S = 20


class Setting:
    """A control plane with the events of one capture; a second capture waits for the watch."""

    def __init__(self, space):
        self.space = space
        space.forget_logs()
        self.control = Control(space).start()
        self.read("first.pcap", 1)
        self.clients = Clients(self.control.server)

    def read(self, name, seed):
        capture, summary = self.space.capture(name, "--packets", 20_000, "--seed", seed, "--clients", 500)
        run_ok(*sensor_command(self.space, self.control, capture, "--no-fold"))
        return summary

    def list_all(self, **fields):
        query, token, events = self.clients.query, "", []
        while True:
            answer = self.clients.resetscope.ListResets(
                query.ListResetsRequest(page_token=token, include_benign=True, **fields), timeout=CALL_S)
            events += answer.events
            token = answer.next_page_token
            if not token:
                return events


def tests(setting):
    query = setting.clients.query
    stub = setting.clients.resetscope

    def listing():
        """list: pages hold every event once, oldest first."""
        events = setting.list_all(page_size=37)
        cli = setting.control.events()
        ids = [e.id for e in events]
        times = [(e.time.seconds, e.time.nanos) for e in events]
        if len(ids) != len(cli):
            yield f"the client sees {len(ids)} events, the command line {len(cli)}"
        if len(set(ids)) != len(ids):
            yield "an id appears twice"
        if times != sorted(times):
            yield "the events are not in the order of time"
        if not any(e.cause == query.CAUSE_PORT_CLOSED for e in events):
            yield "no port_closed among the causes"
        if any(not e.summary for e in events):
            yield "an event has no summary"

    def benign():
        """list: benign endings are hidden and counted unless asked for."""
        shown = stub.ListResets(query.ListResetsRequest(page_size=10_000), timeout=CALL_S)
        every = setting.list_all()
        hidden = sum(e.count for e in every if e.severity == query.SEVERITY_BENIGN)
        if any(e.severity == query.SEVERITY_BENIGN for e in shown.events):
            yield "a benign event is shown"
        if shown.completeness.hidden_benign != hidden:
            yield f"says {shown.completeness.hidden_benign} hidden, there are {hidden}"

    def getting():
        """get: an event by its id, with advice; an unknown id is NOT_FOUND."""
        event = setting.list_all()[0]
        answer = stub.GetReset(query.GetResetRequest(id=event.id), timeout=CALL_S)
        if answer.event.id != event.id or not answer.event.evidence:
            yield "another event, or one without evidence"
        if not answer.advice.title or not answer.advice.check_first:
            yield "no advice"
        code = status_of(stub.GetReset, query.GetResetRequest(id="00000000000000ff"))
        if code != grpc.StatusCode.NOT_FOUND:
            yield f"an unknown id gives {code.name}"
        code = status_of(stub.GetReset, query.GetResetRequest(id="not an id"))
        if code not in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND):
            yield f"a bad id gives {code.name}"

    def watching():
        """watch: new events arrive live, and a watch resumes after its cursor."""
        before = len(setting.list_all())
        seen, problems = [], []
        call = stub.WatchResets(query.WatchResetsRequest(include_benign=True, last=5), timeout=WATCH_S)

        def collect():
            try:
                for item in call:
                    if item.WhichOneof("item") == "event":
                        seen.append(item.event)
                    elif item.WhichOneof("item") == "lost_events":
                        problems.append(f"{item.lost_events} events skipped")
            except grpc.RpcError as e:
                if e.code() != grpc.StatusCode.CANCELLED:
                    problems.append(f"the watch ended with {e.code().name}")

        thread = threading.Thread(target=collect)
        thread.start()
        setting.read("second.pcap", 2)
        new = len(setting.list_all()) - before
        deadline = threading.Event()
        for _ in range(100):
            if len(seen) >= new + 5 or problems:
                break
            deadline.wait(0.1)
        call.cancel()
        thread.join()
        yield from problems
        if len(seen) != new + 5:
            yield f"5 old and {new} new events expected, {len(seen)} seen"
            return
        middle = seen[len(seen) // 2].cursor
        again = []
        call = stub.WatchResets(query.WatchResetsRequest(include_benign=True, resume_cursor=middle), timeout=WATCH_S)
        for item in call:
            if item.WhichOneof("item") == "event":
                again.append(item.event.cursor)
            if len(again) == len(seen) - len(seen) // 2 - 1:
                break
        call.cancel()
        if again != [e.cursor for e in seen[len(seen) // 2 + 1:]]:
            yield "a resumed watch does not send exactly what came after its cursor"

    def sensors():
        """sensors and server info tell what was read."""
        answer = stub.ListSensors(query.ListSensorsRequest(), timeout=CALL_S)
        if [s.name for s in answer.sensors] != ["s1"]:
            yield f"sensors {[s.name for s in answer.sensors]}, expected s1"
        elif answer.sensors[0].received_packets == 0:
            yield "the sensor says it received nothing"
        info = stub.GetServerInfo(query.GetServerInfoRequest(), timeout=CALL_S)
        if not info.version or info.events != len(setting.list_all()):
            yield f"version \"{info.version}\", {info.events} events"

    def explaining():
        """why: by event and by the two ends, either way round."""
        event = setting.list_all()[0]
        by_id = stub.Why(query.WhyRequest(event_id=event.id), timeout=CALL_S)
        ends = (f"{event.client.ip}:{event.client.port}", f"{event.server.ip}:{event.server.port}")
        for client, server in (ends, ends[::-1]):
            answer = stub.Why(query.WhyRequest(client=client, server=server, limit=5), timeout=CALL_S)
            if event.id not in [e.event.id for e in answer.explanations] or answer.matching < 1:
                yield f"{client} to {server}: {answer.matching} matching"
        if [e.event.id for e in by_id.explanations] != [event.id] or not by_id.explanations[0].advice.meaning:
            yield "by event id: another event, or no advice"
        code = status_of(stub.Why, query.WhyRequest())
        if code != grpc.StatusCode.INVALID_ARGUMENT:
            yield f"no question gives {code.name}"

    def summing():
        """top, heatmap and timeline add up to what lists hold, by whatever dimension."""
        every = setting.list_all()
        total = sum(e.count for e in every)
        dimensions = [d for d in query.Dimension.values() if d not in (query.DIMENSION_UNSPECIFIED, query.DIMENSION_TIME)]
        for d in dimensions:
            name = query.Dimension.Name(d)
            top = stub.Top(query.TopRequest(by=[d], include_benign=True, limit=1000), timeout=CALL_S)
            if round(sum(r.value for r in top.rows) + top.other) != total or round(top.total) != total:
                yield f"top by {name}: {top.total:.0f} of {total}"
            heatmap = stub.Heatmap(query.HeatmapRequest(x=query.DIMENSION_TIME, y=d, include_benign=True), timeout=CALL_S)
            if round(sum(c.value for c in heatmap.cells)) != total:
                yield f"heatmap by {name}: {sum(c.value for c in heatmap.cells):.0f} of {total}"
            line = stub.Timeline(query.TimelineRequest(split_by=d, include_benign=True, limit=5), timeout=CALL_S)
            if round(sum(v for s in line.series for v in s.values)) != total:
                yield f"timeline by {name}: {sum(v for s in line.series for v in s.values):.0f} of {total}"
        refused = stub.Top(query.TopRequest(by=[query.DIMENSION_CAUSE], filter="ending = refused", include_benign=True),
                           timeout=CALL_S).total
        if round(refused) != sum(e.count for e in every if e.ending == query.ENDING_REFUSED):
            yield f"{refused:.0f} refused"
        code = status_of(stub.Heatmap, query.HeatmapRequest(x=query.DIMENSION_CAUSE, y=query.DIMENSION_CAUSE))
        if code != grpc.StatusCode.INVALID_ARGUMENT:
            yield f"a heatmap of one dimension gives {code.name}"

    def services():
        """services: what was attempted adds up, and resets are those of the lists."""
        answer = stub.ListServices(query.ListServicesRequest(limit=10_000), timeout=CALL_S)
        resets = sum(e.count for e in setting.list_all() if e.ending == query.ENDING_RESET)
        if sum(s.reset for s in answer.services) != resets:
            yield f"{sum(s.reset for s in answer.services)} resets, lists have {resets}"
        for s in answer.services:
            if s.established > s.attempted or not s.server.ip:
                yield f"{s.server.ip}: {s.established} established of {s.attempted}"

    def incidents():
        """incidents: listed, watched from the beginning and from a revision; timeouts are listed."""
        listed = stub.ListIncidents(query.ListIncidentsRequest(), timeout=CALL_S).incidents
        newest = max((i.revision for i in listed), default=0)
        seen = {}
        call = stub.WatchIncidents(query.WatchIncidentsRequest(resume_revision=0), timeout=WATCH_S)
        for item in call:
            if not item.HasField("incident"):
                break
            seen[item.incident.id] = item.incident
        call.cancel()
        wanted = {i.id for i in listed if i.state == query.INCIDENT_STATE_OPEN}
        if not wanted <= set(seen):
            yield f"{len(wanted)} open incidents, {len(seen)} seen by the watch"
        code = status_of(stub.WatchIncidents, query.WatchIncidentsRequest(resume_revision=newest + 1_000_000), timeout=3)
        if code not in (grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION):
            yield f"a revision from the future gives {code.name}"
        for t in stub.ListIdleTimeouts(query.ListIdleTimeoutsRequest(), timeout=CALL_S).timeouts:
            if t.samples == 0 or not t.advice:
                yield f"{t.path}: {t.samples} samples, advice \"{t.advice}\""

    def unserved():
        """calls not served answer UNIMPLEMENTED, and the list of served calls is true."""
        info = stub.GetServerInfo(query.GetServerInfoRequest(), timeout=CALL_S)
        service = query.DESCRIPTOR.services_by_name["Resetscope"]
        for method in service.methods:
            request = method.input_type._concrete_class()
            code = status_of(getattr(stub, method.name), request, timeout=2)
            served = code != grpc.StatusCode.UNIMPLEMENTED
            if served != (method.name in info.calls):
                yield f"{method.name} answers {code.name}, listed as served: {method.name in info.calls}"

    def health():
        """health: serving overall and for the query service."""
        messages, check = setting.clients.health, setting.clients.health_stub.Check
        for service in ("", "resetscope.v1.Resetscope"):
            answer = check(messages.HealthCheckRequest(service=service), timeout=CALL_S)
            if answer.status != messages.HealthCheckResponse.SERVING:
                yield f"\"{service}\" has status {answer.status}"
        code = status_of(check, messages.HealthCheckRequest(service="no.such.Service"))
        if code != grpc.StatusCode.NOT_FOUND:
            yield f"an unknown service gives {code.name}"

    def reflection():
        """reflection: lists the service and describes it completely."""
        messages = setting.clients.reflection

        def ask(**fields):
            return next(setting.clients.reflection_stub.ServerReflectionInfo(
                iter([messages.ServerReflectionRequest(**fields)]), timeout=CALL_S))

        names = {s.name for s in ask(list_services="*").list_services_response.service}
        for name in ("resetscope.v1.Resetscope", "grpc.health.v1.Health"):
            if name not in names:
                yield f"{name} is not listed: {sorted(names)}"
        described = ask(file_containing_symbol="resetscope.v1.Resetscope").file_descriptor_response
        methods = set()
        for raw in described.file_descriptor_proto:
            for service in descriptor_pb2.FileDescriptorProto.FromString(raw).service:
                methods |= {m.name for m in service.method}
        if not {m.name for m in query.DESCRIPTOR.services_by_name["Resetscope"].methods} <= methods:
            yield f"described methods: {sorted(methods)}"

    return [listing, benign, getting, watching, explaining, summing, services, incidents, sensors, unserved, health,
            reflection]


def main():
    report = Report()
    with Workspace("api") as space:
        setting = Setting(space)

        def gathered(test):
            def whole():
                return list(test())
            whole.__doc__ = test.__doc__
            return whole

        each(report, [gathered(t) for t in tests(setting)])
        setting.clients.close()
        setting.control.stop()
    report.exit()


if __name__ == "__main__":
    main()
