"""Speed-ups over another strategy than the baseline of the run: over what engines run, or by name.

Standard library only, like moe_results.
"""

import math
from collections.abc import Iterable, Sequence

from moe_results import (
    AGAINST, MEASURES, NO_VERDICT, PLANTED, SPEEDUPS, ResultsError, Row, lacks_verdict, why_no_time)
from samples import LAYER, OUTPUT, Estimate, Samples

ENGINE, BASELINE = "engine", "baseline"
# The all-reduce that engines run, with dp_scatter: what a reduce_scatter would replace there.
ENGINE_FORM = "all_reduce_engine_dp_scatter"

# The time that each speed-up is a ratio of, and the kind of its samples.
TIMES = {
    "speedup_output": ("output_us_median", OUTPUT), "speedup_layer": ("layer_us_median", LAYER),
}


def over_reference(
    rows: Sequence[Row], against: str, samples: Samples = Samples()
) -> list[Row]:
    """The rows with speed-ups over `against`: the engines' own form where a case on GPUs has a time
    of it, else the case's baseline (ENGINE); the baseline (BASELINE); or the strategy of that name,
    and only the cases that have a time of it. AGAINST and is_baseline say which row it is."""
    if against == BASELINE:
        return list(rows)
    found: list[Row] = []
    for case in by_case(rows):
        reference = engine_form(case) if against == ENGINE else timed_row(case, against)
        if reference:
            found += over(case, reference, samples)
        elif against == ENGINE:
            found += case
    if not found:
        names = ", ".join(sorted({str(row["combine"]) for row in rows}))
        raise ResultsError(f"no case has a time of {against!r}; strategies in these rows: {names}")
    return found


def by_case(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that were measured against each other, round by round in one process."""
    cases: dict[tuple, list[Row]] = {}
    for row in rows:
        cases.setdefault((row["run_id"], row["case_id"]), []).append(row)
    return list(cases.values())


def engine_form(case: Iterable[Row]) -> Row | None:
    """The row of the all-reduce that an engine runs in this case: by its name, or where only
    another form stands for it by the column engine_path. On cores no engine runs any."""
    case = [row for row in case if row["backend"] != "host"]
    named = timed_row(case, ENGINE_FORM)
    if named:
        return named
    runs = (row for row in case if row["form"] == "all_reduce" and engine_paths(row))
    return next((row for row in runs if is_timed(row)), None)


def engine_paths(row: Row) -> list[str]:
    """Which engines run the row's strategy in its case. On cores none does."""
    paths = str(row["engine_path"]).split(";") if row["backend"] != "host" else []
    return [path for path in paths if path]


def timed_row(case: Iterable[Row], combine: str) -> Row | None:
    return next((row for row in case if row["combine"] == combine and is_timed(row)), None)


def is_timed(row: Row) -> bool:
    return why_no_time(row) is None and not lacks_verdict(row, PLANTED)


def over(case: Iterable[Row], reference: Row, samples: Samples) -> list[Row]:
    """The rows of a case with speed-ups over one of them. The baseline's own are left as they are:
    medians of ratios of the same round. So are others where the samples are known. Else they are
    ratios of medians, with an interval from the ends of both times' intervals, which is wider."""
    if reference["is_baseline"] == "true":
        return list(case)
    return [
        row | speedups(row, reference, samples) | {
            AGAINST: reference["combine"],
            "is_baseline": "true" if row is reference else "false",
            "no_verdict": ";".join(
                reason for reason in NO_VERDICT
                if lacks_verdict(row, reason) or lacks_verdict(reference, reason)),
        }
        for row in case
    ]


def speedups(row: Row, reference: Row, samples: Samples) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in SPEEDUPS:
        time, kind = TIMES[name]
        one = samples.speedup(row, reference, kind) or of_medians(row, reference, time)
        if row is reference:  # 1 by definition, where there is a time.
            one = Estimate(*[ratio(row[time], row[time])] * 3)
        found |= {name: one.median, f"{name}_low": one.low, f"{name}_high": one.high}
    return found


def of_medians(row: Row, reference: Row, time: str) -> Estimate:
    low, high = (f"{MEASURES[time]}_{end}" for end in ("low", "high"))
    return Estimate(ratio(reference[time], row[time]), ratio(reference[low], row[high]),
                    ratio(reference[high], row[low]))


def ratio(time: float, other: float) -> float:
    return time / other if other > 0 else math.nan
