#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mutual TLS, roles, limits and the audit log, seen from outside: the programs, and a Python client of the .proto."""
import json
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from clients import CALL_S, Clients, status_of
from programs import Control, Failure, Workspace, each, program, run, run_ok, sensor_command
from report import ROOT, Report

RELOAD_S = 15    # files are looked at every two seconds
AWAY = "192.0.2.1:50061"   # RFC 5737: nobody's


def make_ca(directory, *arguments):
    run_ok(ROOT / "deploy" / "make-ca", directory, *arguments)


def until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Setting:
    """A control plane with a Unix socket and a TLS port; its CA, and another one that it does not know."""

    def __init__(self, space):
        self.space = space
        space.forget_logs()
        self.pki, self.other = space / "pki", space / "other"
        make_ca(self.pki, "all", "localhost", "127.0.0.1")
        make_ca(self.pki, "--days", "-3", "reader", "expired")
        make_ca(self.pki, "sensor", "s1")
        make_ca(self.other, "all", "localhost", "127.0.0.1")
        (self.pki / "crl").mkdir()
        self.audit = space / "audit.jsonl"
        self.config = space / "control.yaml"
        self.configure(operators=["listed"])
        make_ca(self.pki, "reader", "listed")
        self.control = Control(space, arguments=["--config", self.config, "--listen", "127.0.0.1:0"]).start()
        found = re.search(r"listening on 127\.0\.0\.1:0 \(port (\d+)\) with TLS", space.log("control"))
        if not found:
            raise Failure(f"no TLS port: {space.log('control')[-300:]}")
        self.port = found.group(1)
        self.server = f"localhost:{self.port}"
        self.clients = Clients(self.server, self.credentials("reader"))
        self.capture, _ = space.capture("some.pcap", "--packets", 20_000, "--clients", 300)

    def configure(self, operators, calls_per_s=0):
        self.config.write_text(
            f"tls: {{ca: {self.pki}/ca.crt, cert: {self.pki}/control.crt, key: {self.pki}/control.key, "
            f"crl_dir: {self.pki}/crl}}\n"
            f"access: {{operators: {json.dumps(operators)}, calls_per_s: {calls_per_s}, watches: 3, "
            f"audit: {self.audit}}}\n")

    def files(self, name, pki=None):
        pki = pki or self.pki
        return pki / "ca.crt", pki / f"{name}.crt", pki / f"{name}.key"

    def credentials(self, name, pki=None, roots=None):
        ca, cert, key = self.files(name, pki)
        return grpc.ssl_channel_credentials((roots or ca).read_bytes(), key.read_bytes(), cert.read_bytes())

    def cli(self, name, *arguments, pki=None, server=None):
        ca, cert, key = self.files(name, pki)
        return run(program("resetscope"), "--server", server or self.server, "--tls-ca", ca, "--tls-cert", cert,
                   "--tls-key", key, "--timeout", "5s", *arguments)

    def sensor(self, name, certificate, *arguments, pki=None):
        ca, cert, key = self.files(certificate, pki)
        command = sensor_command(self.space, self.control, self.capture, "--no-fold", "--tls-ca", ca, "--tls-cert",
                                 cert, "--tls-key", key, *arguments, spool=f"spool-{name}-{certificate}")
        command[command.index("--export-server") + 1] = self.server
        command[command.index("--name") + 1] = name
        return command

    def entries(self):
        return [json.loads(line) for line in self.audit.read_text().splitlines()]


def code_with(setting, credentials):
    channel = setting.clients.open(setting.server, credentials)
    stub = setting.clients.on(channel, "Resetscope")
    code = status_of(stub.GetServerInfo, setting.clients.query.GetServerInfoRequest(), timeout=4)
    channel.close()
    return code


