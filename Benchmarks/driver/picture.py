"""The table as a picture: for each row how far the ratio is from its goal."""

import math
from xml.sax.saxutils import escape

from driver.report import shown

WIDTH, LEFT, RIGHT, LINE, TOP = 900, 330, 150, 34, 64
# A bar goes so many powers of two to either side; what is beyond is cut off.
MOST_POWERS = 4
GOOD, BAD, INK, PALE = "#2e7d4f", "#b3452c", "#222222", "#8a8a8a"


def goodness(found):
    """How many times better than its goal a ratio is: 1 is just met."""
    sign, value = found["goal"].split()
    ratio = max(found["ratio"], 1e-6)
    return ratio / float(value) if sign == ">=" else float(value) / ratio


def text(x, y, content, size=13, colour=INK, anchor="start", weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
        f'text-anchor="{anchor}" font-weight="{weight}">{escape(content)}</text>')


def draw(machine, rows):
    """The picture as SVG."""
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    power = (WIDTH - LEFT - RIGHT) / 2 / MOST_POWERS
    height = TOP + LINE * len(rows) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        text(16, 24, "iocpd beside its peers: times better than the goal", 16, weight="bold"),
        text(
            16, 44, f"{machine['processor']}, {machine['processors_used']} processors, "
            f"{machine['system']}, Linux {machine['kernel']}", 12, PALE),
    ]
    bottom = TOP + LINE * len(rows)
    for step in range(-MOST_POWERS, MOST_POWERS + 1):
        x = middle + step * power
        label = f"{2 ** step}x" if step >= 0 else f"1/{2 ** -step}"
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom}" '
            f'stroke="{INK if step == 0 else "#dddddd"}"/>')
        parts.append(text(x, bottom + 18, label, 11, PALE, "middle"))
    for number, found in enumerate(rows):
        y = TOP + LINE * number
        reach = max(-MOST_POWERS, min(MOST_POWERS, math.log2(goodness(found)))) * power
        colour = GOOD if found["met"] else BAD
        parts.append(text(16, y + 14, found["row"], 13, weight="bold"))
        parts.append(text(
            16, y + 28, f"{shown(found['ours'])} beside {shown(found['peer'])} {found['unit']}",
            11, PALE))
        parts.append(
            f'<rect x="{min(middle, middle + reach):.1f}" y="{y + 6}" '
            f'width="{max(abs(reach), 1):.1f}" height="18" fill="{colour}"/>')
        parts.append(text(
            WIDTH - RIGHT + 12, y + 20, f"{found['ratio']:.2f}  (goal {found['goal']})", 12,
            colour))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
