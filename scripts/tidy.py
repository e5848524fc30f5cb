#!/usr/bin/env python3
"""A test of the repository itself; prints what is wrong and exits with 1 if anything is."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Who may import whom, of our own modules. Arrows go one way.
ARROWS = {
    "EngineBase": {"CLinux"},
    "PortEngine": {"EngineBase"},
    "DeviceSessions": {"EngineBase", "PortEngine"},
    "TLSEngine": {"CGnuTLS", "EngineBase", "PortEngine", "DeviceSessions"},
    "Transports": {"EngineBase", "PortEngine", "DeviceSessions", "TLSEngine"},
    "LinuxSystem": {"CLinux", "EngineBase"},
    "Workers": {"CLinux", "EngineBase", "PortEngine", "DeviceSessions", "LinuxSystem"},
    "JSONText": {"CJSONMemory", "CJansson", "EngineBase"},
    "Digests": {"CGnuTLS"},
    "HTTPListener": {"CMicrohttpd", "CLinux", "EngineBase"},
    "ControlAPI": {
        "EngineBase", "PortEngine", "DeviceSessions", "Transports", "JSONText", "Digests",
        "HTTPListener",
    },
    "Simulation": {"EngineBase", "PortEngine", "DeviceSessions", "Transports", "Workers"},
    "iocpd-sim": {"Simulation", "EngineBase"},
    "iocpd": {
        "ControlAPI", "DeviceSessions", "EngineBase", "HTTPListener", "LinuxSystem", "PortEngine",
        "Transports", "Workers",
    },
}
OURS = set(ARROWS) | {"CLinux", "CMicrohttpd", "CJSONMemory", "CJansson", "CGnuTLS"}
# Modules that may say what the compiler cannot check, and how often all of them together.
UNSAFE_MODULES = {
    "EngineBase", "LinuxSystem", "HTTPListener", "JSONText", "Workers", "Digests", "TLSEngine",
}
UNSAFE = re.compile(r"@unchecked Sendable|nonisolated\(unsafe\)|\bUnmanaged[.<]")
UNSAFE_CEILING = 22
FILE_LINES = 500
LARGEST_BLOB = 400_000

problems = []


def problem(path, text):
    problems.append(f"{path}: {text}")


def tracked():
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [pathlib.Path(name) for name in names if name and (ROOT / name).is_file()]


def check_text(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            problem(f"{path}:{number}", "has trailing blanks")
        if "\t" in line and path.suffix in {".swift", ".py", ".yaml", ".md"}:
            problem(f"{path}:{number}", "has a tab")
        if re.search(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", line) and path.name != "tidy.py":
            problem(f"{path}:{number}", "has a TODO without an issue, as in TODO(#12)")
    if text and not text.endswith("\n"):
        problem(path, "does not end in a line feed")


def check_swift(path, text):
    lines = text.count("\n")
    if lines > FILE_LINES and "Generated" not in path.parts:
        problem(path, f"has {lines} lines; {FILE_LINES} is where a file holds two ideas")
    if path.parts[0] != "Sources":
        return 0
    module = path.parts[1]
    if module not in ARROWS:
        problem(path, f"is in a module that tidy.py has no arrows for: {module}")
        return 0
    for name in re.findall(r"^(?:\w+ )?import (\w+)", text, re.M):
        if name in OURS and name not in ARROWS[module]:
            problem(path, f"imports {name}, against the arrows of {module}")
        if name == "Foundation":
            problem(path, "imports Foundation, which the daemon does without")
    marks = len(UNSAFE.findall(text))
    if marks and module not in UNSAFE_MODULES:
        problem(path, f"{module} has nothing that the compiler cannot check")
    if marks and "// SAFETY:" not in text:
        problem(path, "says no `// SAFETY:` for what the compiler cannot check")
    return marks


def main():
    unsafe = 0
    for path in tracked():
        data = (ROOT / path).read_bytes()
        if len(data) > LARGEST_BLOB:
            problem(path, f"has {len(data)} bytes; keep large files out")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            problem(path, "is no text")
            continue
        if "Generated" not in path.parts and path.name != "Makefile":
            check_text(path, text)
        if path.suffix == ".swift":
            unsafe += check_swift(path, text)
    if unsafe > UNSAFE_CEILING:
        problem("Sources", f"{unsafe} unsafe marks; the ceiling is {UNSAFE_CEILING}")
    changelog = (ROOT / "CHANGELOG.md").read_text()
    if not re.search(r"^## Unreleased$", changelog, re.M):
        problem("CHANGELOG.md", "has no Unreleased section")
    for line in problems:
        print(line)
    print(f"tidy: {len(problems)} problems, {unsafe} of {UNSAFE_CEILING} unsafe marks")
    sys.exit(1 if problems else 0)


main()
