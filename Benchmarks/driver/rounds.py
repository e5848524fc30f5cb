"""What a row is, and how it is measured: A B A B, then medians."""

import dataclasses
import statistics
from collections.abc import Callable
from typing import Any

LEAST_ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class Goal:
    """What the ratio of ours to the peer's shall be."""

    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, ratio):
        if self.at_least is not None:
            return ratio >= self.at_least
        return ratio <= self.at_most

    def __str__(self):
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table.

    `sides` is a context manager over a place that gives two functions, ours and the peer's, each of
    which measures once and returns a figure in `unit`.
    """

    name: str
    what: str
    against: str
    unit: str
    goal: Goal
    sides: Callable[[Any], Any]
    rounds: int = 7


@dataclasses.dataclass(frozen=True)
class Finding:
    """A measured row."""

    row: Row
    ours: list[float]
    peer: list[float]

    @property
    def ratios(self):
        """Each round's ratio: what drifts in the machine drifts for both of its halves."""
        return [ours / peer for ours, peer in zip(self.ours, self.peer)]

    @property
    def ratio(self):
        return statistics.median(self.ratios)

    @property
    def is_met(self):
        return self.row.goal.is_met(self.ratio)

    def as_json(self):
        return {
            "row": self.row.name,
            "what": self.row.what,
            "against": self.row.against,
            "unit": self.row.unit,
            "ours": rounded(statistics.median(self.ours)),
            "peer": rounded(statistics.median(self.peer)),
            "ratio": rounded(self.ratio),
            "ratio_range": [rounded(min(self.ratios)), rounded(max(self.ratios))],
            "rounds": len(self.ours),
            "goal": str(self.row.goal),
            "met": self.is_met,
        }


def rounded(number):
    """Three digits that count."""
    return float(f"{number:.3g}") if abs(number) < 100 else round(number)


def measure(row, place, rounds=None):
    """Measures a row: one round that is thrown away, then A B A B."""
    count = max(rounds or row.rounds, LEAST_ROUNDS)
    found = Finding(row, [], [])
    with row.sides(place) as (ours, peer):
        for number in range(count + 1):
            figures = (ours(), peer())
            if number > 0:
                found.ours.append(figures[0])
                found.peer.append(figures[1])
    return found
