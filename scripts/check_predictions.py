#!/usr/bin/env python3
"""Which predictions of a document hold in what was measured since?

check_predictions.py PREDICTIONS RESULTS...

PREDICTIONS is a document such as results/nvidia-h200/predictions.md, RESULTS are CSV files or folders
that hold a results.csv: parts graph and ctas of reference_run.sh. Prints what was predicted, what was
measured and whether it holds for each cell of the tables, and the share that holds by form and by
load. A time holds within 10 %, a speed-up or a quotient of times within 0.1, a range where the median
over launches lies in it; who is ahead is a prediction of its own, but for speed-ups of 0.97 to 1.03.
Exit status: 0, whatever holds, or 2 with one line on standard error when the input cannot be used.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cli import OneLineParser, command
from moe_results import ResultsError, read_results
from predictions.measured import SETTING, Measured
from predictions.tables import Place, Prediction, read_predictions
from reference import ENGINE, over_reference
from samples import read_samples


class Checked(NamedTuple):
    prediction: Prediction
    measured: float | str | None  # None: not measured

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        return "held" if self.prediction.holds(self.measured) else "failed"


def line_of(checked: Checked) -> str:
    place, measured = checked.prediction.place, checked.measured
    text = "-" if measured is None else measured if isinstance(measured, str) else f"{measured:.4g}"
    return (f"{place.ranks} GPUs  {place.load:9} {place.form:37} {place.tokens:>6} tokens"
            f"  {checked.prediction.kind:12} {checked.prediction.text:>10} {text:>9}  {checked.verdict}")


def share_of(checks: Sequence[Checked]) -> str:
    verdicts = Counter(one.verdict for one in checks)
    count = verdicts["held"] + verdicts["failed"]
    return f"{verdicts['held']} of {count} ({100 * verdicts['held'] / count:.0f} %)"


def shares_by(name: str, value_of: Callable[[Place], str], checks: Iterable[Checked]) -> list[str]:
    groups: dict[str, list[Checked]] = {}
    for one in checks:
        groups.setdefault(value_of(one.prediction.place), []).append(one)
    return [f"held by {name}:", *(f"  {value:37} {share_of(group)}" for value, group in groups.items())]


@command("check_predictions.py")
def main(arguments: Sequence[str] | None) -> int:
    parser = OneLineParser(description="Which predictions hold in what was measured since?")
    parser.add_argument("predictions", type=Path, help="a document with tables of predictions")
    parser.add_argument("results", nargs="+", help="CSV files, or folders with a results.csv")
    options = parser.parse_args(arguments)
    predictions = read_predictions(options.predictions)
    measured = Measured(over_reference(
        read_results(options.results), ENGINE, read_samples(options.results)))
    checks = [Checked(one, measured.of(one)) for one in predictions]
    known = [one for one in checks if one.measured is not None]
    if not known:
        ranks = " or ".join(map(str, dict.fromkeys(one.place.ranks for one in predictions)))
        setting = ", ".join(f"{name} {value}" for name, value in SETTING.items())
        raise ResultsError(f"no row is of these tables: ranks {ranks}, dp of all ranks, {setting}")
    there = {one.prediction.place.ranks for one in known}
    print(*(line_of(one) for one in checks if one.prediction.place.ranks in there), "",
          *shares_by("form", lambda place: place.form, known), "",
          *shares_by("load", lambda place: place.load, known), "",
          f"held: {share_of(known)}; {len(checks) - len(known)} more were not measured", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
