#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes vocabulary.h from event.fbs: the enums as C++ scoped enums with their printed names.

Data plane and control plane both need the vocabulary without the FlatBuffers headers. Usage:
gen_vocabulary.py event.fbs vocabulary.h
"""
import re
import sys

HEAD = """// SPDX-License-Identifier: Apache-2.0
// Generated from proto/event.fbs by proto/gen_vocabulary.py. Do not edit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rs {
"""


def camel(name: str) -> str:
    return "k" + "".join(p[:1].upper() + p[1:].lower() if p.isupper() else p[:1].upper() + p[1:]
                         for p in name.split("_"))


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def main() -> None:
    text = open(sys.argv[1], encoding="utf-8").read()
    types = {"ubyte": "uint8_t", "ushort": "uint16_t"}
    out = [HEAD]
    for match in re.finditer(r"^enum (\w+) : (\w+) (\(bit_flags\) )?\{(.*?)\}", text, re.S | re.M):
        name, base, bits, body = match.groups()
        family, families, names = None, [], []
        for line in body.splitlines():
            code, _, comment = line.partition("//")
            if name == "Cause" and not code.strip() and comment.strip():
                family = comment.strip()
            for item in code.split(","):
                item = item.split("=")[0].strip()
                if item:
                    names.append(item)
                    families.append(family or "unknown")
        out.append(f"enum class {name} : {types[base]} {{")
        for i, item in enumerate(names):
            out.append(f"  {camel(item)} = {1 << i if bits else i},")
        out.append("};")
        count = f"k{name}Count"
        out.append(f"inline constexpr size_t {count} = {len(names)};")
        out.append(f"inline constexpr std::array<std::string_view, {count}> k{name}Names = {{")
        out.append("    " + ", ".join(f'"{n}"' for n in names) + "};")
        if not bits:
            out.append(f"// Printed name; empty for a number this version does not know.")
            out.append(f"constexpr std::string_view name({name} v) {{")
            out.append(f"  const auto i = static_cast<size_t>(v);")
            out.append(f"  return i < {count} ? k{name}Names[i] : std::string_view{{}};")
            out.append("}")
            out.append(f"constexpr std::optional<{name}> parse_{snake(name)}(std::string_view text) {{")
            out.append(f"  for (size_t i = 0; i < {count}; ++i)")
            out.append(f"    if (k{name}Names[i] == text) return static_cast<{name}>(i);")
            out.append("  return std::nullopt;")
            out.append("}")
        if name == "Cause":
            out.append("// The family a cause belongs to: the block it stands in in event.fbs.")
            out.append(f"inline constexpr std::array<Family, {count}> kFamilyOfCause = {{")
            out.append("    " + ", ".join(f"Family::{camel(f)}" for f in families) + "};")
            out.append("constexpr Family family_of(Cause v) {")
            out.append(f"  const auto i = static_cast<size_t>(v);")
            out.append(f"  return i < {count} ? kFamilyOfCause[i] : Family::kUnknown;")
            out.append("}")
        out.append("")
    out.append("}  // namespace rs")
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
