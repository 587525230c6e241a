#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py OUT.cc DEPFILE PAGE_DIR QUERY.PROTO NAME=FILE...: writes the page's files, compressed, as the table of
assets.h.

Every file of PAGE_DIR is served under its own path; NAME=FILE adds one from elsewhere, as vendor/NAME. The enumerations
of query.proto become /vocabulary.js.
"""
import gzip
import hashlib
import json
import pathlib
import re
import sys

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
BYTES_A_LINE = 40
CLASSIC = ("/theme.js",)   # no module


def read(page, extra):
    files = {"/" + p.relative_to(page).as_posix(): p for p in page.rglob("*") if p.suffix in TYPES}
    for pair in extra:
        name, _, path = pair.partition("=")
        files["/vendor/" + name] = pathlib.Path(path)
    return dict(sorted(files.items()))


def vocabulary(proto):
    """Every enumeration's names, in the order of their numbers."""
    enums = {}
    for name, body in re.findall(r"^enum (\w+) \{(.*?)^\}", proto, re.M | re.S):
        values = re.findall(r"(\w+) = (\d+);", body)
        enums[name] = [value for value, _ in sorted(values, key=lambda v: int(v[1]))]
    return f"// SPDX-License-Identifier: Apache-2.0\nexport const enums = {json.dumps(enums)};\n"


def main():
    out, depfile, page, proto, *extra = sys.argv[1:]
    files = read(pathlib.Path(page), extra)
    lines = ['// SPDX-License-Identifier: Apache-2.0', '#include "control/web/assets.h"', "",
             "namespace rs::web {", "namespace {", ""]
    rows = []
    contents = {name: (path.suffix, path.read_bytes()) for name, path in files.items()}
    contents["/vocabulary.js"] = (".js", vocabulary(pathlib.Path(proto).read_text()).encode())
    # The browser asks for all modules at once, instead of finding them one after the other.
    links = "\n".join(f'<link rel="modulepreload" href="{name}">' for name, (suffix, _) in sorted(contents.items())
                      if suffix == ".js" and name not in CLASSIC)
    suffix, index = contents["/index.html"]
    contents["/index.html"] = (suffix, index.replace(b"<!-- modules -->", links.encode()))
    for number, (name, (suffix, plain)) in enumerate(sorted(contents.items())):
        packed = gzip.compress(plain, 9, mtime=0)
        lines.append(f"constexpr unsigned char kData{number}[] = {{")
        for at in range(0, len(packed), BYTES_A_LINE):
            lines.append(",".join(map(str, packed[at:at + BYTES_A_LINE])) + ",")
        lines.append("};")
        etag = hashlib.sha256(plain).hexdigest()[:32]
        rows.append(f'    {{"{name}", "{TYPES[suffix]}", "\\"{etag}\\"",'
                    f" {{reinterpret_cast<const char*>(kData{number}), sizeof kData{number}}}, {len(plain)}}},")
    lines += ["", "const Asset kAssets[] = {", *rows, "};", "", "}  // namespace", "",
              "std::span<const Asset> assets() { return kAssets; }", "", "}  // namespace rs::web"]
    pathlib.Path(out).write_text("\n".join(lines) + "\n")
    pathlib.Path(depfile).write_text(f"{out}: " + " ".join(
        map(str, [proto, page, *(p for p in pathlib.Path(page).rglob("*") if p.is_dir()), *files.values()])) + "\n")


main()
