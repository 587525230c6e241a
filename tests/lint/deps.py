#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the allowed include edges; any other #include fails. See the README's "life of a packet" for the stages.

Data flows down: a file may include its own stage and stages upstream. dataplane/ and control/ know only proto/ of each
other. A library's headers are included only in its home. Exceptions stand below, each with its reason.
"""
import fnmatch
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from report import ROOT, Report

STAGES = ["base", "config", "packet", "capture", "flow", "track", "context", "attribute", "event", "worker", "main"]

# What a folder of control/ may include of control/. Everything may include proto/result.h and proto/vocabulary.h.
CONTROL = {
    "model": [],
    "correlate": ["model"],
    "store": ["model"],
    "access": [],
    "alerts": [],
    "ingest": ["model", "access", "store", "correlate"],
    "query": ["model", "access", "store", "correlate"],
    "web": ["access"],
    "cli": [],
    "main": ["model", "access", "alerts", "store", "correlate", "ingest", "query", "web"],
}

# Edges against the rules above: (including file pattern, included) -> reason.
EXCEPTIONS = {
    ("dataplane/packet/*", "dataplane/capture/frame.h"): "the contract between sources and parser, no code",
}

# Headers of a library or generator -> the only files that may include them; tests and benches may everywhere.
HOMES = {
    "FlatBuffers": (["flatbuffers/*", "*event_generated.h", "*event.grpc.fb.h"],
                    ["dataplane/event/encode*", "dataplane/event/exporter*", "dataplane/event/uplink*",
                     "control/ingest/*"]),
    "protobuf": (["google/protobuf/*", "*.pb.h"], ["*/service*", "control/query/*", "control/cli/*",
                                                 "control/web/*"]),
    "gRPC": (["grpcpp/*", "grpc/*", "*.grpc.pb.h", "*.grpc.fb.h"],
             ["dataplane/event/exporter*", "dataplane/event/uplink*", "control/access/caller*", "control/ingest/*",
              "control/query/*", "control/cli/*", "control/web/*", "control/log.cc", "control/main*",
              "control/server*", "proto/tls*", "*/service*"]),
    "Hyperscan": (["hs/*", "hs.h"], ["dataplane/context/*"]),
    "cpp-httplib": (["httplib.h"], ["control/web/*"]),
    "OpenSSL": (["openssl/*"], ["proto/tls*"]),
    "prometheus-cpp": (["prometheus/*"], ["proto/metrics*"]),
    "libcurl": (["curl/*"], ["control/alerts/*", "control/store/clickhouse/*"]),
    "cairo": (["cairo*"], ["control/cli/heat_image*"]),
    "SQLite": (["sqlite3.h"], ["control/store/sqlite/*"]),
    "yaml-cpp": (["yaml-cpp/*"], ["dataplane/config/*", "dataplane/context/patterns*", "control/config*",
                               "control/names_file*"]),
    "rte_ethdev.h": (["rte_ethdev.h"], ["dataplane/capture/*"]),
}

# reinterpret_cast in the data plane: each file with its reason. None of them is on the packet's way.
REINTERPRET_CAST = {
    "dataplane/capture/interface.cc": "set-up: the ethtool ioctl takes a char*",
    "dataplane/capture/packet_sockets.cc": "set-up: getsockname takes a sockaddr*",
    "dataplane/event/spool_file.cc": "export thread: checksum over a record head of our own",
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def sources():
    for top in ("proto", "dataplane", "control", "tests", "perf"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(ROOT).as_posix()


def includes(name):
    """(line number, quoted, included name), in order."""
    for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def matches(name, patterns):
    return any(fnmatch.fnmatch(name, p) for p in patterns)


def unit_of(name):
    """dataplane/flow/table.cc -> flow; control/main.cc -> main."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 else "main"


def is_test(name):
    base = name.rpartition("/")[2]
    return base.startswith("test_") or base.endswith(("_test.cc", "_test.h", "_fuzz.cc", "_bench.cc"))


