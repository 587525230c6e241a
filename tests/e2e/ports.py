#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Live ports: every driver that runs here, many workers, TAP pairs, hand-over, telemetry, reload and honest losses."""
import os
import pathlib
import signal
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from live_net import Net, SYN, Sensor, frame, pcap, rounds, sensor_state, telemetry, unreachable, until
from programs import Control, Failure, Skip, Workspace, each
from report import Report

COUNT = 200  # connections a test


def events_of(control, name):
    return control.events("--sensor", name)


def judged(control, name, count=COUNT):
    """Problems with what a sensor said of `count` connections: one ending each, both directions seen, right sender."""
    events = events_of(control, name)
    ports = {e["client_port"] for e in events}
    if len(events) != count or len(ports) != count:
        yield f"{len(events)} events of {len(ports)} connections, {count} were reset"
    parted = [e for e in events if e["one_sided"] or e["stage"] != "request" or e["claimed_sender"] != "server"]
    if parted:
        e = parted[0]
        yield (f"{len(parted)} connections not seen whole, e.g. stage {e['stage']}, one_sided {e['one_sided']}, "
               f"sender {e['claimed_sender']}")


def balanced(counters, sent):
    """Problems with the counters of a sensor that was sent `sent` frames of connections."""
    if counters.get("received") != sent:
        yield f"{counters.get('received')} packets received, {sent} sent"
    if counters.get("tracked") != sent:
        yield f"{counters.get('tracked')} packets tracked, {sent} sent"
    for name in ("missed", "handover_dropped", "blind_seconds", "ring_dropped_endings"):
        if counters.get(name) != 0:
            yield f"{name} is {counters.get(name)}"


