#!/usr/bin/env python3
"""Writes results in the format of another project, for its tools.

    export.py RESULTS... --format collectivex --out DIR

RESULTS are CSV files or folders that hold a results.csv. collectivex: one `case-attempt` JSON document
of SemiAnalysis InferenceX's CollectiveX for each launch, strategy, phase and setting
(results/README.md says what of it our rows know). Exit status: 0; 2 with one line on standard error
for results that cannot be used or files that cannot be written.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cli import OneLineParser, cannot_write, command, write_text
from exports.collectivex import documents, tokens_of
from exports.samples import read_runs, read_samples
from moe_results import ResultsError, Row, read_results


def left_out(rows: Sequence[Row]) -> list[str]:
    """What becomes of no document, in words."""
    uneven = sum(tokens_of(row) is None for row in rows)
    planted = sum(row["planted_pct"] > 0 for row in rows)
    return [f"{count} rows left out: {why}" for count, why in (
        (uneven, "their tokens are no whole number for each DP rank"),
        (planted, "slowed down on purpose (--plant)")) if count]


@command("export.py")
def main(arguments: Sequence[str] | None = None) -> int:
    parser = OneLineParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS")
    parser.add_argument("--format", choices=["collectivex"], required=True)
    parser.add_argument("--out", type=Path, metavar="DIR", required=True)
    options = parser.parse_args(arguments)
    rows = read_results(options.results)
    made = documents(rows, read_samples(options.results), read_runs(options.results))
    if not made:
        raise ResultsError("no row with a time: nothing to export")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(options.out, error) from None
    for document in made:
        identity = document["identity"]
        name = f"{identity['case_id']}_{identity['allocation_factors']['run_id']}.json"
        write_text(options.out / name, json.dumps(document, allow_nan=False) + "\n")
    print(f"{len(made)} documents in {options.out}", *left_out(rows), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
