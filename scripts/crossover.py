#!/usr/bin/env python3
"""From which size on does a strategy's output step pass what engines run?

crossover.py RESULTS... [--against engine|baseline|NAME] [--json FILE] [--next]

RESULTS are CSV files or folders that hold a results.csv. For each setting and load, and for each
strategy, prints at which sizes it wins and loses, and the measured sizes around each change. It
wins or loses where the 95 % interval of its speed-up does not contain 1: over launches from six of
them on, else over the ends of the launches' own, which are of ratios of the same round where the
samples lie beside the rows.

--against engine is all_reduce_engine_dp_scatter, or where a case has no time of it, or ran on
cores, the case's baseline. Then follows what to run next so that each crossover is known to a
factor of 1.25; --next prints nothing but these sizes, as --tokens takes them: nothing at all where
there is nothing left to run. Rows whose claim allows no verdict are left out. Needs no package.
Exit status: 0, or 2 with one line on standard error when the input cannot be used.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import reference
from cli import OneLineParser, command, write_text
from crossovers import report
from crossovers.series import may_win, series_of
from moe_results import ResultsError, Row, read_results
from samples import read_samples


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        description="From which size on does a strategy's output step pass what engines run?")
    parser.add_argument("results", nargs="+", help="CSV files, or folders with a results.csv")
    parser.add_argument(
        "--against", default=reference.ENGINE,
        help="engine: all_reduce_engine_dp_scatter where a case has it, else its baseline;"
        " baseline; or a strategy (default: engine)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also writes all of it there")
    parser.add_argument("--next", action="store_true", help="prints only what to run next, as"
                        " --tokens takes it")
    return parser.parse_args(arguments)


def left_out_text(rows: Sequence[Row]) -> list[str]:
    claims = sorted({str(row["claim"]) for row in rows if not may_win(row)})
    count = sum(not may_win(row) for row in rows)
    return [f"left out: {count} rows, claim {', '.join(claims)} allows no verdict"] * bool(count)


@command("crossover.py")
def main(arguments: Sequence[str] | None) -> int:
    options = parse_arguments(arguments)
    rows = reference.over_reference(
        read_results(options.results), options.against, read_samples(options.results))
    left_out = left_out_text(rows)
    found = report.find(series_of(rows))
    if not found:
        raise ResultsError("; ".join(["no strategy has a speed-up over another", *left_out]))
    if options.json:
        write_text(options.json, json.dumps(report.json_of(found), indent=1) + "\n")
    if options.next:
        print(*report.next_tokens(found), sep=",", end="\n" * bool(report.next_tokens(found)))
        return 0
    print(*report.table_of(found), "", *report.plan_of(found), *left_out, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
