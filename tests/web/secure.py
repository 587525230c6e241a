#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The page off the loopback: HTTPS only, certificates and tokens with their roles, sign-ins that end, the audit log."""
import hashlib
import http.client
import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import time
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import Control, Failure, Workspace, each, program, run, run_ok
from report import ROOT, Report

import browser
import stage
import traffic

RELOAD_S = 12   # files are looked at every two seconds, when somebody comes
COOKIE = "__Host-resetscope"


def make_ca(directory, *arguments):
    run_ok(ROOT / "deploy" / "make-ca", directory, *arguments)


def token_line(name, role, token, until=""):
    return f"{name} {role} {hashlib.sha256(token.encode()).hexdigest()} {until}\n"


def within(seconds, condition):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.25)
    return False


class Secure(stage.Stage):
    """A control plane whose page every address reaches, over HTTPS."""

    def __init__(self, space):
        self.space, self.fed = space, 0
        self.pki, self.other, self.tokens = space / "pki", space / "other", space / "tokens"
        self.audit = space / "audit.jsonl"
        make_ca(self.pki, "all", "localhost", "127.0.0.1")
        make_ca(self.pki, "--days", "-3", "reader", "expired")
        make_ca(self.pki, "reader", "gone")
        (self.pki / "crl").mkdir()
        make_ca(self.other, "all", "localhost")
        self.write_tokens()
        (space / "names.yaml").write_text(traffic.NAMES)
        (space / "control.yaml").write_text(
            f"tls: {{ca: {self.pki}/ca.crt, cert: {self.pki}/control.crt, key: {self.pki}/control.key,"
            f" crl_dir: {self.pki}/crl}}\n"
            f"access: {{calls_per_s: 100, watches: 3, audit: {self.audit}}}\n"
            f"web: {{listen: \"0.0.0.0:0\", tokens: {self.tokens}, session_hours: 1}}\n"
            f"names: {{path: {space.path}/names.yaml}}\n")
        space.forget_logs()
        self.control = Control(space, arguments=["--config", space / "control.yaml"])
        self.start()

    def start(self):
        self.control.start()
        self.port = int(re.findall(r"web page: https://0\.0\.0\.0:(\d+)/", self.space.log("control"))[-1])
        self.base = f"https://localhost:{self.port}"

    def write_tokens(self, *lines):
        lines = lines or (token_line("alice", "reader", "open sesame"), token_line("bob", "operator", "b"),
                          token_line("late", "reader", "late", "2020-01-01"))
        new = self.space / "tokens.new"
        new.write_text("".join(lines))
        new.rename(self.tokens)

    def context(self, certificate=None, pki=None):
        made = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        if certificate:
            made.load_cert_chain((pki or self.pki) / f"{certificate}.crt", (pki or self.pki) / f"{certificate}.key")
        return made

    def connection(self, certificate=None, pki=None):
        return http.client.HTTPSConnection("localhost", self.port, timeout=20,
                                           context=self.context(certificate, pki))

    def ask(self, method, path, body=None, headers=None, certificate=None, pki=None):
        """(response, JSON or None)"""
        connection = self.connection(certificate, pki)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers or {})
            response = connection.getresponse()
            text = response.read()
            return response, json.loads(text) if text.startswith(b"{") else None
        finally:
            connection.close()

    def info(self, **how):
        return self.ask("POST", "/api/v1/GetServerInfo", {}, **how)

    def sign_in(self, token):
        """The cookie's header, or the response that refused."""
        response, _ = self.ask("POST", "/session", {"token": token})
        cookie = response.getheader("Set-Cookie")
        return cookie.split(";")[0] if cookie else None

    def serial(self):
        with socket.create_connection(("localhost", self.port), timeout=10) as plain:
            with self.context().wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.getpeercert()["serialNumber"]

    def entries(self):
        return [json.loads(line) for line in self.audit.read_text().splitlines()]


