#!/usr/bin/env python3
"""Do two results sets of the same sweep say the same?

agreement.py A B

A and B are CSV files or folders that hold a results.csv, each of several launches. For each cell
that has a speed-up of the output step in both, compares its intervals over launches; prints how
many overlap, and the cells that do not. The baseline's own cells, 1 by definition, do not count.
Cells of another mode are other cells: rows of graphs say isolated or chained, by the program's
version. Exit status: 0, or 2 with one line on standard error when the input cannot be used.
"""

import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from cli import OneLineParser, command
from moe_results import (
    CELL, ResultsError, Row, in_other_modes, join_launches, read_results, why_no_time)

SPEEDUP, LOW, HIGH = "speedup_output", "speedup_output_low", "speedup_output_high"


def cells_of(path: Path) -> dict[tuple, Row]:
    """By cell: rows with an interval of their speed-up, of all strategies but the baseline."""
    rows = [row for row in read_results([path]) if why_no_time(row) is None]
    joined = join_launches(row for row in rows if row["is_baseline"] == "false")
    return {tuple(row[name] for name in CELL): row for row in joined
            if not math.isnan(row[LOW]) and not math.isnan(row[HIGH])}


def overlap(a: Row, b: Row) -> bool:
    return a[LOW] <= b[HIGH] and b[LOW] <= a[HIGH]


def line_of(row: Row, other: Row, with_mode: bool) -> str:
    mode = f" {row['mode']}" * with_mode
    return (f"  {row['combine']}, {row['model']} H {row['hidden']} {row['load']}{mode},"
            f" {row['tokens']:g} tokens: {row[SPEEDUP]:.3f} [{row[LOW]:.3f}, {row[HIGH]:.3f}] and"
            f" {other[SPEEDUP]:.3f} [{other[LOW]:.3f}, {other[HIGH]:.3f}]")


def notes_on_modes(a: Iterable[tuple], b: Iterable[tuple]) -> list[str]:
    elsewhere = in_other_modes(a, b, CELL)
    modes = " and ".join(sorted({mode for there in elsewhere.values() for mode in there}))
    note = f"{len(elsewhere)} cells of A are in B in mode {modes} only, which is another time"
    return [note] if elsewhere else []


@command("agreement.py")
def main(arguments: Sequence[str] | None) -> int:
    parser = OneLineParser(description="Do two results sets of the same sweep say the same?")
    parser.add_argument("a", type=Path, help="CSV file, or folder with a results.csv")
    parser.add_argument("b", type=Path, help="the same of another series of launches")
    options = parser.parse_args(arguments)
    a, b = cells_of(options.a), cells_of(options.b)
    both = [cell for cell in a if cell in b]
    notes = notes_on_modes(a, b)
    if not both:
        raise ResultsError(
            "; ".join(["no cell has an interval of its speed-up in both sets", *notes]))
    apart = [cell for cell in both if not overlap(a[cell], b[cell])]
    agree = len(both) - len(apart)
    print(f"{agree} of {len(both)} cells ({100 * agree / len(both):.0f} %) have overlapping"
          f" intervals of {SPEEDUP}, over {a[both[0]]['launch_count']} and"
          f" {b[both[0]]['launch_count']} launches")
    for note in notes:
        print(note)
    with_mode = len({a[cell]["mode"] for cell in both}) > 1
    for cell in apart:
        print(line_of(a[cell], b[cell], with_mode))
    return 0


if __name__ == "__main__":
    sys.exit(main())
