#!/usr/bin/env python3
"""Writes docs/conformance.md from the conformance tests, their catalogue and a run's results.

conformance-page.py RESULTS  writes the page; RESULTS is what pytest --conformance-results wrote.
conformance-page.py --check  says what is wrong with the rows, or with the page but for its results.
"""
import ast
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TESTS = ROOT / "Tests" / "ConformanceTests"
PAGE = ROOT / "docs" / "conformance.md"
sys.path.insert(0, str(TESTS))

import catalogue  # noqa: E402

INTRODUCTION = """\
# Conformance

What a program can observe of an I/O completion port on Windows, row by row, and how `iocpd` does
the same over HTTP. Each row is held to by a test of the built daemon, with real devices: sockets,
pseudo-terminals and files. The statements are those of the tests, in `Tests/ConformanceTests`.

Written by `make conformance`, which runs them: do not edit.
"""


def tested():
    """{row: (statement, file, test)} of the tests, and what is wrong with them."""
    rows, problems = {}, []
    for path in sorted(TESTS.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            row = isinstance(node, ast.FunctionDef) and re.match(r"test_([A-Z]\d\d)_", node.name)
            if not row:
                continue
            statement = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
            if not statement.endswith("."):
                problems.append(f"{node.name} has no statement as its docstring")
            if row[1] in rows:
                problems.append(f"{row[1]} has two tests: {rows[row[1]][2]} and {node.name}")
            rows[row[1]] = (statement, path.name, node.name)
    return rows, problems


def faults(rows):
    """What is wrong: each row of the catalogue has a test or a reason, and not both."""
    known = [row for _, table in catalogue.TABLES for row in table.split()]
    found = [f"{row} is in the catalogue twice" for row in set(known) if known.count(row) > 1]
    for row in known:
        if row not in rows and row not in catalogue.UNTESTED:
            found.append(f"{row} has neither a test nor a reason")
        if row in rows and row in catalogue.UNTESTED:
            found.append(f"{row} has both a test and a reason to have none")
    for row in set(rows) | set(catalogue.UNTESTED):
        if row not in known:
            found.append(f"{row} is not in the catalogue")
    return sorted(found)


def table(heads, lines):
    cells = [heads, ["---"] * len(heads), *lines]
    return "".join("| " + " | ".join(line) + " |\n" for line in cells)


def page(rows, results):
    text = INTRODUCTION
    count = sum(len(table.split()) for _, table in catalogue.TABLES)
    text += f"\n{count} rows: {len(rows)} with a test, {len(catalogue.UNTESTED)} without.\n"
    for title, ids in catalogue.TABLES:
        lines = []
        for row in filter(rows.get, ids.split()):
            statement, file, test = rows[row]
            link = f"[`{test}`](../Tests/ConformanceTests/{file})"
            lines.append([row, statement, link, results.get(row, "not run")])
        if lines:
            text += f"\n## {title}\n\n" + table(["ID", "Statement", "Test", "Result"], lines)
    text += "\n## Where iocpd differs on purpose\n\n"
    text += table(["Rows", "Windows", "iocpd", "Why"], catalogue.DEVIATIONS)
    text += "\n## Rows without a test\n\n"
    untested = [
        [row, *catalogue.UNTESTED[row]]
        for _, ids in catalogue.TABLES for row in ids.split() if row in catalogue.UNTESTED]
    text += table(["ID", "On Windows", "Why there is no test"], untested)
    return text


def without_results(text):
    return re.sub(r"^(\| [A-Z]\d\d \| .* \| \[.*\) \|) [\w ]+ \|$", r"\1", text, flags=re.M)


def check():
    rows, problems = tested()
    problems += faults(rows)
    written = PAGE.read_text() if PAGE.exists() else ""
    if without_results(written) != without_results(page(rows, {})):
        problems.append("docs/conformance.md is out of date: run `make conformance`")
    return problems


def main():
    if sys.argv[1:] == ["--check"]:
        sys.exit("\n".join(check()) or 0)
    rows, problems = tested()
    problems += faults(rows)
    if problems:
        sys.exit("\n".join(problems))
    PAGE.write_text(page(rows, json.loads(pathlib.Path(sys.argv[1]).read_text())))


if __name__ == "__main__":
    main()
