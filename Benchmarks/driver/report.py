"""The table as text and as JSON."""

import json


def shown(number):
    """A figure as people read it."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def table(findings):
    """The rows as a text table."""
    head = ("row", "ours", "peer", "unit", "ratio", "spread", "goal", "met")
    lines = [head]
    for found in findings:
        low, high = found["ratio_range"]
        lines.append((
            found["row"], shown(found["ours"]), shown(found["peer"]), found["unit"],
            f"{found['ratio']:.2f}", f"{low:.2f}-{high:.2f}", found["goal"],
            "yes" if found["met"] else "NO"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    numbers = {1, 2, 4}
    text = []
    for line in lines:
        cells = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths))]
        text.append("  ".join(cells).rstrip())
    text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(text)


def write_json(path, machine, rows):
    """Writes the machine and the rows, one row a line."""
    lines = ",\n".join("    " + json.dumps(row) for row in rows)
    text = f'{{\n  "machine": {json.dumps(machine)},\n  "rows": [\n{lines}\n  ]\n}}\n'
    json.loads(text)
    path.write_text(text)
