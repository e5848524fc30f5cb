"""Counts what requests take: instructions and allocations by callgrind, system calls by strace.

The daemon runs twice with different numbers of requests, one connection, one thread of each kind:
what starting and stopping take cancels out.
"""

import json
import re
import subprocess

from driver.processes import STEP_S, BenchFault
from driver.rows.devices import open_sessions
from driver.tools import fill

BATCH = 64
ALLOCATIONS = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"}
# How a line of cost begins: a place in the source, absolute or relative.
COST_STARTS = set("0123456789+-*")


def post(packets):
    """Posts so many packets a request."""

    def run(place, daemon, count):
        place.load(
            "post", daemon.port, path="/v1/ports/bench/packets", body=place.packets(packets),
            count=count)

    return run


def fetch(place, daemon, count):
    """Fetches 64 a request, with settle."""
    fill(daemon, "bench", FETCHED)
    place.load(
        "drain", daemon.port, path="/v1/ports/bench/completions:fetch", settle=True, max=BATCH,
        count=count)


def transact(place, daemon, count):
    """One transact a request, whose reply brings the entry."""
    with place.announcing("echo_device") as device:
        [name] = open_sessions(daemon, "bench", device, 1)
        body = {
            "op": "transact", "data": "a" * 128, "encoding": "utf8", "exactly": 128,
            "deliver": "inline"}
        place.load(
            "post", daemon.port, path=f"/v1/sessions/{name}/operations",
            body=place.file("inline.json", json.dumps(body)), count=count)


# Each kind of request with the two numbers of requests.
KINDS = {
    "post-one": (post(1), 200, 1_200),
    "post-batch": (post(256), 10, 60),
    "fetch-batch": (fetch, 20, 220),
    "transact-inline": (transact, 200, 1_200),
}
FETCHED = BATCH * 240


def run_wrapped(place, kind, count, wrapper, program=None):
    """Runs a daemon under a tool while requests are made, and stops it.

    `program`: what the tool replaces itself by; without it, the daemon is the tool's child.
    """
    run = KINDS[kind][0]
    with place.daemon(
            "--drain-timeout-ms", "1", program=program, wrapper=wrapper, threads=1) as daemon:
        daemon.new_port("bench")
        run(place, daemon, count)
        daemon.terminate(wrapped=program is None)


def instructions(place, kind):
    """Instructions and allocations of a request of that kind."""
    program = place.stripped(place.daemon_program)
    found = []
    for count in KINDS[kind][1:]:
        out = place.file("callgrind.out", "")
        run_wrapped(place, kind, count, callgrind(out), program)
        found.append(totals(out))
    requests = KINDS[kind][2] - KINDS[kind][1]
    return {
        name: (found[1][name] - found[0][name]) / requests
        for name in ("instructions", "allocations")}


def path_instructions(place, path, few, many):
    """Instructions and allocations of one turn of a path of the Swift program."""
    program = place.stripped(place.swift_programs / "hot-paths")
    found = []
    for count in (few, many):
        out = place.file("callgrind.out", "")
        done = subprocess.run(
            [*callgrind(out), program, path, str(count)], capture_output=True, text=True,
            timeout=STEP_S)
        if done.returncode != 0:
            raise BenchFault(f"hot-paths {path} failed: {done.stderr[-500:]}")
        found.append(totals(out))
    return {
        name: (found[1][name] - found[0][name]) / (many - few)
        for name in ("instructions", "allocations")}


def callgrind(out):
    """The command that counts a program's instructions into a file."""
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]


def totals(path):
    """Instructions and calls of the allocator in a file of callgrind's.

    Setting memory is left out: the C library does it by one instruction that valgrind counts once
    for each byte, and libmicrohttpd sets a connection's whole memory after each request.
    """
    names, found = {}, {"instructions": 0, "allocations": 0}
    callee, is_set, is_call = "", False, False
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("cfn="):
                callee = named(names, line[4:])
            elif line.startswith("fn="):
                is_set = named(names, line[3:]).startswith("__memset")
            elif line.startswith("calls="):
                is_call = True
                if callee in ALLOCATIONS:
                    found["allocations"] += int(line[6:].split()[0])
            elif line.startswith("totals:"):
                found["instructions"] += int(line.split()[1])
            elif line[0] in COST_STARTS:
                # The line after a call tells what the callee took, which is counted there.
                if is_set and not is_call:
                    found["instructions"] -= int(line.split()[1])
                is_call = False
    if found["instructions"] <= 0:
        raise BenchFault("callgrind counted nothing")
    return found


def named(names, text):
    """The name that a number with or without it stands for: it is written out the first time."""
    number, _, name = text.strip().partition(" ")
    return names.setdefault(number, name) if name else names.get(number, "")


def system_calls(place, kind):
    """System calls of a request of that kind, by name."""
    found = []
    for count in KINDS[kind][1:]:
        out = place.file("strace.out", "")
        run_wrapped(place, kind, count, ["strace", "-f", "-c", "-o", str(out)])
        found.append(summary(out.read_text()))
    requests = KINDS[kind][2] - KINDS[kind][1]
    calls = {
        name: (found[1].get(name, 0) - found[0].get(name, 0)) / requests
        for name in {*found[0], *found[1]}}
    return {name: each for name, each in sorted(calls.items()) if abs(each) >= 0.005}


def summary(text):
    """Calls by name in a summary of strace's."""
    calls = {}
    for line in text.split("\n"):
        match = re.fullmatch(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)", line)
        if match and match[2] != "total":
            calls[match[2]] = int(match[1])
    if not calls:
        raise BenchFault(f"strace counted nothing: {text[-300:]}")
    return calls
