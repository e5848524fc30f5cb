#!/usr/bin/env python3
"""Counts instructions, allocations and system calls of the hot paths; `make bench-guard` calls it.

Counts do not depend on how busy a machine is, or are not judged. Each is held against
thresholds.json; one that is passed ends this with status 1. `--record` writes new thresholds, with
a margin.
"""

import argparse
import json
import pathlib
import sys

from driver import counting
from driver.tools import Place

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
# Turns of each path of hot-paths: enough that a turn's cost stands out.
PATHS = {
    "post-fetch-consume": (50, 150), "post-fetch-settle": (50, 150), "post-wake": (200, 1_200),
    "parse-packets": (20, 60), "write-entries": (20, 60),
}
MARGINS = {"instructions": 1.12, "allocations": 1.12, "system_calls": 1.15}
# A body comes in more pieces, by more calls, when its sender has to wait for a processor.
RECEIVED_IN_PIECES = {"post-batch"}


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--daemon", default=ROOT / ".build/release/iocpd")
    parser.add_argument("--programs", default=ROOT / ".build/bench-programs")
    parser.add_argument("--swift-programs", default=ROOT / ".build/benchmarks/release")
    parser.add_argument("--thresholds", type=pathlib.Path, default=HERE / "thresholds.json")
    parser.add_argument("--record", action="store_true", help="write new thresholds")
    return parser.parse_args()


def count(place):
    """Every count by its name."""
    found = {}
    for path, (few, many) in PATHS.items():
        counted = counting.path_instructions(place, path, few, many)
        for measure, value in counted.items():
            found[f"{path}, {measure}"] = value
    for kind in counting.KINDS:
        counted = counting.instructions(place, kind)
        for measure, value in counted.items():
            found[f"request {kind}, {measure}"] = value
        if kind not in RECEIVED_IN_PIECES:
            calls = counting.system_calls(place, kind)
            found[f"request {kind}, system_calls"] = sum(calls.values())
    return found


def record(path, found):
    """Writes thresholds: what was found and a margin."""
    thresholds = {}
    for name, value in found.items():
        limit = value * MARGINS[name.split(", ")[1]]
        thresholds[name] = round(limit) if limit >= 100 else round(limit, 1)
    path.write_text(json.dumps(thresholds, indent=2) + "\n")


def judge(found, thresholds):
    """Prints the counts beside their thresholds; whether all hold."""
    width = max(len(name) for name in found)
    print(f"{'count':{width}}  {'found':>12}  {'at most':>12}  holds")
    holds = True
    for name, value in found.items():
        limit = thresholds.get(name)
        fits = limit is not None and value <= limit
        holds = holds and fits
        shown = "none" if limit is None else f"{limit:,}"
        print(f"{name:{width}}  {value:>12,.1f}  {shown:>12}  {'yes' if fits else 'NO'}")
    for name in sorted(set(thresholds) - set(found)):
        holds = False
        print(f"{name}: has a threshold and was not counted")
    return holds


def main():
    options = parse()
    with Place(options.daemon, options.programs, options.swift_programs) as place:
        found = count(place)
    if options.record:
        record(options.thresholds, found)
    if not judge(found, json.loads(options.thresholds.read_text())):
        sys.exit(
            "bench-guard: a count has passed its threshold. If that is meant, say why in the "
            "commit and record new ones: make bench-guard RECORD=1")


main()
