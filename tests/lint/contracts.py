#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""event.fbs and query.proto carry the same vocabulary: each shared enum, name by name and number by number."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from report import ROOT, Report

# Enums of event.fbs that clients see by name only, or not at all.
NOT_IN_QUERY = {
    "FactId": "facts go to clients by name",
    "Flag": "each flag is a bool field",
    "AckCode": "between sensor and control plane only",
}
NOT_IN_EVENT = {"Dimension", "Metric", "IncidentKind", "IncidentState"}


def fbs_enums():
    text = (ROOT / "proto/event.fbs").read_text(encoding="utf-8")
    enums = {}
    for name, bits, body in re.findall(r"^enum (\w+) : \w+ (\(bit_flags\) )?\{(.*?)\}", text, re.S | re.M):
        items, number = {}, 0
        for item in re.sub(r"//[^\n]*", "", body).split(","):
            label, _, value = (part.strip() for part in item.partition("="))
            if label:
                number = int(value) if value else number
                items[label] = 1 << number if bits else number
                number += 1
        enums[name] = items
    return enums


def proto_enums():
    text = re.sub(r"//[^\n]*", "", (ROOT / "proto/query.proto").read_text(encoding="utf-8"))
    return {name: {label: int(value) for label, value in re.findall(r"(\w+) = (\d+);", body)}
            for name, body in re.findall(r"^enum (\w+) \{(.*?)\}", text, re.S | re.M)}


def prefix(enum):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", enum).upper() + "_"


def vocabulary():
    fbs, proto = fbs_enums(), proto_enums()
    for name, items in fbs.items():
        if name in NOT_IN_QUERY:
            continue
        if name not in proto:
            yield f"query.proto has no enum {name}"
            continue
        want = {prefix(name) + label.upper(): number for label, number in items.items()}
        for label in sorted(want.keys() | proto[name].keys()):
            if want.get(label) != proto[name].get(label):
                yield f"{name}: {label} is {want.get(label)} in event.fbs and {proto[name].get(label)} in query.proto"
    for name in proto.keys() - fbs.keys() - NOT_IN_EVENT:
        yield f"event.fbs has no enum {name}"


def families():
    """The comment lines inside enum Cause name the families, in order: gen_vocabulary.py reads them."""
    text = (ROOT / "proto/event.fbs").read_text(encoding="utf-8")
    body = re.search(r"^enum Cause : \w+ \{(.*?)\}", text, re.S | re.M).group(1)
    blocks = [m.strip() for m in re.findall(r"^\s*//\s*(.*)$", body, re.M)]
    names = [n for n in fbs_enums()["Family"] if n != "unknown"]
    if blocks != names:
        yield f"enum Cause has the blocks {blocks}, enum Family {names}"


def main():
    report = Report()
    report.check("event.fbs and query.proto have one vocabulary", vocabulary())
    report.check("causes stand in the blocks of their families", families())
    report.exit()


if __name__ == "__main__":
    main()