# Each case has client ports of its own: what two sensors say of one connection within moments is one ending to the
# control plane.
def tests(space, net, control):
    def four_queues():
        """ports: AF_PACKET, four workers: every connection whole on one worker; telemetry tells"""
        runtime = space / "run"
        runtime.mkdir()
        sensor = Sensor(space, net, control, "queues", "--interface", "mirror0", "--workers", 4,
                        env={"RUNTIME_DIRECTORY": str(runtime)})
        sent = net.send(rounds(COUNT))
        until(lambda: telemetry(runtime, "/resetscope/counters")["tracked"] == sent, 10, "all packets tracked")
        told = telemetry(runtime, "/resetscope/counters")
        workers = telemetry(runtime, "/resetscope/workers")
        port = telemetry(runtime, "/resetscope/ports")["0"]
        counters = sensor.stop()
        yield from judged(control, "queues")
        yield from balanced(counters, sent)
        if told["received"] != sent or told["connections"] != COUNT:
            yield f"telemetry counts {told['received']} packets and {told['connections']} connections"
        if len(workers) != 4 or sum(w["connections"] for w in workers.values()) != COUNT:
            yield f"telemetry's workers: {workers}"
        if min(w["connections"] for w in workers.values()) < COUNT // 16:
            yield f"connections are not shared out: {[w['connections'] for w in workers.values()]}"
        if (port["name"], port["driver"], port["queues"], port["symmetric"]) != ("mirror0", "net_af_packet", 4, 1):
            yield f"telemetry's port: {port}"

    def handed_over():
        """ports: AF_PACKET, four workers, hand-over on: the same, through the lanes"""
        sensor = Sensor(space, net, control, "lanes", "--interface", "mirror0", "--workers", 4, "--handover", "on")
        sent = net.send(rounds(COUNT, 21000))
        time.sleep(1.5)
        counters = sensor.stop()
        yield from judged(control, "lanes")
        yield from balanced(counters, sent)
        if not sent // 4 < counters["handed_over"] < sent:
            yield f"{counters['handed_over']} of {sent} packets were handed over"

    def rejected():
        """ports: an ICMP error meets the connection it quotes, whichever worker receives it"""
        sensor = Sensor(space, net, control, "icmp", "--interface", "mirror0", "--workers", 4)
        syns = [frame((0x0100 + i % 50, 20000 + i), (0x0200 + i % 7, 443), SYN, 1000, 0) for i in range(COUNT)]
        sent = net.send([[(True, syn) for syn in syns], [(False, unreachable(0x0901, syn)) for syn in syns]])
        time.sleep(1.5)
        counters = sensor.stop()
        found = [e for e in events_of(control, "icmp") if e["ending"] == "rejected"]
        if len(found) != COUNT:
            yield f"{len(found)} of {COUNT} rejections found"
        if (counters["received"], counters["tracked"], counters["icmp_quote"]) != (sent, COUNT, COUNT):
            yield f"{sent} sent, counted {counters['tracked']} tracked and {counters['icmp_quote']} icmp_quote"

    def tap():
        """ports: a TAP's two directions on two ports meet on one worker"""
        sensor = Sensor(space, net, control, "tap", "--tap", "mirror0", "mirror1", "--workers", 2)
        sent = net.send(rounds(COUNT, 22000), lambda from_client: 0 if from_client else 1)
        time.sleep(1.5)
        counters = sensor.stop()
        yield from judged(control, "tap")
        yield from balanced(counters, sent)
        if counters["handed_over"] != 0:
            yield "packets were handed over although the ports share out alike"

    def one_queue():
        """ports: net_pcap, one queue for four workers: handed over by itself"""
        capture = space / "queue.pcap"
        sent = pcap(capture, rounds(COUNT, 23000))
        sensor = Sensor(space, None, control, "pcap", "--interface", f"net_pcap0,rx_pcap={capture}", "--workers", 4)
        time.sleep(2)
        counters = sensor.stop()
        yield from judged(control, "pcap")
        yield from balanced(counters, sent)
        if counters["handed_over"] < sent // 4:
            yield f"only {counters['handed_over']} of {sent} packets were handed over"
        if "1 queue for 4 workers" not in sensor.log():
            yield "the log does not say why"

    def af_xdp():
        """ports: AF_XDP on one queue, two workers"""
        try:
            sensor = Sensor(space, net, control, "xdp", "--interface", "mirror0", "--driver", "af_xdp", "--workers", 2)
        except Failure as e:
            return Skip(f"this kernel has no AF_XDP for us: {str(e)[-200:]}")
        sent = net.send(rounds(COUNT, 24000))
        time.sleep(1.5)
        counters = sensor.stop()
        return [*judged(control, "xdp"), *balanced(counters, sent)]

    def without_frames():
        """ports: net_null floods two workers and net_ring is silent: both add up, stop, leave nothing"""
        sensor = Sensor(space, None, control, "null", "--interface", "net_null0,size=64", "--workers", 2)
        time.sleep(1)
        counters = sensor.stop()
        if counters["not_ip"] + counters["short_link"] != counters["received"] or counters["received"] == 0:
            yield f"net_null: {counters}"
        quiet = Sensor(space, None, control, "ring", "--interface", "net_ring0", "--workers", 2).stop()
        if quiet["received"] != 0:
            yield f"net_ring: {quiet['received']} packets out of nowhere"

    def no_runtime_directory():
        """ports: where no telemetry socket can be made the sensor runs without and says so"""
        sensor = Sensor(space, None, control, "mute", "--interface", "net_ring0",
                        env={"RUNTIME_DIRECTORY": "/proc/nowhere"})
        sensor.stop()
        if "no telemetry socket" not in sensor.log():
            yield "the log does not say so"

    def reload():
        """ports: SIGHUP changes what may change, names what needs a restart, keeps the old on a bad file"""
        file = space / "sensor.yaml"
        text = "capture:\n  ports: [mirror0]\n  workers: {workers}\ntrack:\n  settle_ms: {settle}\n"
        file.write_text(text.format(workers=2, settle=60000))
        sensor = Sensor(space, net, control, "reload", "--config", file)
        net.send(rounds(COUNT, 25000))
        time.sleep(2)
        if events_of(control, "reload"):
            yield "a minute's settle time does not hold"
        file.write_text(text.format(workers=3, settle=200))
        sensor.signal(signal.SIGHUP)
        sensor.wait("RELOADING=1")
        sensor.wait("READY=1")
        sent = net.send(rounds(COUNT, 30000))
        until(lambda: len(events_of(control, "reload")) >= COUNT, 10, "endings after the new settle time")
        file.write_text(text.format(workers=2, settle="soon"))
        sensor.signal(signal.SIGHUP)
        sensor.wait("RELOADING=1")
        sensor.wait("READY=1")
        sent += net.send(rounds(COUNT, 40000))
        until(lambda: len(events_of(control, "reload")) >= 2 * COUNT, 10, "endings after a bad file")
        counters = sensor.stop()
        yield from balanced(counters, sent + sent // 2)
        for words in ("changed: track.settle_ms = 200", "only a restart brings it about: capture.workers",
                      f"kept as it was: {file}:5: track.settle_ms: 'soon' is not"):
            if words not in sensor.log():
                yield f"the log lacks '{words}'"

    def patterns():
        """ports: SIGHUP swaps the patterns of last messages; a bad pattern file changes nothing"""
        file, mine = space / "pattern-sensor.yaml", space / "mine.yaml"
        pattern = ('version: "{version}"\npatterns:\n  - name: house.closing\n    from: [client]\n'
                   "    match: '^{match}'\n    class: admin_kill\n    yes: {{'{match}': house.closing}}\n")
        file.write_text(f"capture:\n  ports: [mirror0]\n  workers: 2\ntrack:\n  settle_ms: 200\n"
                        f"context:\n  patterns: {mine}\n")
        mine.write_text(pattern.format(version=1, match="never sent"))
        sensor = Sensor(space, net, control, "patterns", "--config", file)
        told = 0

        def killed(port):
            nonlocal told
            net.send(rounds(COUNT, port))
            told += COUNT
            until(lambda: len(events_of(control, "patterns")) >= told, 10, "endings")
            return sum(e["cause"] == "admin_kill" for e in events_of(control, "patterns"))

        def again(text):
            mine.write_text(text)
            sensor.signal(signal.SIGHUP)
            sensor.wait("RELOADING=1")
            sensor.wait("READY=1")

        if killed(45000) != 0:
            yield "a pattern that matches nothing names a cause"
        again(pattern.format(version=2, match="xx"))
        if (n := killed(46000)) != COUNT:
            yield f"{n} of {COUNT} endings by the new pattern"
        again(pattern.format(version=3, match="(xx"))
        if (n := killed(47000)) != 2 * COUNT:
            yield f"{n - COUNT} of {COUNT} endings by the pattern before the bad file"
        sensor.stop()
        for words in ("patterns: version 2 of", "kept as it was: context.patterns: "):
            if words not in sensor.log():
                yield f"the log lacks '{words}'"

    def losses():
        """ports: drops are counted by the second, told, and lower the confidence of the verdicts they touch"""
        sensor = Sensor(space, net, control, "blind", "--interface", "mirror0")
        before = list(rounds(COUNT, 26000))
        sent = net.send(before[:4])
        sensor.signal(signal.SIGSTOP)
        time.sleep(0.2)
        stray = [[(True, frame) for _, frame in before[2]] * 60]  # the socket's ring holds 8192
        sent += net.send(stray)
        sensor.signal(signal.SIGCONT)
        time.sleep(1)
        sent += net.send(before[4:])
        time.sleep(1.5)
        after = list(rounds(COUNT, 35000))
        sent += net.send(after[:4])
        time.sleep(1.2)  # as long a silence as before
        sent += net.send(after[4:])
        time.sleep(1.5)
        counters = sensor.stop()
        if counters["received"] + counters["missed"] != sent or counters["missed"] == 0:
            yield f"{sent} sent, {counters['received']} received, {counters['missed']} missed"
        if not 1 <= counters["blind_seconds"] <= 4:
            yield f"{counters['blind_seconds']} blind seconds"
        events = events_of(control, "blind")
        touched = [e for e in events if e["client_port"] < 30000]
        clear = [e for e in events if e["client_port"] >= 30000]
        if len(touched) != COUNT or len(clear) != COUNT:
            yield f"{len(touched)} and {len(clear)} events, {COUNT} each were expected"
            return
        if not all(e["lossy"] for e in touched) or any(e["lossy"] for e in clear):
            yield (f"lossy: {sum(e['lossy'] for e in touched)} of {COUNT} watched through the loss, "
                   f"{sum(e['lossy'] for e in clear)} of {COUNT} after it")
        with_loss, without = (statistics.median(e["confidence"] for e in them) for them in (touched, clear))
        if with_loss >= without:
            yield f"a loss does not lower the confidence: {with_loss} with it, {without} without"
        state = sensor_state(control, "blind")
        if state["missed_packets"] != counters["missed"] or state["blind_seconds"] != counters["blind_seconds"]:
            yield f"the control plane knows {state['missed_packets']} missed, {state['blind_seconds']} blind seconds"

    def listed(generator):
        def test():
            outcome = generator()
            return outcome if isinstance(outcome, Skip) else list(outcome)
        test.__doc__ = generator.__doc__
        return test

    return [listed(t) for t in (four_queues, handed_over, rejected, tap, one_queue, af_xdp, without_frames,
                                no_runtime_directory, reload, patterns, losses)]


def main():
    report = Report()
    if os.geteuid() != 0:
        report.skip("ports", "needs root, for a network namespace and packet sockets")
        report.exit()
    with Workspace("ports") as space, Net(2) as net:
        space.forget_logs()
        try:
            control = Control(space)
            control.start()
            each(report, tests(space, net, control))
            control.stop()
        except Failure as e:
            report.fail("ports", str(e))
    report.exit()


if __name__ == "__main__":
    main()