def tests(setting):
    query = setting.clients.query

    def plaintext():
        """plaintext: no program speaks it to another machine."""
        control = run(program("resetscope-control"), "--store", ":memory:", "--listen", "0.0.0.0:0")
        if control.returncode != 2 or "plaintext would leave this machine" not in control.stderr:
            yield f"the control plane: status {control.returncode}: {control.stderr[:200]}"
        client = run(program("resetscope"), "--server", AWAY, "status")
        if client.returncode != 2 or "--tls-ca" not in client.stderr:
            yield f"the client: status {client.returncode}: {client.stderr[:200]}"
        sensor = run(program("resetscope-sensor"), "--read", setting.capture, "--export-server", AWAY)
        if sensor.returncode == 0 or "plaintext" not in sensor.stderr:
            yield f"the sensor: status {sensor.returncode}: {sensor.stderr[:200]}"
        channel = grpc.insecure_channel(setting.server)
        code = status_of(setting.clients.on(channel, "Resetscope").GetServerInfo, query.GetServerInfoRequest(),
                         timeout=3)
        channel.close()
        if code != grpc.StatusCode.UNAVAILABLE:
            yield f"plaintext on the TLS port gives {code.name}"

    def delivery():
        """sensor: writes over TLS under its certificate's name."""
        run_ok(*setting.sensor("s1", "s1"))
        answer = setting.clients.resetscope.ListSensors(query.ListSensorsRequest(), timeout=CALL_S)
        if [s.name for s in answer.sensors] != ["s1"] or answer.sensors[0].events == 0:
            yield f"sensors: {[(s.name, s.events) for s in answer.sensors]}"
        if not setting.control.events():
            yield "no events were stored"

    def impostor():
        """sensor: one that claims another's name is refused, and both sides say so."""
        process = setting.space.start("impostor", setting.sensor("s1", "sensor1"))
        said = until(lambda: 'not that of sensor "s1"' in setting.space.log("impostor"), 15)
        process.kill()
        process.wait()
        if not said:
            yield f"the sensor's log does not say why: {setting.space.log('impostor')[-300:]}"
        if not any(e["who"] == "sensor1" and not e["allowed"] for e in setting.entries()):
            yield "the audit log does not have it"
        if [s.name for s in setting.clients.resetscope.ListSensors(query.ListSensorsRequest(),
                                                                     timeout=CALL_S).sensors] != ["s1"]:
            yield "it is among the sensors"

    def roles():
        """roles: readers ask, operators change, sensors only write."""
        if (done := setting.cli("reader", "status")).returncode != 0:
            yield f"a reader cannot ask: {done.stderr[:200]}"
        refused = setting.cli("reader", "admin", "log-level", "debug")
        if refused.returncode != 1 or "role reader; SetLogLevel needs role operator" not in refused.stderr:
            yield f"a reader's change: status {refused.returncode}: {refused.stderr[:200]}"
        done = setting.cli("operator", "admin", "log-level", "debug", "-o", "json")
        if done.returncode != 0 or json.loads(done.stdout) != {"level": "debug", "before": "info"}:
            yield f"an operator's change: status {done.returncode}: {done.stdout}{done.stderr[:200]}"
        if (done := setting.cli("listed", "admin", "log-level", "info")).returncode != 0:
            yield f"an operator by the configuration: {done.stderr[:200]}"
        if (done := setting.cli("operator", "admin", "log-level", "loud")).returncode != 2:
            yield f"a level that is none: status {done.returncode}"
        refused = setting.cli("sensor1", "status")
        if refused.returncode != 1 or "role sensor" not in refused.stderr:
            yield f"a sensor asking: status {refused.returncode}: {refused.stderr[:200]}"
        code = status_of(setting.clients.on(setting.clients.channel, "Operation").ListAudit,
                         setting.clients.operation.ListAuditRequest())
        if code != grpc.StatusCode.PERMISSION_DENIED:
            yield f"a reader listing the audit gives {code.name}"
        told = setting.cli("operator", "admin", "audit", "-o", "json").stdout
        audit = [json.loads(line) for line in told.splitlines()]
        told = [(e["who"], e["action"], e["detail"], e["allowed"]) for e in audit if "LogLevel" in e["action"]]
        if told != [("reader", "SetLogLevel", "", False), ("operator", "SetLogLevel", "debug", True),
                    ("listed", "SetLogLevel", "info", True), ("operator", "SetLogLevel", "loud", True)]:
            yield f"the audit tells {told}"
        if audit[-1] not in setting.entries():
            yield "the audit file has not what the audit call tells"

    def strangers():
        """handshake: a wrong CA, an expired or missing certificate and a wrong host name are turned away."""
        for what, credentials in (
                ("a certificate of another CA",
                 setting.credentials("reader", setting.other, setting.pki / "ca.crt")),
                ("an expired certificate", setting.credentials("expired")),
                ("no certificate", grpc.ssl_channel_credentials((setting.pki / "ca.crt").read_bytes())),
                ("a server of another CA", setting.credentials("reader", roots=setting.other / "ca.crt"))):
            code = code_with(setting, credentials)
            if code != grpc.StatusCode.UNAVAILABLE:
                yield f"{what} gives {code.name}"
        for what, arguments, pki in (("another CA", (), setting.other),
                                     ("a wrong host name", ("--tls-server-name", "elsewhere"), None)):
            done = setting.cli("reader", "status", *arguments, pki=pki)
            if done.returncode != 1 or "With TLS" not in done.stderr:
                yield f"the client with {what}: status {done.returncode}: {done.stderr[:200]}"
        done = setting.cli("expired", "status")
        if done.returncode != 1 or "expired at" not in done.stderr:
            yield f"the client with an expired certificate: status {done.returncode}: {done.stderr[:200]}"
        ca, cert, _ = setting.files("reader")
        _, _, key = setting.files("operator")
        done = run(program("resetscope"), "--server", setting.server, "--tls-ca", ca, "--tls-cert", cert,
                   "--tls-key", key, "status")
        if done.returncode != 1 or "is not the private key" not in done.stderr:
            yield f"the client with another's key: status {done.returncode}: {done.stderr[:200]}"
        sensor = run(*setting.sensor("s1", "expired"))
        if sensor.returncode == 0 or "expired at" not in sensor.stderr:
            yield f"the sensor with an expired certificate: status {sensor.returncode}: {sensor.stderr[-200:]}"
        if "gRPC: Handshake failed" not in setting.space.log("control"):
            yield "the control plane's log says nothing of it"
        done = run(program("resetscope"), "status", env={
            "RESETSCOPE_SERVER": setting.server, "RESETSCOPE_TLS_CA": str(ca), "RESETSCOPE_TLS_CERT": str(cert),
            "RESETSCOPE_TLS_KEY": str(setting.pki / "reader.key")})
        if done.returncode != 0:
            yield f"the client by variables: {done.stderr[:200]}"

    def rotation():
        """reload: a new certificate is served within seconds, and no stream breaks."""
        def serial():
            shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{setting.port}", "-CAfile",
                                    setting.pki / "ca.crt"], input=b"", capture_output=True, timeout=10).stdout
            return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True,
                                  timeout=10).stdout

        before, seen, ended = serial(), [], []
        watch = setting.clients.resetscope.WatchResets(query.WatchResetsRequest(include_benign=True), timeout=60)

        def collect():
            try:
                for item in watch:
                    if item.WhichOneof("item") == "event":
                        seen.append(item.event.id)
            except grpc.RpcError as e:
                if e.code() != grpc.StatusCode.CANCELLED:
                    ended.append(e.code().name)

        thread = threading.Thread(target=collect)
        thread.start()
        make_ca(setting.pki, "server", "control", "localhost", "127.0.0.1")
        if not until(lambda: serial() not in (before, b""), RELOAD_S):
            yield f"after {RELOAD_S} s the old certificate is still served"
        # A file half written must not take the server down, nor the good certificate with it.
        good = (setting.pki / "control.crt").read_bytes()
        (setting.pki / "control.crt").write_bytes(good[:100])
        time.sleep(2.5)
        (setting.pki / "control.crt").write_bytes(good)
        if not until(lambda: setting.cli("reader", "status").returncode == 0, RELOAD_S):
            yield "after a broken certificate was mended, nobody gets in"
        setting.capture, _ = setting.space.capture("more.pcap", "--packets", 20_000, "--clients", 300, "--seed", 9)
        run_ok(*setting.sensor("s1", "s1"))
        if not until(lambda: seen or ended, 10) or ended:
            yield f"the stream from before saw {len(seen)} events and ended with {ended}"
        watch.cancel()
        thread.join()

    def taken_back():
        """taken back: from its next connection on a certificate on the CA's list is nobody, a later list included."""
        for name, kept in (("gone1", "gone2"), ("gone2", "reader")):
            for one in (name, kept):
                if not (setting.pki / f"{one}.crt").exists():
                    make_ca(setting.pki, "reader", one)
            if setting.cli(name, "status").returncode != 0:
                yield f"{name} is refused before it is taken back"
            make_ca(setting.pki, "revoke", name)
            if setting.cli(name, "status").returncode == 0:
                yield f"{name} was taken back and still gets in"
            if setting.cli(kept, "status").returncode != 0:
                yield f"{kept} was not taken back and is refused"

    def limits():
        """limits: watches at a time and calls a second of one name; local callers have none."""
        info = query.GetServerInfoRequest()
        if not until(lambda: setting.clients.resetscope.GetServerInfo(info, timeout=CALL_S).watchers == 0, 15):
            yield "a watch that was cancelled goes on"
        watches = [setting.clients.resetscope.WatchResets(query.WatchResetsRequest(), timeout=20) for _ in range(4)]
        until(lambda: not all(w.is_active() for w in watches), 5)
        codes = [w.code().name for w in watches if not w.is_active()]
        if codes != ["RESOURCE_EXHAUSTED"]:
            yield f"of 4 watches {len(codes)} were refused ({codes}), not 1"
        for watch in watches:
            watch.cancel()
        setting.configure(operators=[], calls_per_s=5)
        setting.control.process.send_signal(signal.SIGHUP)
        if not until(lambda: "SIGHUP" in setting.audit.read_text(), 5):
            yield "the audit log does not tell of SIGHUP"
        codes = [status_of(setting.clients.resetscope.ListSensors, query.ListSensorsRequest()) for _ in range(40)]
        good, limited = codes.count(grpc.StatusCode.OK), codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED)
        if good < 10 or limited == 0 or good + limited != 40:
            yield f"of 40 calls {good} were answered and {limited} limited at 5 a second"
        channel = grpc.insecure_channel(setting.control.server)
        local = setting.clients.on(channel, "Resetscope")
        codes = {status_of(local.ListSensors, query.ListSensorsRequest()) for _ in range(40)}
        if codes != {grpc.StatusCode.OK}:
            yield f"local calls answer {[c.name for c in codes]}"
        refused = setting.cli("listed", "admin", "reload")
        if refused.returncode != 1:
            yield "who is no operator any more still changes things"
        code = status_of(local.ListResets, query.ListResetsRequest(filter="a" * 3_000_000))
        channel.close()
        if code != grpc.StatusCode.RESOURCE_EXHAUSTED:
            yield f"a request of 3 MB gives {code.name}"

    def reloading():
        """reload: a faulty configuration changes nothing; the audit log follows a file that was moved."""
        setting.configure(operators=["reader"])
        setting.audit.rename(setting.space / "audit.1")
        done = setting.cli("operator", "admin", "reload", "-o", "json")
        if done.returncode != 0 or "access.operators" not in json.loads(done.stdout)["changed"]:
            yield f"reload: status {done.returncode}: {done.stdout}{done.stderr[:200]}"
        if not setting.audit.exists() or not setting.entries():
            yield "the audit log stays with the moved file"
        if (done := setting.cli("reader", "admin", "audit")).returncode != 0:
            yield f"the new operator: {done.stderr[:200]}"
        setting.config.write_text("access: {operators: [], nonsense: 1}\n")
        done = setting.cli("operator", "admin", "reload")
        if done.returncode != 1 or "nonsense" not in done.stderr:
            yield f"a faulty configuration: status {done.returncode}: {done.stderr[:200]}"
        if setting.cli("reader", "admin", "audit").returncode != 0:
            yield "a faulty configuration changed something"

    return [plaintext, delivery, impostor, roles, strangers, rotation, taken_back, limits, reloading]


def main():
    report = Report()
    with Workspace("security") as space:
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
