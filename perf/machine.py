# SPDX-License-Identifier: Apache-2.0
"""What is measured on, and how it is built."""
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def fail(text):
    sys.exit(f"perf/run: {text}")


def output(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=ROOT)
    return done.stdout.strip() if done.returncode == 0 else ""


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        fields = dict(line.split(":", 1) for line in f if ":" in line)
    fields = {k.strip(): v.strip() for k, v in fields.items()}
    name = fields.get("model name", "unknown CPU")
    # A virtual machine's name tells little: family and model say which chip it is.
    return f"{name} (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')})"


class Machine:
    """The head of every result."""

    def __init__(self, build_dir, march):
        self.cpu = cpu_name()
        self.cores = os.cpu_count()
        self.memory_gib = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
        self.kernel = os.uname().release
        self.commit = output("git", "rev-parse", "--short=12", "HEAD") or "unknown"
        if output("git", "status", "--porcelain", "--untracked-files=no"):
            self.commit += "+changes"
        self.date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
        compilers = json.loads(output("meson", "introspect", "--compilers", build_dir) or "{}")
        cpp = compilers.get("host", {}).get("cpp", {})
        self.compiler = f"{cpp.get('id', 'compiler')} {cpp.get('version', '')}".strip()
        self.march = march


def run_build(build_dir, name, *command):
    log = build_dir / f"{name}.log"
    with open(log, "w", encoding="utf-8") as f:
        if subprocess.run([str(c) for c in command], stdout=f, stderr=f, stdin=subprocess.DEVNULL, cwd=ROOT).returncode:
            fail(f"{name} failed: see {log}\n{log.read_text(errors='replace')[-2000:]}")


def build(build_dir, march, targets):
    """Optimised for speed, in a directory of its own."""
    print(f"building in {build_dir}", file=sys.stderr)
    build_dir.mkdir(parents=True, exist_ok=True)
    options = ["--buildtype=release", "-Doptimization=3", f"-Dcpu={march}"]
    verb = ["configure"] if (build_dir / "build.ninja").exists() else ["setup"]
    run_build(build_dir, "configure", "meson", *verb, *options, build_dir)
    run_build(build_dir, "compile", "ninja", "-C", build_dir, *targets)


def bench_figures(build_dir, target, *arguments):
    """Runs a bench; its lines "name value" as a dictionary, numbers where they are."""
    done = subprocess.run([str(build_dir / target), *(str(a) for a in arguments)], capture_output=True, text=True)
    if done.returncode:
        fail(f"{target} {' '.join(map(str, arguments))}: {done.stderr.strip() or f'status {done.returncode}'}")
    figures = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        figures[name] = float(value) if re.fullmatch(r"-?[0-9.]+", value) else value
    return figures
