"""Cells of two results sets side by side: the launches of each arm, or why a cell has none."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from moe_results import CELL, SHARED_MACHINE, ResultsError, Row, in_other_modes, why_no_time
from regression.disturbance import doubt_of
from regression.shared_noise import without_shared_noise

# Inputs are made from the seed, so rows of another seed are another cell. Rows of two claims are
# one, and why it cannot be tested, or what is in doubt about it.
CELL_AND_SEED = (*(name for name in CELL if name != "claim"), "seed")
# What says where a cell was measured rather than what was.
MACHINE_COLUMNS = ("backend", "device", "transport", "hosts", "ranks_per_device", "claim")
METRICS = ("output", "combine", "layer")


def time_column(metric: str) -> str:
    return f"{metric}_us_median"


def speedup_column(metric: str) -> str:
    return f"speedup_{metric}"


def compare(
    baseline: Iterable[Row], new: Iterable[Row], columns: dict[str, str], key: Sequence[str]
) -> pd.DataFrame:
    """One row for each cell and metric that BASELINE has values of: the columns of the key,
    metric, the values of the launches as tuples in baseline and new, and reason: why NEW cannot
    be tested, else empty. columns: metric -> column of the results."""
    before, after = _by_cell(baseline, key), _by_cell(new, key)
    modes = in_other_modes(before, after, key)
    cells = [
        dict(zip(key, cell), metric=metric, baseline=values, new=_values(others, column),
             reason=_why_missing(others, metric, column, modes.get(cell, [])))
        for metric, column in columns.items()
        for cell, rows in before.items()
        for values, others in [(_values(rows, column), after.get(cell, []))]
        if values
    ]
    for metric in columns:
        if all(cell["metric"] != metric for cell in cells):
            raise ResultsError(f"BASELINE has no row with a time of {metric}")
    return pd.DataFrame(cells)


def compare_times(
    baseline: Sequence[Row], new: Sequence[Row], metrics: Sequence[str]
) -> pd.DataFrame:
    """As compare() of the metrics' times; in baseline_steady and new_steady the same without what
    each launch did to all strategies of a case alike, and in doubt, else empty, what speaks
    against a verdict."""
    columns = {metric: time_column(metric) for metric in metrics}
    cells = compare(baseline, new, columns, CELL_AND_SEED)
    quiet = without_shared_noise(baseline, new, columns.values(), CELL_AND_SEED)
    steady = compare(*quiet, columns, CELL_AND_SEED)
    before, after = _by_cell(baseline, CELL_AND_SEED), _by_cell(new, CELL_AND_SEED)
    keys = list(cells[list(CELL_AND_SEED)].itertuples(index=False, name=None))
    arms = [(before[key], after.get(key, [])) for key in keys]
    reasons = [reason or _claims_differ(*rows) for reason, rows in zip(cells["reason"], arms)]
    return cells.assign(
        baseline_steady=steady["baseline"], new_steady=steady["new"], reason=reasons,
        doubt=[doubt_of(*rows) for rows in arms],
    )


def only_in_new(
    baseline: Iterable[Row], new: Iterable[Row], column: str, key: Sequence[str]
) -> pd.DataFrame:
    """The cells that have a value in NEW and none in BASELINE."""
    before = {cell for cell, rows in _by_cell(baseline, key).items() if _values(rows, column)}
    after = [cell for cell, rows in _by_cell(new, key).items() if _values(rows, column)]
    return pd.DataFrame([cell for cell in after if cell not in before], columns=list(key))


def _by_cell(rows: Iterable[Row], key: Sequence[str]) -> dict[tuple, list[Row]]:
    cells: dict[tuple, list[Row]] = {}
    for row in rows:
        # As text: NaN tokens would not equal themselves.
        cells.setdefault(tuple(_text(row[name]) for name in key), []).append(row)
    return cells


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"


def _values(rows: Iterable[Row], column: str) -> tuple[float, ...]:
    return tuple(row[column] for row in rows if why_no_time(row) is None and row[column] > 0)


def _claims_differ(baseline: Iterable[Row], new: Iterable[Row]) -> str:
    """A shared machine is no claim of another kind: it puts a cell in doubt."""
    claims = [
        " and ".join(sorted({str(row["claim"]) for row in rows if why_no_time(row) is None}
                            - {SHARED_MACHINE}))
        for rows in (baseline, new)
    ]
    if not all(claims) or claims[0] == claims[1]:
        return ""
    return f"claim {claims[0]} in BASELINE, {claims[1]} in NEW, never compared"


def _why_missing(
    rows: Sequence[Row], metric: str, column: str, other_modes: Sequence[str]
) -> str:
    """A single launch without a time will do: a result that is wrong now and then is wrong."""
    if not rows:
        modes = " and ".join(other_modes)
        return f"in NEW in mode {modes} only, which is another time" if modes else "not in NEW"
    reasons = Counter(
        why_no_time(row) or f"no {metric} time in the row" for row in rows
        if not _values([row], column)
    )
    if not reasons:
        return ""
    reason, count = reasons.most_common(1)[0]
    return " ".join(reason.split()) + (f", {count} of {len(rows)} launches" * (len(rows) > 1))
