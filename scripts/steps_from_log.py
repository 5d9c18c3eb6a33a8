#!/usr/bin/env python3
"""Writes the steps that a serving engine logged as a file for `bench_moe_comm --steps`.

    steps_from_log.py LOG... [--engine NAME] [--spec-width N] [--tp N] [--ep N] --out FILE

What a log must have is in bench/steps/README.md; one whose name ends in .gz is unpacked. Exit
status: 0; 2 with one line on standard error for logs that no steps can be made of, and then nothing
is written.
"""

import csv
import io
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cli import OneLineParser, command, write_text
from engine_logs.formats import FORMATS
from engine_logs.join import Joined, join
from engine_logs.line import Line
from engine_logs.read import read_lines
from moe_results import ResultsError

FIELDS = ("engine", "phase", "graph_rows", "unit", "spec_width", "tokens_per_rank", "count", "step_us")


def whole_number(text: str) -> int:
    """A number of ranks or tokens. An ArgumentTypeError for any other text."""
    if re.fullmatch(r"[1-9][0-9]{0,6}", text):
        return int(text)
    raise ArgumentTypeError(f"'{text}' is no whole number from 1 to 9999999")


def find_engine(log: Sequence[str]) -> str:
    """The engine whose lines the logs have."""
    found = [name for name, form in FORMATS.items() if next(form.lines(log), None)]
    if len(found) == 1:
        return found[0]
    seen = f"lines of {' and '.join(found)}" if found else "no line of an iteration"
    raise ResultsError(f"{seen}: --engine takes one of {', '.join(FORMATS)}")


def phase_of(step: Mapping[int, Line]) -> str:
    prefill = any(line.prefill_tokens for line in step.values())
    decode = any(line.decode_count for line in step.values())
    return "mixed" if prefill and decode else "prefill" if prefill else "decode"


def row_of(engine: str, step: Mapping[int, Line], ranks: int, spec_width: int | None) -> dict[str, Any]:
    lines = [step.get(rank) for rank in range(ranks)]
    requests = [line is not None and line.requests for line in lines]
    if spec_width is None and any(line.speculative for line in step.values()):
        raise ResultsError("decode is speculative: --spec-width says how many tokens a request brings")
    units = ["requests" if spec_width and flag else "tokens" for flag in requests]
    times = [line.us for line in step.values() if line.us is not None]
    eager = any(line.in_graph is False for line in step.values())
    return {
        "engine": engine,
        "phase": phase_of(step),
        "graph_rows": 0 if eager else "",
        "unit": ";".join(units) if len(set(units)) > 1 else units[0],
        "spec_width": spec_width or "",
        "tokens_per_rank": ";".join(
            str(line.prefill_tokens + line.decode_count if line else 0) for line in lines),
        "count": 1,
        "step_us": f"{max(times):.6g}" if times and max(times) > 0 else "",
    }


def header(joined: Joined, tp: int | None, ep: int | None) -> Iterator[str]:
    yield f"dp={joined.ranks}"
    if tp:
        yield f"tp={tp}"
    if ep:
        yield f"ep={ep}"


@command("steps_from_log.py")
def main(arguments: Sequence[str] | None = None) -> int:
    parser = OneLineParser(description=__doc__.partition("\n")[0])
    parser.add_argument("logs", nargs="+", type=Path, metavar="LOG", help="of all ranks")
    parser.add_argument("--engine", choices=FORMATS, help="(the one whose lines are there)")
    parser.add_argument("--spec-width", type=whole_number, metavar="N",
                        help="tokens that a decoding request brings, under speculation")
    parser.add_argument("--tp", type=whole_number, metavar="N", help="ranks of the deployment")
    parser.add_argument("--ep", type=whole_number, metavar="N", help="expert-parallel size")
    parser.add_argument("--out", type=Path, metavar="FILE", required=True)
    options = parser.parse_args(arguments)
    log = read_lines(options.logs)
    engine = options.engine or find_engine(log)
    joined = join(FORMATS[engine].lines(log), FORMATS[engine])
    text = io.StringIO()
    print("#", *header(joined, options.tp, options.ep), file=text)
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row_of(engine, step, joined.ranks, options.spec_width) for step in joined.steps)
    write_text(options.out, text.getvalue())
    runs = f" in {joined.runs} runs of the engine" if joined.runs > 1 else ""
    print(f"{len(joined.steps)} steps of {joined.ranks} DP ranks{runs}; {joined.left_over} lines join "
          f"no others")
    return 0


if __name__ == "__main__":
    sys.exit(main())