def edge_problem(name, target):
    """Why `name` may not include the project file `target`; None when it may."""
    if any(fnmatch.fnmatch(name, p) and target == t for p, t in EXCEPTIONS):
        return None
    top, target_top = name.split("/")[0], target.split("/")[0]
    if target_top not in ("proto", "dataplane", "control", "tests", "perf"):
        return "is not a root-relative path of this project"
    if target_top == "perf":
        return None if top == "perf" or is_test(name) else "only benches include perf/"
    if target_top == "tests":
        return None if top in ("tests", "perf") or is_test(name) else "production code does not include tests/"
    if top in ("tests", "perf"):
        return None
    if top == "proto":
        return None if target_top == "proto" else "proto/ includes nothing above it"
    if target_top == "proto":
        if top == "control" and unit_of(name) in ("cli", "web") and not target.startswith(
                ("proto/query.", "proto/operation.", "proto/result.h", "proto/file_stamp.h", "proto/tls")):
            return "client and page know only query.proto and operation.proto, and how to reach them"
        return None
    if top != target_top:
        return "data plane and control plane share only proto/"
    unit, target_unit = unit_of(name), unit_of(target)
    if top == "dataplane":
        for u in (unit, target_unit):
            if u not in STAGES:
                return f"{u} is no stage; add it to STAGES in its place"
        if STAGES.index(target_unit) > STAGES.index(unit):
            return f"{target_unit} is downstream of {unit}"
        return None
    if unit not in CONTROL:
        return f"{unit} is not in CONTROL; add it with what it may include"
    return None if target_unit == unit or target_unit in CONTROL[unit] else f"{unit} may not include {target_unit}"


def edges():
    for name in sources():
        for number, quoted, target in includes(name):
            where = f"{name}:{number}: {target}"
            for library, (headers, homes) in HOMES.items():
                if matches(target, headers) and not matches(name, homes) and not is_test(name):
                    yield f"{where}: {library} is included only in {', '.join(homes)}"
            if quoted and (problem := edge_problem(name, target)):
                yield f"{where}: {problem}"
            if name.startswith("dataplane/base/") and target.startswith("rte_"):
                yield f"{where}: base/ knows no DPDK"


def own_header_first():
    for name in sources():
        stem = name.removesuffix("_test.cc").removesuffix(".cc")
        own = stem + ".h"
        if name.endswith(".cc") and (ROOT / own).exists():
            first = next(includes(name), None)
            if first is None or first[2] != own:
                yield f"{name}: its first include is not {own}"


def one_ethdev_header():
    users = [n for n in sources() if any(t == "rte_ethdev.h" for _, _, t in includes(n))]
    if len(users) > 1 or any(not u.endswith(".h") for u in users):
        yield f"rte_ethdev.h is included by {', '.join(users)}; exactly one header may (it forbids sending)"


def casts():
    for name in sources():
        if not name.startswith("dataplane/") or is_test(name) or name in REINTERPRET_CAST:
            continue
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
            if "reinterpret_cast" in line.split("//")[0]:
                yield f"{name}:{number}: reinterpret_cast; read through Bytes, or add the file with its reason"


def stale_exceptions():
    names = list(sources())
    for pattern, target in EXCEPTIONS:
        if not any(fnmatch.fnmatch(n, pattern) and t == target for n in names for _, _, t in includes(n)):
            yield f"the exception {pattern} -> {target} is not used any more"
    for name in REINTERPRET_CAST:
        if name not in names or "reinterpret_cast" not in (ROOT / name).read_text(encoding="utf-8"):
            yield f"the reinterpret_cast exception {name} is not used any more"


def self_check():
    """The rules tell right from wrong: (file, included, allowed)."""
    for name, target, allowed in (
            ("dataplane/track/tracker.cc", "dataplane/flow/table.h", True),
            ("dataplane/flow/table.cc", "dataplane/track/tracker.h", False),
            ("dataplane/packet/parse.cc", "dataplane/capture/frame.h", True),
            ("dataplane/packet/parse.cc", "dataplane/capture/nic_source.h", False),
            ("dataplane/base/log.h", "control/model/event.h", False),
            ("control/store/store.h", "dataplane/event/event.h", False),
            ("control/cli/main.cc", "proto/vocabulary.h", False),
            ("control/cli/main.cc", "proto/query.pb.h", True),
            ("control/model/event.h", "control/store/store.h", False),
            ("dataplane/flow/table_test.cc", "tests/packet/builder.h", True),
            ("dataplane/flow/table.cc", "tests/packet/builder.h", False),
            ("dataplane/event/event_bench.cc", "perf/replay/series.h", True),
            ("dataplane/flow/table.cc", "perf/replay/pages.h", False),
            ("dataplane/flow/table.cc", "table.h", False)):
        if (edge_problem(name, target) is None) != allowed:
            yield f"{name} including {target} should be {'allowed' if allowed else 'forbidden'}"


def main():
    report = Report()
    report.check("the include rules themselves", self_check())
    report.check("allowed include edges", edges())
    report.check("own header first", own_header_first())
    report.check("one header includes rte_ethdev.h", one_ethdev_header())
    report.check("reinterpret_cast in the data plane", casts())
    report.check("no stale exceptions", stale_exceptions())
    report.exit()


if __name__ == "__main__":
    main()
