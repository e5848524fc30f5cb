#!/usr/bin/env python3
"""Measures iocpd beside its peers and prints one table; `make bench` calls it.

Every figure is a ratio to something measured in the same run: A B A B, medians.
"""

import argparse
import json
import os
import pathlib
import sys
import time

from driver import floors, growth, machine, picture, plain, report
from driver.processes import BenchFault
from driver.rounds import measure
from driver.rows import crowds, devices, engine, fetching, posting, waking
from driver.tools import Place

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS = [
    *engine.ROWS, *posting.ROWS, *fetching.ROWS[:1], *waking.ROWS, *devices.ROWS, *crowds.ROWS,
    *fetching.ROWS[1:],
]


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--daemon", default=ROOT / ".build/release/iocpd")
    parser.add_argument("--programs", default=ROOT / ".build/bench-programs")
    parser.add_argument("--swift-programs", default=ROOT / ".build/benchmarks/release")
    parser.add_argument("--row", help="measure this row alone, and keep no file")
    parser.add_argument("--rounds", type=int, help="rounds of each row, 5 at least")
    parser.add_argument("--growth", action="store_true", help="measure how costs grow instead")
    parser.add_argument(
        "--floors", action="store_true",
        help="measure what the libraries take by themselves instead")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/benchmarks")
    return parser.parse_args()


def use_two_processors():
    """Everything shares two processors, however many there are."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def chosen(names, wanted):
    """The names that are asked for; ends the program if there is none."""
    found = [name for name in names if wanted in (None, name)]
    if not found:
        sys.exit(f"bench: there is no row {wanted}; the rows are {', '.join(names)}")
    return found


def measure_rows(place, options, rows, name):
    """Prints a table of rows; all of them are kept as files of that name."""
    names = chosen([row.name for row in rows], options.row)
    findings = []
    for row in rows:
        if row.name not in names:
            continue
        start = time.monotonic()
        found = measure(row, place, options.rounds).as_json()
        findings.append(found)
        print(f"{row.name}: {found['ratio']:.2f} in {time.monotonic() - start:.0f} s",
              file=sys.stderr)
    print(report.table(findings))
    if options.row is None:
        options.out.mkdir(parents=True, exist_ok=True)
        report.write_json(options.out / f"{name}.json", machine.describe(), findings)
        if rows is ROWS:
            drawn = picture.draw(machine.describe(), findings)
            (options.out / f"{name}.svg").write_text(drawn)


def measure_growth(place, options):
    names = chosen(list(growth.FAMILIES), options.row)
    rows, failed = [], []
    for name in names:
        try:
            for row in growth.FAMILIES[name](place):
                print(json.dumps(row), flush=True)
                rows.append(row)
        except BenchFault as fault:
            # What cannot be borne is a finding too, and the other families are still of use.
            failed.append(name)
            print(f"{name}: {fault}", file=sys.stderr)
    if options.row is None:
        options.out.mkdir(parents=True, exist_ok=True)
        report.write_json(options.out / "growth.json", machine.describe(), rows)
    if failed:
        sys.exit(f"bench: not measured to the end: {', '.join(failed)}")


def main():
    options = parse()
    use_two_processors()
    with Place(options.daemon, options.programs, options.swift_programs) as place:
        if options.growth:
            measure_growth(place, options)
        elif options.floors:
            measure_rows(place, options, [*floors.ROWS, *plain.ROWS], "floors")
        else:
            measure_rows(place, options, ROWS, "latest")


main()
