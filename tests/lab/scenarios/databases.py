# SPDX-License-Identifier: Apache-2.0
"""Databases that refuse, kill or give up on a session: PostgreSQL, MariaDB, Redis. Their protocols by hand."""
import contextlib
import os
import pwd
import shutil
import struct
import time

from context import Expect, recv_all, recv_exact, scenario, wait_reset
from net import LabError, run

LATE = "server:TCP_ABORT_ON_DATA|TCP_TIMEWAIT_SOCKET|TCP_FLAGS|NO_SOCKET"
POSTGRES = "/usr/lib/postgresql/15/bin"


def write_late(c, data, pause=0.5):
    """What a pool does that hands out a dead connection."""
    time.sleep(pause)
    with contextlib.suppress(OSError):
        c.client.send(data)
    time.sleep(0.3)
    c.close()


# --- PostgreSQL


def new_cluster(directory):
    """An empty cluster; making one takes seconds, copying it does not."""
    os.chown(directory, pwd.getpwnam("postgres").pw_uid, -1)
    cluster = os.path.join(directory, "data")
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    run(*as_postgres, f"{POSTGRES}/initdb", "-D", cluster, "-A", "trust", "-N", "--locale=C", "-U", "postgres")
    with open(os.path.join(cluster, "pg_hba.conf"), "w", encoding="ascii") as f:
        f.write("host all all all trust\n")
    return cluster


def postgres(t, port, **settings):
    d = os.path.join(t.directory(), "pg")
    shutil.copytree(t.shared("postgres", new_cluster), d)
    user = pwd.getpwnam("postgres")
    for root, _, files in os.walk(d):
        os.chown(root, user.pw_uid, user.pw_gid)
        for name in files:
            os.chown(os.path.join(root, name), user.pw_uid, user.pw_gid)
    os.chmod(d, 0o700)
    settings = {
        "listen_addresses": t.server_ip(),
        "port": port,
        "unix_socket_directories": "",
        "fsync": "off",
        "autovacuum": "off",
        "max_wal_senders": 0,
        "shared_buffers": "2MB",
        "superuser_reserved_connections": 0,
        "dynamic_shared_memory_type": "mmap",
        **settings,
    }
    options = [a for k, v in settings.items() for a in ("-c", f"{k}={v}")]
    p = t.start(
        t.network.server,
        *("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"),
        *(f"{POSTGRES}/postgres", "-D", d, *options),
        ready_port=port,
    )
    deadline = time.monotonic() + 15
    while "ready to accept connections" not in t.lab.processes.tail(p, 20):  # it listens before it is ready
        if time.monotonic() > deadline:
            raise LabError(f"{t.spec.name}: PostgreSQL is not ready: {t.lab.processes.tail(p)}")
        time.sleep(0.05)


STARTUP = b"user\0postgres\0database\0postgres\0\0"
STARTUP = struct.pack("!II", len(STARTUP) + 8, 196608) + STARTUP  # protocol 3.0


def query(text):
    return b"Q" + struct.pack("!I", len(text) + 5) + text + b"\0"


def pg_messages(sock, until=b"Z"):
    """Messages up to one of this type: [(type, body)]."""
    seen = []
    while not seen or seen[-1][0] != until:
        head = recv_exact(sock, 5)
        if len(head) < 5:
            break
        seen.append((head[:1], recv_exact(sock, struct.unpack("!I", head[1:])[0] - 4)))
    return seen


def pg_session(t, port, i):
    """A session that is ready for queries, and the number of its server process."""
    c = t.connect(port, i)
    c.client.sendall(STARTUP)
    seen = pg_messages(c.client)
    if not seen or seen[-1][0] != b"Z":
        raise LabError(f"{t.spec.name}: PostgreSQL said {seen}")
    return c, next(struct.unpack("!I", body[:4])[0] for kind, body in seen if kind == b"K")


def pg_end(c):
    c.client.sendall(b"X\0\0\0\4")
    recv_all(c.client)
    c.close()


@scenario(
    "overload_postgres",
    "PostgreSQL has all the sessions it may have (53300); the client's query comes all the same",
    Expect(
        "overload",
        ("server",),
        ("closing", "closed", "exchange", "request"),
        ("reset",),
        kernel=LATE + "|TCP_ABORT_ON_CLOSE",
    ),
    core=False,
    seconds=8,
    needs=(f"{POSTGRES}/initdb",),
)
def overload_postgres(t):
    port = t.port()
    postgres(t, port, max_connections=3)
    inside = [pg_session(t, port, i)[0] for i in range(3)]

    def one(i):
        c = t.connect(port, i)
        if i % 2:
            # More than the server reads before it looks for room.
            t.expect(c, "query sent with the startup")
            c.client.sendall(STARTUP + query(b"SELECT '" + b"x" * 12000 + b"'"))
            wait_reset(c.client)
            c.close()
        else:
            t.expect(c, "query sent after the refusal")
            c.client.sendall(STARTUP)
            recv_all(c.client)
            write_late(c, query(b"SELECT 1"))

    t.each(one)
    for c in inside:
        t.expect_clean(c, "a session it had room for")
        pg_end(c)


