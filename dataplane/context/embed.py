#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the built-in pattern files, one behind the other, as C++: embed.py OUTPUT PATTERNS.yaml..."""
import pathlib
import sys

CHUNK = 8000   # bytes a literal; compilers promise 65,536 (C++ [implimits])

text = "".join(pathlib.Path(name).read_text(encoding="ascii") for name in sys.argv[2:])
lines = ['// Generated from patterns/*.yaml by embed.py. Do not edit.', '#include "dataplane/context/patterns.h"', "",
         "namespace rs::context {", "std::string_view built_in_patterns() {", "  static constexpr char kText[] ="]
lines += [f'      R"rs_yaml({text[i:i + CHUNK]})rs_yaml"' for i in range(0, len(text), CHUNK)]
lines += ["      ;", "  return {kText, sizeof(kText) - 1};", "}", "}  // namespace rs::context", ""]
pathlib.Path(sys.argv[1]).write_text("\n".join(lines), encoding="ascii")
