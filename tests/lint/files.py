#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every file by itself: licence line, length, formatting, scripts and programs that at least parse, links that lead
somewhere."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from report import ROOT, Report

SPDX = "SPDX-License-Identifier: Apache-2.0"
MAX_COLUMNS = 120
MAX_LINES = 600  # our choice: beyond it, two names tell the story better
FORMATTED = (".h", ".cc", ".js", ".mjs")
NEEDS_SPDX = (".h", ".cc", ".py", ".sh", ".js", ".mjs", ".css", ".proto", ".fbs", ".build", ".yaml", ".yml")
# Not written by hand, or no sources.
NOT_OURS = ("node_modules/", "package-lock.json")


def tracked():
    """Files of the checkout, committed or not yet, without what .gitignore names."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True)
    if listed.returncode != 0:
        sys.exit(f"git ls-files failed in {ROOT}: {listed.stderr.strip()}")
    for name in sorted(set(listed.stdout.split("\0")) - {""}):
        if (ROOT / name).is_file() and not any(part in name for part in NOT_OURS):
            yield name


def text_of(name):
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def interpreter(name):
    """"bash", "python" or None, by suffix or first line."""
    if name.endswith(".py"):
        return "python"
    if name.endswith(".sh"):
        return "bash"
    if pathlib.Path(name).suffix:
        return None
    first = (text_of(name) or "").partition("\n")[0]
    if first.startswith("#!"):
        return "python" if "python" in first else "bash" if first.endswith(("bash", "/sh", " sh")) else None
    return None


def is_source(name):
    return name.endswith(NEEDS_SPDX) or interpreter(name) is not None


def licence(names):
    for name in names:
        if is_source(name) and SPDX not in "\n".join(text_of(name).splitlines()[:3]):
            yield f"{name}: no \"{SPDX}\" in its first three lines"


def length(names):
    for name in names:
        if is_source(name) and (lines := len(text_of(name).splitlines())) > MAX_LINES:
            yield f"{name}: {lines} lines, {MAX_LINES} at most"


def width(names):
    """Of programs that clang-format does not see to."""
    for name in names:
        if interpreter(name):
            long = [i for i, line in enumerate(text_of(name).splitlines(), 1) if len(line) > MAX_COLUMNS]
            if long:
                yield f"{name}:{long[0]}: {len(long)} lines are longer than {MAX_COLUMNS} columns"


def python(names):
    for name in names:
        if interpreter(name) == "python":
            try:
                compile(text_of(name), name, "exec")
            except SyntaxError as e:
                yield f"{name}:{e.lineno}: {e.msg}"
            first = text_of(name).partition("\n")[0]
            if first.startswith("#!") and first != "#!/usr/bin/python3":
                yield f"{name}: starts with {first}; #!/usr/bin/python3 is the one that has the packages"


def shell(names):
    scripts = [n for n in names if interpreter(n) == "bash"]
    for name in scripts:
        run = subprocess.run(["bash", "-n", ROOT / name], capture_output=True, text=True)
        if run.returncode != 0:
            yield run.stderr.strip()
    if scripts and shutil.which("shellcheck"):
        run = subprocess.run(["shellcheck", "--format=gcc", *scripts], capture_output=True, text=True, cwd=ROOT)
        yield from run.stdout.splitlines()


def executable(names):
    for name in names:
        first = (text_of(name) or "").partition("\n")[0]
        if first.startswith("#!") and not os.access(ROOT / name, os.X_OK):
            yield f"{name}: starts with #! and is not executable"


def formatting(names):
    """clang-format 14 and .clang-format decide; `tests/lint/files.py --fix` applies it."""
    sources = [n for n in names if n.endswith(FORMATTED)]
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *sources], capture_output=True, text=True, cwd=ROOT)
    counts = {}
    for line in run.stderr.splitlines():
        if match := re.match(r"([^:]+):\d+:\d+: (?:error|warning): code should be clang-formatted", line):
            counts[match.group(1)] = counts.get(match.group(1), 0) + 1
    for name, count in counts.items():
        yield f"{name}: {count} places are not as clang-format has them"
    if run.returncode != 0 and not counts:
        yield run.stderr.strip()


def links(names):
    """Relative links of the Markdown files, and their anchors into files of their own."""
    for name in names:
        if not name.endswith(".md"):
            continue
        text = re.sub(r"```.*?```", "", text_of(name), flags=re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            if not ((ROOT / name).parent / target.partition("#")[0]).exists():
                yield f"{name}: links to {target}, which does not exist"


def whitespace(names):
    for name in names:
        text = text_of(name)
        if text is None or not text:
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip() and not name.endswith(".md"):
                yield f"{name}:{number}: white space at the end of the line"
                break
        if not text.endswith("\n"):
            yield f"{name}: no newline at the end"


def main():
    names = list(tracked())
    if sys.argv[1:] == ["--fix"]:
        subprocess.run(["clang-format", "-i", *(n for n in names if n.endswith(FORMATTED))], check=True, cwd=ROOT)
        return
    report = Report()
    report.check("licence line", licence(names))
    report.check("file length", length(names))
    report.check("line length", width(names))
    report.check("white space", whitespace(names))
    report.check("clang-format", formatting(names))
    report.check("shell scripts", shell(names), "" if shutil.which("shellcheck") else "bash -n only, no shellcheck")
    report.check("python programs", python(names))
    report.check("programs are executable", executable(names))
    report.check("links in documents", links(names))
    report.exit()


if __name__ == "__main__":
    main()