@scenario(
    "admin_kill_postgres",
    "an administrator ends PostgreSQL sessions (57P01); a pool hands them out once more",
    Expect(
        "admin_kill",
        ("server",),
        ("closing", "closed"),
        ("reset",),
        kernel=LATE,
    ),
    core=False,
    seconds=8,
    needs=(f"{POSTGRES}/initdb",),
)
def admin_kill_postgres(t):
    port = t.port()
    postgres(t, port, max_connections=t.n + 2)
    admin, _ = pg_session(t, port, 0)
    live = []
    for i in range(t.n):
        c, process = pg_session(t, port, i)
        t.expect(c)
        c.client.sendall(query(b"SELECT 1"))
        pg_messages(c.client)
        live.append((c, process))
    time.sleep(0.3)
    for _, process in live:
        admin.client.sendall(query(b"SELECT pg_terminate_backend(%d)" % process))
        pg_messages(admin.client)

    def one(pair):
        recv_all(pair[0].client)
        write_late(pair[0], query(b"SELECT 2"))

    t.each(one, live)
    t.expect_clean(admin, "the administrator's own session")
    pg_end(admin)


@scenario(
    "idle_timeout_fin_postgres",
    "PostgreSQL's idle_session_timeout ends a session (57P05); the client's next query comes later",
    Expect(
        "idle_timeout_fin",
        ("server",),
        ("closing", "closed"),
        ("reset",),
        kernel=LATE,
    ),
    core=False,
    seconds=9,
    needs=(f"{POSTGRES}/initdb",),
)
def idle_timeout_fin_postgres(t):
    port = t.port()
    postgres(t, port, max_connections=t.n + 2, idle_session_timeout="2s")

    def one(i):
        c, _ = pg_session(t, port, i)
        t.expect(c)
        c.client.sendall(query(b"SELECT 1"))
        pg_messages(c.client)
        recv_all(c.client)
        write_late(c, query(b"SELECT 2"))

    t.each(one)


# --- MariaDB


def new_mariadb(directory):
    data = os.path.join(directory, "data")
    run("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db")
    return data


def mariadb(t, port, *options):
    d = os.path.join(t.directory(), "db")
    shutil.copytree(t.shared("mariadb", new_mariadb), d)
    t.start(
        t.network.server,
        "mariadbd",
        "--no-defaults",
        "--user=root",
        f"--datadir={d}",
        f"--port={port}",
        f"--bind-address={t.server_ip()}",
        f"--socket={d}/socket",
        f"--pid-file={d}/pid",
        "--skip-grant-tables",
        "--skip-networking=0",
        "--skip-name-resolve",
        "--innodb-fast-shutdown=2",
        "--innodb-buffer-pool-size=8M",
        *options,
        ready_port=port,
    )


def my_packet(sock):
    head = recv_exact(sock, 4)
    return recv_exact(sock, int.from_bytes(head[:3], "little")) if len(head) == 4 else b""


def my_send(sock, number, body):
    sock.sendall(len(body).to_bytes(3, "little") + bytes([number]) + body)


def my_session(t, port, i):
    """A session ready for queries, and its connection number."""
    c = t.connect(port, i)
    greeting = my_packet(c.client)
    at = greeting.index(b"\0", 1) + 1  # after protocol and version
    number = struct.unpack_from("<I", greeting, at)[0]
    # PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH; no password
    my_send(
        c.client,
        1,
        struct.pack("<IIB23x", 0x88200, 1 << 24, 33) + b"root\0" + b"\0" + b"mysql_native_password\0",
    )
    answer = my_packet(c.client)
    if answer[:1] != b"\0":
        raise LabError(f"{t.spec.name}: MariaDB said {answer}")
    return c, number


def my_query(c, text):
    my_send(c.client, 0, b"\3" + text)
    while my_packet(c.client)[:1] not in (b"\0", b"\xff", b"\xfe"):
        pass


