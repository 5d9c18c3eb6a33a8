"""One strategy over the tokens of one setting and load: its speed-up at each size."""

from collections.abc import Iterable
from dataclasses import dataclass

from moe_results import (
    AGAINST, CELL, DISTURBED, FUNCTIONAL, SHARED_MACHINE, Row, join_launches, lacks_verdict)
from reference import is_timed
from setting_names import load_order, natural, setting_label, telling_columns

WINS, LOSES, OPEN = "wins", "loses", "not resolved"

# What a group of series is always named by, beside what tells it from others.
NAMED = ("model", "hidden", "graph", "sms")
GROUP = tuple(name for name in CELL if name not in ("tokens", "combine"))


@dataclass(frozen=True)
class Point:
    tokens: int
    rows: int
    speedup: float
    low: float
    high: float
    launches: int
    verdict: str

    @staticmethod
    def of(row: Row) -> "Point":
        tokens = int(row["tokens"])
        return Point(
            tokens, int(row["rows"] or tokens), row["speedup_output"], row["speedup_output_low"],
            row["speedup_output_high"], row["launch_count"], verdict_of(row))


def verdict_of(row: Row) -> str:
    """Whether the row's output step is resolved to be faster or slower than its reference's."""
    if lacks_verdict(row, DISTURBED):
        return OPEN
    return (WINS if row["speedup_output_low"] > 1 else
            LOSES if row["speedup_output_high"] < 1 else OPEN)


@dataclass(frozen=True)
class Series:
    """The points of one strategy, by rising tokens; the values of GROUP are what they share."""

    group: tuple[str, ...]
    combine: str
    points: list[Point]

    def value(self, column: str) -> str:
        return self.group[GROUP.index(column)]

    @property
    def even_step(self) -> int:
        """Tokens that leave every rank as many rows are multiples of this."""
        return int(self.value("ranks"))


def series_of(rows: Iterable[Row]) -> list[Series]:
    """Of all rows that have a time and may name a winner, but those of the reference itself."""
    joined = join_launches(row for row in rows if is_timed(row) and may_win(row))
    points: dict[tuple, list[Point]] = {}
    for row in joined:
        if row["tokens"] > 0 and row["combine"] != row[AGAINST]:
            key = tuple(row[name] for name in GROUP), str(row["combine"])
            points.setdefault(key, []).append(Point.of(row))
    found = [Series(group, combine, sorted(part, key=lambda point: point.tokens))
             for (group, combine), part in points.items()]
    return sorted(found, key=order)


def may_win(row: Row) -> bool:
    return row["claim"] not in (FUNCTIONAL, SHARED_MACHINE)


def order(series: Series) -> list:
    """By setting, by load; strategies stay in the order of the rows."""
    values = dict(zip(GROUP, series.group))
    load = values.pop("load")
    return [[natural(value) for value in values.values()], load_order(load)]


def labels_of(series: Iterable[Series]) -> dict[tuple[str, ...], str]:
    """The name of each group: what it is always named by, and what tells it from the others."""
    groups = dict.fromkeys(one.group for one in series)
    rows = [dict(zip(GROUP, group)) for group in groups]
    others = [name for name in GROUP if name not in (*NAMED, "load")]
    named = [*NAMED, *(name for name in telling_columns(rows, (*NAMED, "load", *others))
                       if name in others)]

    def label(row: dict[str, str]) -> str:
        columns = [name for name in named if row[name]]
        return f"{setting_label(columns, [row[name] for name in columns])}, {row['load']}"

    return {group: label(row) for group, row in zip(groups, rows)}
