"""Two results sets to one report: a judgement on one machine, paired ratios on two."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from moe_results import (
    MOST_DISTURBED_PCT, PLANTED, SHARED_MACHINE, ResultsError, lacks_verdict)
from regression.cells import (
    CELL_AND_SEED, MACHINE_COLUMNS, compare, compare_times, only_in_new, speedup_column,
    time_column,
)
from regression.disturbance import SHARED_TEXT
from regression.report import Report, counts_text, headline, name_cases
from regression.sets import FEWEST_LAUNCHES, ResultsSet, machine_differences, warnings
from regression.verdicts import (
    FAILING, Gate, is_tested, judge, launches_needed, smallest_p,
)


def make_report(
    baseline: ResultsSet, new: ResultsSet, metrics: Sequence[str], gate: Gate
) -> Report:
    differences = machine_differences(baseline, new)
    if differences:
        return _other_machine(baseline, new, metrics, differences)
    cells = judge(compare_times(baseline.rows, new.rows, metrics), gate)
    cells, added = _named(cells, baseline, new, time_column("output"), CELL_AND_SEED)
    facts = [
        f"BASELINE {baseline.path}, NEW {new.path}: {len(cells)} cells, {counts_text(cells)}.",
        "Exact rank test on the medians of launches"
        + " (and without what each launch did to all strategies of a case alike)"
        * bool((cells["tests"] > 1).any())
        + f", Holm over all that were tested ({cells['tests'].sum()}) at {gate.alpha:g}; what"
        f" differs by less than {100 * gate.threshold:g} % is ok.",
    ]
    blind = _why_blind(cells, gate)
    weak = [*warnings(baseline, new), *_too_few(cells), *filter(None, [blind]),
            *_in_doubt(cells), *_planted(baseline, new)]
    return Report(headline(cells), facts, weak, cells, added, blind)


def failed(report: Report) -> bool:
    return "verdict" in report.cells and bool(report.cells["verdict"].isin(FAILING).any())


def _named(
    cells: pd.DataFrame, baseline: ResultsSet, new: ResultsSet, column: str, key: Sequence[str]
) -> list[pd.DataFrame]:
    return name_cases([cells, only_in_new(baseline.rows, new.rows, column, key)])


def _too_few(cells: pd.DataFrame) -> list[str]:
    tested = cells[is_tested(cells)]
    fewest = min((min(len(cell.baseline), len(cell.new)) for cell in tested.itertuples()),
                 default=FEWEST_LAUNCHES)
    if fewest >= FEWEST_LAUNCHES:
        return []
    return [f"cells with {fewest} launch{'es' * (fewest > 1)}: a gate needs {FEWEST_LAUNCHES} of"
            " each arm"]


def _why_blind(cells: pd.DataFrame, gate: Gate) -> str:
    """Why no cell can be a regression, however slow it is; "" where one can."""
    tested = cells[is_tested(cells)]
    if tested.empty:
        return "no cell could be tested"
    least = min(smallest_p(len(cell.baseline), len(cell.new)) for cell in tested.itertuples())
    tests = tested["tests"].sum()
    if least * tests <= gate.alpha:
        return ""
    needed = launches_needed(tests, gate.alpha)
    return (
        f"nothing can be significant: the smallest p of so few launches is {least:.2g}, Holm over"
        f" {tests} tests asks for {gate.alpha / tests:.2g}; {needed} launches of each arm can give"
        " it"
    )


def _in_doubt(cells: pd.DataFrame) -> list[str]:
    """How many cells have no verdict because of what else ran."""
    tested = cells[(cells["reason"] == "") & (cells["doubt"] != "")]
    shared = (tested["doubt"] == SHARED_TEXT).sum()
    counts = {
        f"other programs were on the device (claim {SHARED_MACHINE})": shared,
        f"their ranks waited for a processor for more than {MOST_DISTURBED_PCT} % of the time"
        " (disturbed_pct)": len(tested) - shared,
    }
    return [f"{count} of {len(cells)} cells are inconclusive: {why}"
            for why, count in counts.items() if count]


def _planted(baseline: ResultsSet, new: ResultsSet) -> list[str]:
    return [
        f"{name} has rows slowed down on purpose ({', '.join(planted)}): a test of the gate"
        for name, one in (("BASELINE", baseline), ("NEW", new))
        for planted in [sorted({f"{row['combine']} by {row['planted_pct']:g} %"
                                for row in one.rows if lacks_verdict(row, PLANTED)})]
        if planted
    ]


def _other_machine(
    baseline: ResultsSet, new: ResultsSet, metrics: Sequence[str], differences: list[str]
) -> Report:
    """Ratios within a launch survive a change of machine better than times."""
    key = [name for name in CELL_AND_SEED if name not in MACHINE_COLUMNS]
    columns = {metric: speedup_column(metric) for metric in metrics}
    cells = compare(baseline.rows, new.rows, columns, key)
    cells["baseline_speedup"] = [np.median(values) for values in cells["baseline"]]
    cells["new_speedup"] = [np.median(v) if v else math.nan for v in cells["new"]]
    cells["ratio"] = cells["new_speedup"] / cells["baseline_speedup"]
    if cells["ratio"].isna().all():
        raise ResultsError(f"another machine ({'; '.join(differences)}), and no cell in common")
    cells, added = _named(cells, baseline, new, speedup_column("output"), key)
    facts = [
        f"BASELINE {baseline.path}, NEW {new.path}: {len(cells)} cells.",
        *(f"* {difference}" for difference in differences),
    ]
    return Report(
        "Regression gate: another machine, a report and no verdict", facts,
        _planted(baseline, new), cells, added, f"another machine ({'; '.join(differences)})",
    )