@scenario(
    "overload_mariadb",
    "MariaDB has all the sessions it may have (1040); the balancer's PROXY line stays unread",
    Expect(
        "overload",
        ("server",),
        ("exchange", "request", "closing"),
        ("reset",),
        kernel="server:TCP_ABORT_ON_CLOSE|TCP_FLAGS|TCP_ABORT_ON_DATA|NO_SOCKET|TCP_TIMEWAIT_SOCKET",
    ),
    core=False,
    seconds=9,
    needs=("mariadbd", "mariadb-install-db"),
)
def overload_mariadb(t):
    port = t.port()
    mariadb(t, port, "--max-connections=10")
    inside = [my_session(t, port, i)[0] for i in range(10)]
    # One more is let in for an administrator.
    inside.append(my_session(t, port, 0)[0])
    for i in range(t.n):
        c = t.connect(port, i)
        t.expect(c)
        with contextlib.suppress(OSError):
            c.client.sendall(f"PROXY TCP{t.family} {c.client_ip} {c.server_ip} {c.client_port} {port}\r\n".encode())
        wait_reset(c.client)
        c.close()
    for c in inside:
        t.ignore(c, "a session it had room for")
        with contextlib.suppress(OSError):
            my_send(c.client, 0, b"\1")
        recv_all(c.client)
        c.close()


@scenario(
    "idle_timeout_rst_mariadb",
    "MariaDB's wait_timeout ends an idle session with a reset and no FIN",
    Expect(
        "idle_timeout_rst",
        ("server",),
        ("idle", "closing", "closed"),
        ("reset",),
        also_ok=("app_abort_linger0",),
        kernel="server:TCP_ABORT_ON_CLOSE|TCP_STATE|TCP_ABORT_ON_LINGER|" + LATE[7:],
    ),
    core=False,
    seconds=10,
    needs=("mariadbd", "mariadb-install-db"),
)
def idle_timeout_rst_mariadb(t):
    port = t.port()
    mariadb(t, port, "--wait-timeout=2", "--connect-timeout=2")

    def idle(i):
        c, _ = my_session(t, port, i)
        my_query(c, b"SET @a=1")
        with contextlib.suppress(OSError):
            c.client.settimeout(5)
            c.client.recv(1000)
        judge(c, "an idle session")

    def silent(i):
        c = t.connect(port, i)
        my_packet(c.client)
        with contextlib.suppress(OSError):
            c.client.settimeout(5)
            c.client.recv(1000)
        judge(
            c,
            "no answer to its greeting",
            cause="request_timeout",
            stage=("idle", "exchange", "closing"),
            also_ok=("idle_timeout_rst",),
        )

    def judge(c, note, **changes):
        """A reset comes when something was unread, else a FIN: the kernel knows."""
        if t.reset_seen(c, "server"):
            t.expect(c, note, **changes)
        else:
            t.ignore(c, note + ": a FIN only")
        c.close()

    t.each(lambda job: job[0](job[1]), [(f, i) for i in range(t.n) for f in (idle, silent)])


# --- Redis


@scenario(
    "idle_timeout_fin_redis",
    "Redis' timeout closes an idle client; the client writes half a second later",
    Expect(
        "idle_timeout_fin",
        ("server",),
        ("closing", "closed"),
        ("reset",),
        also_ok=("close_then_late_data",),
        kernel=LATE,
    ),
    core=False,
    seconds=7,
    needs=("redis-server",),
)
def idle_timeout_fin_redis(t):
    port = t.port()
    redis(t, port, "--timeout", "2")

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(b"PING\r\n")
        c.client.settimeout(6)
        recv_all(c.client)
        write_late(c, b"PING\r\n")

    t.each(one)


def redis(t, port, *options):
    return t.start(
        t.network.server,
        *("redis-server", "--port", str(port), "--bind", t.server_ip(), "--protected-mode", "no", "--save", ""),
        *("--appendonly", "no", "--dir", t.directory(), *options),
        ready_port=port,
    )


@scenario(
    "clean_databases",
    "sessions with PostgreSQL, MariaDB and Redis that end as they should",
    Expect("unknown"),
    seconds=9,
    needs=("redis-server", "mariadbd", f"{POSTGRES}/initdb"),
)
def clean_databases(t):
    pg, my, re = t.port(), t.port(), t.port()
    postgres(t, pg, max_connections=t.n + 2)
    mariadb(t, my)
    redis(t, re)
    for i in range(t.n):
        c, _ = pg_session(t, pg, i)
        t.expect_clean(c, "PostgreSQL")
        c.client.sendall(query(b"SELECT 1"))
        pg_messages(c.client)
        pg_end(c)
        c, _ = my_session(t, my, i)
        t.expect_clean(c, "MariaDB")
        my_query(c, b"SET @a=1")
        my_send(c.client, 0, b"\1")
        recv_all(c.client)
        c.close()
        c = t.connect(re, i)
        t.expect_clean(c, "Redis")
        c.client.sendall(b"PING\r\nQUIT\r\n")
        recv_all(c.client)
        c.close()
