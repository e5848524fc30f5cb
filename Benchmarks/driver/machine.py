"""What the figures were measured on, without saying whose machine it is."""

import os
import pathlib
import re
import subprocess


def output(*command):
    """The first line that a command prints, or nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).strip().split("\n")[0]


def version(text):
    """The first number with dots in a text."""
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else "unknown"


def debian(package):
    """The upstream version of an installed Debian package."""
    text = output("dpkg-query", "-W", "-f", "${Version}", package)
    return version(text.split(":")[-1])


def describe():
    """The machine: processors, memory, kernel, and the versions of what is measured against."""
    processor = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    return {
        "processor": processor[1].strip() if processor else "unknown",
        "processors_used": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[1]) / 2**20) if memory else 0,
        "system": system[1] if system else "unknown",
        "kernel": version(os.uname().release),
        "swift": version(output("swift", "--version")),
        "libmicrohttpd": debian("libmicrohttpd-dev"),
        "jansson": debian("libjansson-dev"),
        "boost": debian("libboost-dev"),
        "redis": debian("redis-server"),
        "webdis": debian("webdis"),
        "wrk": debian("wrk"),
    }
