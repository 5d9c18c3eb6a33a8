#!/usr/bin/env python3
"""Says whether NEW is slower than BASELINE, cell by cell.

check_regression.py BASELINE NEW [--threshold PCT] [--alpha A] [--metric LIST]
                    [--markdown FILE] [--junit FILE]

BASELINE and NEW are CSV files or folders that hold a results.csv, each of several launches of the
same cases on the same machine, taken in turns (scripts/launches.sh). Exit status: 0; 1 for a
regression, or a cell of BASELINE that has no time in NEW; 2 with one line on standard error when
the input cannot be used. Sets of different machines, or measured beside
other processes (claim shared_machine), give a report and no verdict.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import packages  # noqa: F401, comes before what it looks for
from cli import OneLineParser, refuse
from moe_results import ResultsError
from regression.cells import METRICS
from regression.comparison import failed, make_report
from regression.junit import write_junit
from regression.report import markdown
from regression.sets import read_set
from regression.verdicts import Gate


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        description="Says whether NEW is slower than BASELINE: an exact rank test on the medians"
        " of launches, Holm over all cells, and a threshold."
    )
    parser.add_argument("baseline", type=Path, help="CSV file, or folder with a results.csv")
    parser.add_argument("new", type=Path, help="the same of the change")
    parser.add_argument("--threshold", type=float, default=5, metavar="PCT",
                        help="medians that differ by less are ok (default: 5)")
    parser.add_argument("--alpha", type=float, default=0.05,
                        help="chance of a false alarm in any cell (default: 0.05)")
    parser.add_argument("--metric", default="output", metavar="LIST",
                        help=f"of {', '.join(METRICS)} (default: output)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="report for a CI page")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="JUnit XML, a test for a cell")
    options = parser.parse_args(arguments)
    options.metric = list(dict.fromkeys(options.metric.split(",")))
    for unknown in sorted(set(options.metric) - set(METRICS)):
        raise ResultsError(f"unknown metric {unknown!r}, known: {', '.join(METRICS)}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        options = parse_arguments(arguments)
        gate = Gate.of_percent(options.threshold, options.alpha)
        sets = read_set(options.baseline), read_set(options.new)
        report = make_report(*sets, options.metric, gate)
        if options.markdown:
            options.markdown.write_text(markdown(report), encoding="utf-8")
        if options.junit:
            write_junit(report, options.junit)
    except (ResultsError, OSError) as error:
        return refuse("check_regression.py", error)
    print(markdown(report, full=False), end="")
    return int(failed(report))


if __name__ == "__main__":
    sys.exit(main())