class Tests:
    def __init__(self, s):
        self.s = s

    def plaintext(self):
        """plaintext gets no answer, at this port or by the configuration"""
        connection = http.client.HTTPConnection("localhost", self.s.port, timeout=10)
        try:
            connection.request("GET", "/")
            yield f"plaintext was answered with {connection.getresponse().status}"
        except (http.client.HTTPException, ConnectionError):
            pass
        connection.close()
        done = run(program("resetscope-control"), "--web", "0.0.0.0:0", "--store", ":memory:", "--check-config")
        if done.returncode == 0 or "plaintext would leave this machine" not in done.stderr:
            yield f"a page off the loopback without TLS is taken: {done.stderr}"
        old = self.s.context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")   # this side would; the other must not
        try:
            with socket.create_connection(("localhost", self.s.port), timeout=10) as plain:
                old.wrap_socket(plain, server_hostname="localhost")
            yield "TLS 1.1 is spoken"
        except (ssl.SSLError, ConnectionError, ValueError):
            pass

    def nobody(self):
        """who shows nothing gets the page and the reason, never data"""
        response, _ = self.s.ask("GET", "/heatmap")
        policy = response.getheader("Content-Security-Policy") or ""
        if response.status != 200 or "max-age=" not in (response.getheader("Strict-Transport-Security") or "") \
                or "default-src 'none'" not in policy or response.getheader("Set-Cookie"):
            yield f"the page itself: {response.status} {response.getheaders()}"
        for path, method in (("/api/v1/GetServerInfo", "POST"), ("/api/v1/ListResets", "POST"),
                             ("/api/v1/WatchResets", "GET"), ("/session", "GET")):
            response, json_text = self.s.ask(method, path, {} if method == "POST" else None)
            if response.status != 401 or json_text["code"] != "UNAUTHENTICATED" or not json_text["tokens"] \
                    or "nobody is signed in" not in json_text["message"]:
                yield f"{path}: {response.status} {json_text}"
            if "Bearer" not in (response.getheader("WWW-Authenticate") or ""):
                yield f"{path}: no challenge"

    def certificates(self):
        """certificates open by their role; expired, foreign and roleless ones are refused with the reason"""
        for certificate, pki, status, wanted in (("reader", None, 200, ""), ("operator", None, 200, ""),
                                                 ("sensor1", None, 403, "has role sensor; GetServerInfo needs role"),
                                                 ("expired", None, 401, "it expired at 2"),
                                                 ("reader", self.s.other, 401, "not signed by the CA")):
            response, got = self.s.info(certificate=certificate, pki=pki)
            if response.status != status or wanted not in got.get("message", ""):
                yield f"{certificate}: {response.status} {got}"
        response, got = self.s.ask("GET", "/session", certificate="reader")
        if got != {"name": "reader", "by": "certificate"}:
            yield f"/session: {got}"

    def taken_back(self):
        """a certificate on the CA's list opens nothing from its next connection on, those beside it do"""
        def answers():
            return [(self.s.info(certificate=one)[0].status, one) for one in ("gone", "reader")]

        if answers() != [(200, "gone"), (200, "reader")]:
            yield f"before there is a list: {answers()}"
        make_ca(self.s.pki, "revoke", "gone")
        if answers() != [(401, "gone"), (200, "reader")]:
            yield f"after it: {answers()}"
        _, got = self.s.info(certificate="gone")
        if "the CA has taken it back" not in got["message"]:
            yield f"the reason: {got}"

    def tokens(self):
        """tokens open by their role until their end"""
        for token, status in (("open sesame", 200), ("b", 200), ("late", 401), ("wrong", 401)):
            response, got = self.s.info(headers={"Authorization": f"Bearer {token}"})
            if response.status != status:
                yield f"{token}: {response.status} {got}"
        response, got = self.s.info(headers={"Authorization": "Bearer wrong"}, certificate="reader")
        if response.status != 401:
            yield f"a wrong token beside a good certificate: {response.status}"

    def sessions(self):
        """a sign-in is a cookie that scripts cannot read; signing out ends it; the audit log has both"""
        response, _ = self.s.ask("POST", "/session", {"token": "open sesame"})
        cookie = response.getheader("Set-Cookie") or ""
        for part in (COOKIE + "=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Max-Age=3600"):
            if part not in cookie:
                yield f"no {part} in {cookie}"
        headers = {"Cookie": cookie.split(";")[0]}
        response, got = self.s.ask("GET", "/session", headers=headers)
        if response.status != 200 or got["name"] != "alice" or got["by"] != "token" or got["until"] <= time.time():
            yield f"signed in: {got}"
        if self.s.info(headers=headers)[0].status != 200:
            yield "the cookie opens nothing"
        response, _ = self.s.ask("DELETE", "/session", headers=headers)
        if "Max-Age=0" not in (response.getheader("Set-Cookie") or ""):
            yield f"signing out: {response.getheaders()}"
        response, got = self.s.info(headers=headers)
        if response.status != 401 or "the sign-in is over" not in got["message"]:
            yield f"after signing out: {response.status} {got}"
        for body in ({"token": "wrong"}, {"token": 5}, {}, [], {"token": "x" * 100_000}):
            response, got = self.s.ask("POST", "/session", body)
            if response.status not in (400, 401) or response.getheader("Set-Cookie"):
                yield f"{str(body)[:40]}: {response.status} {got}"
        said = [(e["who"], e["action"], e["allowed"]) for e in self.s.entries()]
        for wanted in (("alice", "SignIn", True), ("alice", "SignOut", True), ("nobody", "SignIn", False)):
            if wanted not in said:
                yield f"not in the audit log: {wanted}: {said}"

    def others(self):
        """pages of other origins may not ask in somebody's name"""
        headers = {"Authorization": "Bearer b"}
        host = f"localhost:{self.s.port}"
        for extra, status in (({"Origin": "https://evil.example"}, 403), ({"Origin": f"http://{host}"}, 403),
                              ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
                              ({"Origin": f"https://{host}", "Sec-Fetch-Site": "same-origin"}, 200)):
            response, got = self.s.info(headers=headers | extra)
            if response.status != status:
                yield f"{extra}: {response.status} {got}"
        response, _ = self.s.ask("GET", "/heatmap", headers={"Sec-Fetch-Site": "cross-site"})
        if response.status != 200:
            yield f"a link from elsewhere: {response.status}"

    def streams(self):
        """streams are counted by name, and end with the token that opened them"""
        def watch(headers):
            connection = self.s.connection()
            connection.request("GET", "/api/v1/WatchResets?request={}", headers=headers)
            return connection, connection.getresponse()

        headers = {"Cookie": self.s.sign_in("open sesame")}
        opened = [watch(headers) for _ in range(4)]
        statuses = [response.status for _, response in opened]
        if statuses != [200, 200, 200, 429]:
            yield f"four streams of one name: {statuses}"
        self.s.write_tokens(token_line("bob", "operator", "b"))
        if not within(RELOAD_S, lambda: self.s.info(headers=headers)[0].status == 401):
            yield "a withdrawn token's sign-in goes on"
        self.s.feed(traffic.fresh(time.time_ns(), 5))
        opened[0][0].sock and opened[0][0].sock.settimeout(10)
        try:
            rest = opened[0][1].read()
            if b"data: {\"event\"" in rest:
                yield "the stream told of an ending after its token was withdrawn"
        except (http.client.HTTPException, TimeoutError) as e:
            yield f"the stream does not end: {e!r}"
        for connection, _ in opened:
            connection.close()
        self.s.write_tokens("nonsense\n")
        time.sleep(2.5)
        if self.s.info(headers={"Authorization": "Bearer b"})[0].status != 200:
            yield "a faulty file took the tokens before it away"
        self.s.write_tokens()
        if not within(RELOAD_S, lambda: self.s.info(headers={"Authorization": "Bearer open sesame"})[0].status == 200):
            yield "the new file's tokens are not taken"

    def renewal(self):
        """new certificates are served within seconds; a broken key changes nothing"""
        before = self.s.serial()
        make_ca(self.s.pki, "server", "control", "localhost", "127.0.0.1")
        if not within(RELOAD_S, lambda: self.s.serial() != before):
            yield "the new certificate is not served"
        served = self.s.serial()
        key = self.s.pki / "control.key"
        good = key.read_bytes()
        key.write_bytes(b"nonsense")
        time.sleep(2.5)
        if self.s.serial() != served or "the certificates before it stay" not in self.s.space.log("control"):
            yield "a broken key was taken, or nothing said of it"
        key.write_bytes(good)

    def restart(self):
        """after a restart sign-ins are over, and it says so"""
        headers = {"Cookie": self.s.sign_in("open sesame")}
        if self.s.info(headers=headers)[0].status != 200:
            yield "not signed in before"
        self.s.control.stop()
        self.s.start()
        response, got = self.s.info(headers=headers)
        if response.status != 401 or "control plane was started again" not in got["message"]:
            yield f"{response.status} {got}"


class Host:
    """What secure.mjs asks for."""

    def __init__(self, s):
        self.s = s

    def withdraw(self):
        self.s.write_tokens(token_line("bob", "operator", "b"))
        return True


def main():
    report = Report()
    with Workspace("web-secure") as space:
        try:
            s = Secure(space)
            s.feed(traffic.company(time.time_ns(), hours=1.0))
        except (Failure, OSError, subprocess.SubprocessError, IndexError) as e:
            report.fail("the page off the loopback", str(e))
            report.exit()
        t = Tests(s)
        each(report, [stage.listed(one) for one in (t.plaintext, t.nobody, t.certificates, t.taken_back, t.tokens,
                                                    t.sessions, t.others, t.streams, t.renewal, t.restart)])
        if browser.present():
            gallery = browser.build_dir() / "gallery"
            gallery.mkdir(exist_ok=True)
            setup = {"base": s.base, "gallery": str(gallery), "until": time.time_ns() // 1_000_000, "hours": 1,
                     "pki": str(s.pki)}
            browser.drive(report, "secure.mjs", setup, Host(s))
        else:
            report.fail("signing in, in Chromium", "chromium or node is not installed")
    report.exit()


if __name__ == "__main__":
    main()
