"""Two results sets to one report: a judgement on one machine, paired ratios on two."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from moe_results import ResultsError
from regression.cells import (
    CELL_AND_SEED, MACHINE_COLUMNS, compare, compare_times, only_in_new, speedup_column,
    time_column,
)
from regression.report import Report, counts_text, headline, name_cases
from regression.sets import FEWEST_LAUNCHES, ResultsSet, machine_differences, shared_machine, warnings
from regression.verdicts import FAILING, Gate, judge, launches_needed, smallest_p


def make_report(
    baseline: ResultsSet, new: ResultsSet, metrics: Sequence[str], gate: Gate
) -> Report:
    differences = machine_differences(baseline, new)
    if differences:
        return _no_verdict(baseline, new, metrics, "another machine", differences)
    shared = shared_machine(baseline, new)
    if shared:
        return _no_verdict(baseline, new, metrics, "a shared machine", shared)
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
    weak = warnings(baseline, new) + _too_few(cells, gate) + _planted(baseline, new)
    return Report(headline(cells), facts, weak, cells, added)


def failed(report: Report) -> bool:
    return "verdict" in report.cells and bool(report.cells["verdict"].isin(FAILING).any())


def _named(
    cells: pd.DataFrame, baseline: ResultsSet, new: ResultsSet, column: str, key: Sequence[str]
) -> list[pd.DataFrame]:
    return name_cases([cells, only_in_new(baseline.rows, new.rows, column, key)])


def _too_few(cells: pd.DataFrame, gate: Gate) -> list[str]:
    tested = cells[cells["reason"] == ""]
    if tested.empty:
        return []
    fewest = min(min(len(cell.baseline), len(cell.new)) for cell in tested.itertuples())
    found = []
    if fewest < FEWEST_LAUNCHES:
        found.append(f"cells with {fewest} launch{'es' * (fewest > 1)}: a gate needs"
                     f" {FEWEST_LAUNCHES} of each arm")
    least = min(smallest_p(len(cell.baseline), len(cell.new)) for cell in tested.itertuples())
    tests = tested["tests"].sum()
    if least * tests > gate.alpha:
        needed = launches_needed(tests, gate.alpha)
        found.append(
            f"nothing can be significant: the smallest p of so few launches is {least:.2g}, Holm"
            f" over {tests} tests asks for {gate.alpha / tests:.2g}; {needed} launches"
            " of each arm can give it"
        )
    return found


def _planted(baseline: ResultsSet, new: ResultsSet) -> list[str]:
    return [
        f"{name} has rows slowed down on purpose ({', '.join(planted)}): a test of the gate"
        for name, one in (("BASELINE", baseline), ("NEW", new))
        for planted in [sorted({f"{row['combine']} by {row['planted_pct']:g} %"
                                for row in one.rows if row["planted_pct"] > 0})]
        if planted
    ]


def _no_verdict(
    baseline: ResultsSet, new: ResultsSet, metrics: Sequence[str], why: str, details: list[str]
) -> Report:
    """Ratios within a launch survive a change of machine, or of its load, better than times."""
    key = [name for name in CELL_AND_SEED if name not in MACHINE_COLUMNS]
    columns = {metric: speedup_column(metric) for metric in metrics}
    cells = compare(baseline.rows, new.rows, columns, key)
    cells["baseline_speedup"] = [np.median(values) for values in cells["baseline"]]
    cells["new_speedup"] = [np.median(v) if v else math.nan for v in cells["new"]]
    cells["ratio"] = cells["new_speedup"] / cells["baseline_speedup"]
    if cells["ratio"].isna().all():
        raise ResultsError(f"{why} ({'; '.join(details)}), and no cell in common")
    cells, added = _named(cells, baseline, new, speedup_column("output"), key)
    facts = [
        f"BASELINE {baseline.path}, NEW {new.path}: {len(cells)} cells.",
        *(f"* {detail}" for detail in details),
    ]
    return Report(
        f"Regression gate: {why}, a report and no verdict", facts,
        _planted(baseline, new), cells, added,
    )
